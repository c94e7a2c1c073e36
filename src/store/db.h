/* Private to store: the handle, and the few SQLite calls everything else is made of. */
#ifndef WSC_STORE_DB_H
#define WSC_STORE_DB_H

#include <wsclose/store.h>

#include "store/amend.h"
#include "store/ends.h"

#include <sqlite3.h>

struct wsc_bind;
struct wsc_bound;

#define WSC_APPLICATION_ID 0x57534331 /* 'WSC1' */

/* Statements that run once a record or more often: prepared when first used, kept until the store
 * is closed. */
enum wsc_kept_stmt {
    WSC_PUT_CONNECTION,  /* one row, */
    WSC_PUT_CONNECTIONS, /* or WSC_ROWS of them */
    WSC_PUT_CLOSE,
    WSC_PUT_CLOSES,
    WSC_PUT_VIOLATION,
    WSC_PUT_VIOLATIONS,
    WSC_PUT_EVIDENCE,
    WSC_PUT_EVIDENCES,
    WSC_PUT_STATE,
    WSC_DROP_RESUMED,
    WSC_DROP_REPLACED,
    WSC_AMEND_CAUSE,
    WSC_AMEND_BEFORE,
    WSC_AMEND_AFTER,
    WSC_KEPT_STMTS
};

struct wsc_store {
    sqlite3 *db;
    sqlite3_stmt *kept[WSC_KEPT_STMTS];
    struct wsc_bound *bound[WSC_KEPT_STMTS]; /* of each, one a parameter */
    bool utf16; /* texts are recoded when they are bound, not read where they stand */
    bool importing;
    bool trusted;         /* references are not checked now */
    bool flushed;         /* rows of the import under way are committed already */
    bool begun;           /* a transaction of it, and not ended by us */
    int64_t import_id;    /* begun or committed last; 0: none. After KNOWN: the earlier one */
    int64_t *capture_ids; /* of the import under way, by number in the run */
    size_t captures;
    char *known_captures; /* after KNOWN: JSON array of the earlier rows of the captures asked for,
                             else NULL */
    wsc_store_pass_fn pass; /* NULL: none */
    void *pass_ctx;
    uint64_t puts;   /* of the import under way */
    bool index_late; /* the index over keys was dropped and must be made again */
    struct wsc_ends ends;
    struct wsc_amends amends;
    char name[256]; /* for messages */
};

/* Turns SQLite's result into ours; fills |err| with SQLite's words after |doing|. SQLITE_OK, ROW
 * and DONE are WSC_OK. */
enum wsc_err wsc_db_check(struct wsc_store *s, int rc, const char *doing, struct wsc_error *err);

enum wsc_err wsc_db_exec(struct wsc_store *s, const char *sql, struct wsc_error *err) WSC_MUST_USE;
enum wsc_err wsc_db_prepare(struct wsc_store *s, const char *sql, sqlite3_stmt **stmt,
                            struct wsc_error *err) WSC_MUST_USE;
/* The kept statement |which|, which is |sql|, to be bound anew. */
enum wsc_err wsc_db_kept(struct wsc_store *s, enum wsc_kept_stmt which, const char *sql,
                         struct wsc_bind *b, struct wsc_error *err) WSC_MUST_USE;
/* Runs what was bound, unless binding failed. */
enum wsc_err wsc_db_run_bound(struct wsc_store *s, struct wsc_bind *b,
                              struct wsc_error *err) WSC_MUST_USE;
/* Runs |stmt| to its end and resets it. */
enum wsc_err wsc_db_run(struct wsc_store *s, sqlite3_stmt *stmt,
                        struct wsc_error *err) WSC_MUST_USE;
/* First column of the first row into |*out|; 0 if there is no row. */
enum wsc_err wsc_db_int(struct wsc_store *s, const char *sql, int64_t *out,
                        struct wsc_error *err) WSC_MUST_USE;

/* What a parameter of a statement is bound to, so that the same is not bound again: most columns of
 * a record have the value they had in the record before. */
struct wsc_bound {
    enum { WSC_BOUND_NOTHING, WSC_BOUND_NULL, WSC_BOUND_INT, WSC_BOUND_TEXT, WSC_BOUND_OTHER } kind;
    int64_t number;  /* INT */
    const void *ptr; /* TEXT */
    size_t len;
    char own[64]; /* short texts that |ptr| may be */
};

