#include "support/tmp_db.h"

#include <sqlite3.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

void wsc_tmp_db_init(struct wsc_tmp_db *t)
{
    const char *base = getenv("TMPDIR");
    if (base == NULL || strlen(base) > sizeof(t->dir) - 24)
        base = "/tmp";
    (void)snprintf(t->dir, sizeof(t->dir), "%s/wsclose-test-XXXXXX", base);
    must(mkdtemp(t->dir) != NULL, t->dir);
    (void)snprintf(t->path, sizeof(t->path), "%s/t.db", t->dir);
}

/* Counts the files of |t|, and removes them if asked to. */
static size_t walk(const struct wsc_tmp_db *t, bool away)
{
    DIR *d = opendir(t->dir);
    must(d != NULL, t->dir);
    size_t n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        n++;
        if (away && unlinkat(dirfd(d), e->d_name, 0) != 0)
            must(unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR) == 0, e->d_name);
    }
    (void)closedir(d);
    return n;
}

void wsc_tmp_db_clear(struct wsc_tmp_db *t)
{
    (void)walk(t, true);
    must(rmdir(t->dir) == 0, t->dir);
}

size_t wsc_tmp_db_files(const struct wsc_tmp_db *t)
{
    return walk(t, false);
}

void wsc_tmp_db_write(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    must(f != NULL, path);
    must(fwrite(data, 1, n, f) == n, path);
    must(fclose(f) == 0, path);
}

size_t wsc_tmp_db_read(const char *path, unsigned char **data)
{
    FILE *f = fopen(path, "rb");
    must(f != NULL && fseek(f, 0, SEEK_END) == 0, path);
    size_t n = (size_t)ftell(f);
    rewind(f);
    *data = malloc(n + 1);
    must(*data != NULL && fread(*data, 1, n, f) == n, path);
    (void)fclose(f);
    return n;
}

static sqlite3 *open_plain(const char *path)
{
    sqlite3 *db = NULL;
    must(sqlite3_open(path, &db) == SQLITE_OK, path);
    return db;
}

void wsc_tmp_db_sql(const char *path, const char *sql)
{
    sqlite3 *db = open_plain(path);
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
        (void)fprintf(stderr, "%s: %s: %s\n", path, sql, message);
        abort();
    }
    (void)sqlite3_close(db);
}

const char *wsc_tmp_db_ask(const char *path, const char *sql, char *out, size_t cap)
{
    sqlite3 *db = open_plain(path);
    sqlite3_stmt *stmt = NULL;
    out[0] = '\0';
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK) {
        (void)fprintf(stderr, "%s: %s: %s\n", path, sql, sqlite3_errmsg(db));
        abort();
    }
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0) != NULL)
        (void)snprintf(out, cap, "%s", (const char *)sqlite3_column_text(stmt, 0));
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    return out;
}
