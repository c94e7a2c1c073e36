/* What the values of options and operands are: for the manual and for completion. The words come
 * from what parses them. */
#ifndef WSC_CLI_TAKES_H
#define WSC_CLI_TAKES_H

#include <stdbool.h>
#include <stddef.h>

enum takes_kind {
    TAKES_WORDS,  /* one of |word| */
    TAKES_LIST,   /* several of them, apart by commas */
    TAKES_STORED, /* something that stands in the database: |stored| */
    TAKES_FILE,   /* any file */
    TAKES_CAPTURE,
    TAKES_DATABASE,
    TAKES_KEYLOG,
    TAKES_FOLDER,
    TAKES_INTERFACE,
    TAKES_USER
};

/* The |i|-th word, NULL at the end. |room| is there for one that is made up as it is asked for. */
#define TAKES_ROOM 12u
typedef const char *(*takes_word_fn)(size_t i, char room[TAKES_ROOM]);

struct takes {
    enum takes_kind kind;
    bool many;                      /* the option may be given several times */
    takes_word_fn word;             /* of other kinds than words: what it may be besides, or NULL */
    const char *(*about)(size_t i); /* what the word means, or NULL: it says so itself */
    const char *stored;             /* a word of stats --by, or "id" */
};

extern const struct takes takes_file, takes_capture, takes_captures, takes_database,
    takes_database_or_none, takes_keylogs, takes_folder, takes_interfaces, takes_user;
extern const struct takes takes_id, takes_server, takes_client, takes_host, takes_path,
    takes_user_agent, takes_server_software, takes_capture_name, takes_subprotocol;
extern const struct takes takes_lang, takes_code, takes_codes, takes_cause, takes_ending,
    takes_outcome, takes_closed_by, takes_rule, takes_peer, takes_keys;
/* Of --format: all of them, and what is left where one or the other makes no sense. */
extern const struct takes takes_format, takes_format_lines, takes_format_objects, takes_format_page,
    takes_format_registry;

/* Says into |why| of |cap| bytes which words were expected, and returns false, unless |value| is
 * one of them. */
bool takes_check(const struct takes *t, const char *value, char *why, size_t cap);

#endif
