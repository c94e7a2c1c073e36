#include "http/ws_subprotocol.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Of a part with as many letters and digits or more it can be told whether it was drawn at random;
 * shorter ones are only known by the word before them. */
#define RANDOM_LEAST 16u
#define RANDOM_RUN   26u

enum sign { SIGN_NONE, SIGN_LOWER, SIGN_UPPER, SIGN_DIGIT };

static enum sign sign_of(uint8_t c)
{
    if (c >= 'a' && c <= 'z')
        return SIGN_LOWER;
    if (c >= 'A' && c <= 'Z')
        return SIGN_UPPER;
    return c >= '0' && c <= '9' ? SIGN_DIGIT : SIGN_NONE;
}

static bool announces(struct wsc_span word)
{
    static const char *const words[] = {
        "bearer",     "token",       "accesstoken", "authtoken", "auth",   "authorization",
        "jwt",        "key",         "apikey",      "accesskey", "secret", "password",
        "passwd",     "pwd",         "ticket",      "sessionid", "sid",    "cookie",
        "credential", "credentials", "basic",       "signature"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (word.len == strlen(words[i]) &&
            strncasecmp((const char *)word.ptr, words[i], word.len) == 0)
            return true;
    return false;
}

static bool is_random(struct wsc_span part)
{
    size_t count[4] = {0}, changes = 0, run = 0, longest = 0;
    enum sign before = SIGN_NONE;
    for (size_t i = 0; i < part.len; i++) {
        enum sign s = sign_of(part.ptr[i]);
        count[s]++;
        run = s != SIGN_NONE ? run + 1 : 0;
        longest = run > longest ? run : longest;
        changes += s != SIGN_NONE && before != SIGN_NONE && s != before;
        before = s != SIGN_NONE ? s : before;
    }
    size_t all = count[SIGN_LOWER] + count[SIGN_UPPER] + count[SIGN_DIGIT];
    if (all < RANDOM_LEAST)
        return false;
    bool mixed = count[SIGN_DIGIT] >= 2 && count[SIGN_UPPER] >= 2;
    return mixed || count[SIGN_DIGIT] >= 4 || 3 * changes >= all || longest >= RANDOM_RUN;
}

/* Where the word ends that announces a secret in |part|; 0: none does. */
static size_t announced(struct wsc_span part)
{
    for (size_t from = 0, i = 0; i <= part.len; i++) {
        if (i < part.len && sign_of(part.ptr[i]) != SIGN_NONE)
            continue;
        if (i > from && announces((struct wsc_span){.ptr = part.ptr + from, .len = i - from}))
            return i;
        from = i + 1;
    }
    return 0;
}

struct writer {
    uint8_t *out;
    size_t len;
    bool cut; /* something was left out */
};

/* Returns false when it is full. */
static bool put(struct writer *w, struct wsc_span s)
{
    if (s.len > WSC_WS_SUBPROTOCOL_MAX - 1 - w->len) {
        w->out[w->len++] = '*';
        w->cut = true;
        return false;
    }
    if (s.len > 0)
        memcpy(w->out + w->len, s.ptr, s.len);
    w->len += s.len;
    return true;
}

/* The signs from |at| on; those within a part, too. */
static struct wsc_span signs_at(struct wsc_span field, size_t at)
{
    size_t to = at;
    while (to < field.len && sign_of(field.ptr[to]) == SIGN_NONE)
        to++;
    return (struct wsc_span){.ptr = field.ptr + at, .len = to - at};
}

static size_t part_end(struct wsc_span field, size_t at)
{
    while (at < field.len && (field.ptr[at] == '\0' || strchr("., /:;", field.ptr[at]) == NULL))
        at++;
    return at;
}

struct wsc_span wsc_ws_subprotocol_names(struct wsc_span field, uint8_t out[WSC_WS_SUBPROTOCOL_MAX])
{
    static const struct wsc_span star = {.ptr = (const uint8_t *)"*", .len = 1};
    struct writer w = {.out = out};
    for (size_t at = 0; field.ptr != NULL && at < field.len;) {
        struct wsc_span part = {.ptr = field.ptr + at, .len = part_end(field, at) - at};
        bool jwt = part.len >= 8 && memcmp(part.ptr, "eyJ", 3) == 0; /* {" in base64 */
        size_t word = announced(part);
        bool random = jwt || (word == 0 && is_random(part));
        at += word > 0 ? word : part.len;
        part.len = word > 0 ? word : part.len;
        struct wsc_span signs = signs_at(field, at);
        w.cut |= random;
        if (!put(&w, random ? star : part) || jwt || !put(&w, signs))
            break;
        at += signs.len;
        if (word > 0 && at < field.len) { /* all that follows is what it announced */
            w.cut = true;
            (void)put(&w, star);
            break;
        }
    }
    return w.cut ? (struct wsc_span){.ptr = out, .len = w.len} : field;
}
