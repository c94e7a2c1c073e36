#include "doctor.h"

#include <wsclose/wsclose.h>

#include "command_line.h"

#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MIB UINT64_C(1048576)

/* ---- what can be read ---- */

static void tell_compression(struct doctor *d)
{
    char with[64] = "", without[64] = "";
    const char *name;
    bool built_in;
    for (size_t i = 0; (name = wsc_doctor_compression(i, &built_in)) != NULL; i++) {
        char *list = built_in ? with : without;
        size_t n = strlen(list);
        (void)snprintf(list + n, sizeof(with) - n, "%s%s", n > 0 ? " " : "", name);
    }
    const char *also = with[0] != '\0' ? ", compressed: " : "";
    if (without[0] == '\0')
        doctor_tell(d, (struct wsc_check){.name = "captures", .needed = true},
                    "pcap and pcapng%s%s", also, with);
    else
        doctor_tell(
            d,
            (struct wsc_check){.name = "captures",
                               .state = WSC_CHECK_NOTE,
                               .needed = true,
                               .mend = "sudo apt-get install --reinstall libarchive13"},
            "pcap and pcapng%s%s; this libarchive was built without %s: unpack such files first",
            also, with, without);
}

void doctor_analysis(struct doctor *d)
{
    tell_compression(d);
    if (wsc_doctor_ndpi())
        doctor_tell(d, (struct wsc_check){.name = "protocol-labels"}, "nDPI starts");
    else
        doctor_tell(d,
                    (struct wsc_check){.name = "protocol-labels",
                                       .state = WSC_CHECK_MISSING,
                                       .mend = "sudo apt-get install --reinstall libndpi4.2"},
                    "nDPI does not start: `app` stays empty; verdicts do not need it");
    const char *charset = nl_langinfo(CODESET);
    if (strcmp(charset, "UTF-8") == 0)
        doctor_tell(d, (struct wsc_check){.name = "locale"}, "UTF-8");
    else
        doctor_tell(d,
                    (struct wsc_check){
                        .name = "locale", .state = WSC_CHECK_NOTE, .mend = "export LC_ALL=C.UTF-8"},
                    "%s: tables and plots use ASCII only", charset);
}

/* ---- the database ---- */

static void tell_disk(struct doctor *d, const struct wsc_doctor_database *db)
{
    struct wsc_check c = {.name = "disk-room", .needed = true};
    if (db->free_bytes == UINT64_MAX) {
        c.state = WSC_CHECK_UNKNOWN;
        doctor_tell(d, c, "there is no such directory");
        return;
    }
    c.state = db->free_bytes < 16 * MIB     ? WSC_CHECK_MISSING
              : db->free_bytes < 1024 * MIB ? WSC_CHECK_NOTE
                                            : WSC_CHECK_OK;
    doctor_tell(d, c, "%" PRIu64 " MiB free", db->free_bytes / MIB);
}

/* True, having told so, if there is something that is not a database of ours. */
static bool tell_foreign(struct doctor *d, const struct wsc_doctor_database *db)
{
    struct wsc_check c = {.name = "database",
                          .subject = d->db,
                          .state = WSC_CHECK_MISSING,
                          .needed = true,
                          .mend = "wsclose analyze --db other.db FILE..."};
    if (!db->exists || db->empty)
        return false;
    if (!db->regular)
        doctor_tell(d, c, "is no file; choose another with --db");
    else if (!db->readable)
        doctor_tell(d, c, "cannot be read by you; choose another with --db, or ask its owner");
    else if (!db->sqlite)
        doctor_tell(d, c, "is no database, but a file of another kind; choose another with --db");
    else if (!db->ours)
        doctor_tell(d, c, "belongs to another program; choose another with --db");
    else if (db->schema > db->newest)
        doctor_tell(d, c,
                    "was written by a newer wsclose: schema %" PRIu32
                    ", and this one knows %" PRIu32 "; update wsclose, or choose another with --db",
                    db->schema, db->newest);
    else
        return false;
    return true;
}

