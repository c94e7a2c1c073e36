#include "takes.h"

#include <wsclose/report.h>

#include <stdio.h>
#include <string.h>

/* ---- words ---- */

/* A list of our own. */
#define LISTED(fn, ...)                                                                            \
    static const char *fn(size_t i, char room[TAKES_ROOM])                                         \
    {                                                                                              \
        static const char *const words[] = {__VA_ARGS__, NULL};                                    \
        (void)room;                                                                                \
        return words[i];                                                                           \
    }
/* The names of the values |first| to |last| of an enum. */
#define NAMED(fn, first, last, name)                                                               \
    static const char *fn(size_t i, char room[TAKES_ROOM])                                         \
    {                                                                                              \
        (void)room;                                                                                \
        return i <= (size_t)(last) - (size_t)(first) ? name((first) + (unsigned)i) : NULL;         \
    }

LISTED(none_word, "none")
LISTED(any_word, "any")
LISTED(lang_word, "en", "ja", "vi")
LISTED(closed_by_word, "client", "server", "both", "nobody")
LISTED(peer_word, "client", "server")
LISTED(lines_word, "table", "ndjson", "csv", "none")
LISTED(objects_word, "table", "ndjson", "json", "none")
LISTED(page_word, "table", "ndjson", "json")
LISTED(registry_word, "table", "ndjson", "json", "csv")
NAMED(format_word, WSC_FORMAT_TABLE, WSC_FORMAT_NONE, wsc_format_name)
NAMED(outcome_word, WSC_OUTCOME_UNKNOWN, WSC_OUTCOME_HANDSHAKE_FAILED, wsc_outcome_name)
NAMED(ending_word, WSC_ENDING_NONE, WSC_ENDING_GAP, wsc_ending_name)
NAMED(cause_word, WSC_CAUSE_NONE + 1, WSC_CAUSE_COUNT - 1, wsc_cause_name)
NAMED(rule_word, 0, WSC_RULE_COUNT - 1, wsc_rule_name)
NAMED(key_word, 0, WSC_BY_COUNT - 1, wsc_stats_key_name)

/* The |i|-th entry of the registry that is of one code and not of a range. */
static const struct wsc_code_info *code_at(size_t i)
{
    size_t n;
    const struct wsc_code_info *all = wsc_codes(&n);
    for (const struct wsc_code_info *c = all; c < all + n; c++)
        if (c->first == c->last && i-- == 0)
            return c;
    return NULL;
}

static const char *code_word(size_t i, char room[TAKES_ROOM])
{
    const struct wsc_code_info *c = code_at(i);
    if (c == NULL)
        return NULL;
    (void)snprintf(room, TAKES_ROOM, "%d", c->first);
    return room;
}

static const char *code_about(size_t i)
{
    return code_at(i)->name;
}

/* ---- values ---- */

const struct takes takes_file = {.kind = TAKES_FILE};
const struct takes takes_capture = {.kind = TAKES_CAPTURE};
const struct takes takes_captures = {.kind = TAKES_CAPTURE, .many = true};
const struct takes takes_database = {.kind = TAKES_DATABASE};
const struct takes takes_database_or_none = {.kind = TAKES_DATABASE, .word = none_word};
const struct takes takes_keylogs = {.kind = TAKES_KEYLOG, .many = true};
const struct takes takes_folder = {.kind = TAKES_FOLDER};
const struct takes takes_interfaces = {.kind = TAKES_INTERFACE, .many = true, .word = any_word};
const struct takes takes_user = {.kind = TAKES_USER};

const struct takes takes_id = {.kind = TAKES_STORED, .stored = "id"};
const struct takes takes_server = {.kind = TAKES_STORED, .stored = "server"};
const struct takes takes_client = {.kind = TAKES_STORED, .stored = "client"};
const struct takes takes_host = {.kind = TAKES_STORED, .stored = "host"};
const struct takes takes_path = {.kind = TAKES_STORED, .stored = "path"};
const struct takes takes_user_agent = {.kind = TAKES_STORED, .stored = "user_agent"};
const struct takes takes_server_software = {.kind = TAKES_STORED, .stored = "server_software"};
const struct takes takes_capture_name = {.kind = TAKES_STORED, .stored = "capture"};
const struct takes takes_subprotocol = {.kind = TAKES_STORED, .stored = "subprotocol"};

const struct takes takes_lang = {.kind = TAKES_WORDS, .word = lang_word};
const struct takes takes_code = {.kind = TAKES_WORDS, .word = code_word, .about = code_about};
const struct takes takes_codes = {
    .kind = TAKES_LIST, .many = true, .word = code_word, .about = code_about};
const struct takes takes_cause = {.kind = TAKES_WORDS, .word = cause_word};
const struct takes takes_ending = {.kind = TAKES_WORDS, .word = ending_word};
const struct takes takes_outcome = {.kind = TAKES_WORDS, .word = outcome_word};
const struct takes takes_closed_by = {.kind = TAKES_WORDS, .word = closed_by_word};
const struct takes takes_rule = {.kind = TAKES_WORDS, .word = rule_word};
const struct takes takes_peer = {.kind = TAKES_WORDS, .word = peer_word};
const struct takes takes_keys = {.kind = TAKES_LIST, .word = key_word};
const struct takes takes_format = {.kind = TAKES_WORDS, .word = format_word};
const struct takes takes_format_lines = {.kind = TAKES_WORDS, .word = lines_word};
const struct takes takes_format_objects = {.kind = TAKES_WORDS, .word = objects_word};
const struct takes takes_format_page = {.kind = TAKES_WORDS, .word = page_word};
const struct takes takes_format_registry = {.kind = TAKES_WORDS, .word = registry_word};

/* "expected a, b or c, not" */
static void say_expected(const struct takes *t, char *why, size_t cap)
{
    char room[TAKES_ROOM], more[TAKES_ROOM];
    const char *word;
    size_t n = (size_t)snprintf(why, cap, "expected ");
    for (size_t i = 0; n < cap && (word = t->word(i, room)) != NULL; i++)
        n += (size_t)snprintf(why + n, cap - n, "%s%s",
                              i == 0                         ? ""
                              : t->word(i + 1, more) != NULL ? ", "
                                                             : " or ",
                              word);
    if (n < cap)
        (void)snprintf(why + n, cap - n, ", not");
}

bool takes_check(const struct takes *t, const char *value, char *why, size_t cap)
{
    char room[TAKES_ROOM];
    const char *word;
    for (size_t i = 0; (word = t->word(i, room)) != NULL; i++)
        if (strcmp(word, value) == 0)
            return true;
    say_expected(t, why, cap);
    return false;
}