/* Binding in order, with the first failure kept: read it straight down, check once. */
struct wsc_bind {
    sqlite3_stmt *stmt;
    int at;                  /* of the last parameter bound */
    int rc;                  /* first failure, else SQLITE_OK */
    struct wsc_bound *bound; /* one a parameter; NULL: of a statement that is not kept */
};
void wsc_bind_null(struct wsc_bind *b);
void wsc_bind_int(struct wsc_bind *b, int64_t v);
void wsc_bind_known(struct wsc_bind *b, int64_t v);              /* negative: NULL */
void wsc_bind_ms(struct wsc_bind *b, int64_t ns);                /* negative: NULL */
void wsc_bind_time(struct wsc_bind *b, uint64_t ns);             /* 0: NULL */
void wsc_bind_word(struct wsc_bind *b, const char *static_text); /* NULL: NULL */
void wsc_bind_copy(struct wsc_bind *b, const char *text);        /* copied; NULL: NULL */
/* Bytes are not copied: they outlive the run of the statement. A NULL ptr is NULL. */
void wsc_bind_text(struct wsc_bind *b,
                   struct wsc_span s); /* our own words: made valid UTF-8 without NULs */
void wsc_bind_any(struct wsc_bind *b,
                  struct wsc_span s); /* from outside: a BLOB if it is not UTF-8 or holds a NUL */
void wsc_bind_blob(struct wsc_bind *b, struct wsc_span s);

/* RFC 3339 text in UTC with nine digits of a second, "2026-01-02T03:04:05.123456789Z". */
#define WSC_DB_TIME_LEN 30
void wsc_db_time_text(uint64_t ns, char out[WSC_DB_TIME_LEN + 1]);
/* The reverse; 0 for anything else. */
uint64_t wsc_db_time(const unsigned char *text);

/* Rows put by one statement, if there are so many: to begin and end one costs as much as a row. */
#define WSC_ROWS 16u
/* Records put at once, at most. */
#define WSC_PUT_MAX 128u
/* As wsc_store_put(), for |n| records. */
enum wsc_err wsc_put_records(struct wsc_store *s, const struct wsc_closure *const *recs, size_t n,
                             int64_t ids[WSC_PUT_MAX], struct wsc_error *err) WSC_MUST_USE;
/* What hangs on records that were put as |ids|. */
enum wsc_err wsc_put_children(struct wsc_store *s, const struct wsc_closure *const *recs, size_t n,
                              const int64_t *ids, struct wsc_error *err) WSC_MUST_USE;
/* The kept statement that is |head| and |rows| times |row|. */
enum wsc_err wsc_db_kept_rows(struct wsc_store *s, enum wsc_kept_stmt which, const char *head,
                              const char *row, size_t rows, struct wsc_bind *b,
                              struct wsc_error *err) WSC_MUST_USE;
/* The capture that a packet is in, and its number there; NULL for 0. */
int64_t wsc_capture_of(const struct wsc_store *s, uint64_t ref);
void wsc_bind_capture(const struct wsc_store *s, struct wsc_bind *b, uint64_t ref);
void wsc_bind_packet(struct wsc_bind *b, uint64_t ref);

/* An import as large as what is there already puts its keys into their index when all are known: in
 * no order, each would cost a page. Counts |n| records that are about to be put. */
enum wsc_err wsc_late_index_step(struct wsc_store *s, size_t n, struct wsc_error *err) WSC_MUST_USE;
/* The index is there afterwards. */
enum wsc_err wsc_late_index_build(struct wsc_store *s, struct wsc_error *err) WSC_MUST_USE;
/* Forgets it: an import begins, or all was rolled back. */
void wsc_late_index_reset(struct wsc_store *s);

/* Whether rows that are put are checked to refer to rows that are there. */
void wsc_import_check_refs(struct wsc_store *s, bool check);
/* An import must be under way; after a flush its next transaction begins. */
enum wsc_err wsc_import_resume(struct wsc_store *s, struct wsc_error *err) WSC_MUST_USE;

/* Brings the schema from user_version to |n| by scripts[user_version..n-1], all in one transaction.
 */
enum wsc_err wsc_migrate(struct wsc_store *s, const char *const *scripts, size_t n,
                         struct wsc_error *err) WSC_MUST_USE;
/* The scripts of schema/, embedded; |*n| is the newest version we know. */
const char *const *wsc_migrations(size_t *n);

/* Writes the condition |f| stands for, " WHERE ..." or nothing; wsc_where_bind() then binds its
 * parameters. */
#define WSC_WHERE_MAX 4096u
void wsc_where_text(const struct wsc_store *s, const struct wsc_filter *f, char sql[WSC_WHERE_MAX]);
void wsc_where_bind(const struct wsc_store *s, const struct wsc_filter *f, struct wsc_bind *b);
/* Makes the functions known that conditions call. Returns SQLite's result. */
int wsc_where_register(sqlite3 *db);

#endif