static void tell_ours(struct doctor *d, const struct wsc_doctor_database *db)
{
    char by[64], old[64] = "";
    struct wsc_check c = {.name = "database", .subject = d->db, .needed = true};
    (void)snprintf(by, sizeof(by), "schema %" PRIu32 ", last written with SQLite %u.%u.%u",
                   db->schema, db->sqlite_version / 1000000, db->sqlite_version / 1000 % 1000,
                   db->sqlite_version % 1000);
    if (db->schema < db->newest)
        (void)snprintf(old, sizeof(old), "; the next analyze brings it to schema %" PRIu32,
                       db->newest);
    if (!db->writable || !db->folder) {
        c.state = WSC_CHECK_MISSING;
        c.mend = "wsclose analyze --db other.db FILE...";
        doctor_tell(d, c, "%s; can be read, but %s cannot be written to by you", by,
                    db->writable ? "its directory" : "it");
    } else if (db->writer != 0) {
        c.state = WSC_CHECK_NOTE;
        doctor_tell(d, c, "%s%s; process %d writes to it now: another waits 10 s for its turn", by,
                    old, (int)db->writer);
    } else {
        doctor_tell(d, c, "%s%s", by, old);
    }
}

void doctor_database(struct doctor *d)
{
    struct wsc_doctor_database db;
    struct wsc_check c = {.name = "database", .subject = d->db, .needed = true};
    wsc_doctor_database(d->db, &db);
    bool made = db.exists && !db.empty;
    if (tell_foreign(d, &db))
        return;
    if (made) {
        tell_ours(d, &db);
    } else if (db.folder && (!db.exists || db.writable)) {
        doctor_tell(d, c, "is not there yet; the first analyze makes it");
    } else {
        c.state = WSC_CHECK_MISSING;
        c.mend = "wsclose analyze --db ~/wsclose.db FILE...";
        doctor_tell(d, c, "is not there yet, and you cannot make it in this directory");
    }
    tell_disk(d, &db);
}

/* ---- the key log ---- */

#define KEYLOG_MAX (64 * MIB) /* a larger one takes its time */

static void tell_keylog_lines(struct doctor *d, struct wsc_check c, const char *path, mode_t mode)
{
    char mend[DOCTOR_MEND_MAX] = "chmod 600 --";
    struct wsc_keylog *log = NULL;
    struct wsc_keylog_file f = {.lines = 0};
    struct wsc_error err = {.message = "out of memory"};
    if (wsc_keylog_new(0, &log) != WSC_OK ||
        wsc_keylog_add_file(log, path, false, &err) != WSC_OK || !wsc_keylog_get_file(log, 0, &f)) {
        c.state = WSC_CHECK_MISSING;
        doctor_tell(d, c, "%s", err.message);
        wsc_keylog_free(log);
        return;
    }
    bool open = (mode & (S_IRWXG | S_IRWXO)) != 0;
    if (f.lines == f.damaged && f.lines > 0)
        c.state = WSC_CHECK_MISSING;
    else if (open || f.damaged > 0 || f.lines == 0)
        c.state = WSC_CHECK_NOTE;
    command_word(path, mend, sizeof(mend));
    c.mend = open ? mend : NULL;
    doctor_tell(d, c, "%" PRIu64 " secrets in %" PRIu64 " lines%s%s%s", f.secrets, f.lines,
                f.damaged == 0         ? ""
                : f.damaged == f.lines ? "; it is no key log in NSS format"
                                       : "; some lines cannot be read",
                f.lines == 0 ? "; did the program get SSLKEYLOGFILE?" : "",
                open ? "; others than you may read it, and with it what you encrypt" : "");
    wsc_keylog_free(log);
}

void doctor_keylog(struct doctor *d)
{
    const char *path = d->keylog != NULL ? d->keylog : getenv("SSLKEYLOGFILE");
    struct wsc_check c = {.name = "key-log"};
    struct stat st;
    if (path == NULL || path[0] == '\0') {
        c.state = WSC_CHECK_NOTE;
        c.mend = "export SSLKEYLOGFILE=~/keys.log   # before the browser, node, curl ... starts";
        doctor_tell(d, c, "none is named: of TLS only what is not encrypted will be seen");
        return;
    }
    c.subject = path;
    if (stat(path, &st) != 0) {
        c.state = errno == ENOENT ? WSC_CHECK_NOTE : WSC_CHECK_MISSING;
        doctor_tell(d, c,
                    errno == ENOENT ? "is not there yet; the program makes it when it starts"
                                    : "cannot be reached: no permission, or no such place");
    } else if (!S_ISREG(st.st_mode)) {
        c.state = WSC_CHECK_UNKNOWN;
        doctor_tell(d, c, "is no file; what is in it is not looked at");
    } else if ((uint64_t)st.st_size > KEYLOG_MAX) {
        c.state = WSC_CHECK_UNKNOWN;
        doctor_tell(d, c, "is %" PRIu64 " MiB large; its lines are not counted",
                    (uint64_t)st.st_size / MIB);
    } else {
        tell_keylog_lines(d, c, path, st.st_mode);
    }
}
