/* A directory of its own for each test that needs database files. */
#ifndef WSC_TEST_TMP_DB_H
#define WSC_TEST_TMP_DB_H

#include <stdbool.h>
#include <stddef.h>

struct wsc_tmp_db {
    char dir[64];
    char path[80]; /* of a file "t.db" in it, which does not exist yet */
};

/* Makes the directory under $TMPDIR or /tmp; aborts if it cannot. */
void wsc_tmp_db_init(struct wsc_tmp_db *t);
/* Removes the directory and every file in it. */
void wsc_tmp_db_clear(struct wsc_tmp_db *t);

/* How many files are in the directory. */
size_t wsc_tmp_db_files(const struct wsc_tmp_db *t);

/* Writes |n| bytes as the file |path|, or reads it whole: the caller frees |*data|. Abort on
 * failure. */
void wsc_tmp_db_write(const char *path, const void *data, size_t n);
size_t wsc_tmp_db_read(const char *path, unsigned char **data);

/* Runs |sql| on |path| as another program would; aborts on failure. */
void wsc_tmp_db_sql(const char *path, const char *sql);
/* First column of the first row as text, in |out|; "" if there is none or it is NULL. */
const char *wsc_tmp_db_ask(const char *path, const char *sql, char *out, size_t cap);

#endif
