#include "http/h1_head.h"

#include "base/alloc.h"

#include <endian.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { START_LINE, FIELD_NAME, FIELD_VALUE, OVER };

/* Fields that are not kept, but say where the message ends. */
enum { LENGTH = WSC_HEAD_NONE + 1, CODING };

void wsc_h1_scan_init(struct wsc_h1_scan *s, bool requests)
{
    memset(s, 0, offsetof(struct wsc_h1_scan, items));
    s->requests = requests;
    s->step = START_LINE;
    s->item = WSC_HEAD_NONE;
}

void wsc_h1_scan_init_trailers(struct wsc_h1_scan *s, bool requests)
{
    wsc_h1_scan_init(s, requests);
    s->step = FIELD_NAME;
}

/* ---- bytes ---- */

#define EACH UINT64_C(0x0101010101010101)

static uint64_t load(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof(x));
    return le64toh(x);
}

/* How many bytes from |p| on are no control characters, eight at a time: of the low seven bits a
 * sum with 0x60 sets the eighth from 0x20 on, a sum with 1 at 0x7f. */
static size_t plain_run(const uint8_t *p, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t x = load(p + i), low = x & EACH * 0x7f;
        uint64_t marks = (~(low + EACH * 0x60) | (low + EACH)) & ~x & EACH * 0x80;
        if (marks != 0)
            return i + ((size_t)__builtin_ctzll(marks) >> 3);
    }
    while (i < n && p[i] >= 0x20 && p[i] != 0x7f)
        i++;
    return i;
}

/* How many bytes from |p| on are no colon: the one that becomes 0 borrows. A borrow may mark a byte
 * behind the first that is marked, never one before it. */
static size_t to_colon(const uint8_t *p, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t x = load(p + i) ^ EACH * ':', marks = (x - EACH) & ~x & EACH * 0x80;
        if (marks != 0)
            return i + ((size_t)__builtin_ctzll(marks) >> 3);
    }
    while (i < n && p[i] != ':')
        i++;
    return i;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct wsc_span trim(const uint8_t *p, size_t from, size_t to)
{
    while (from < to && is_space(p[from]))
        from++;
    while (to > from && is_space(p[to - 1]))
        to--;
    return (struct wsc_span){.ptr = p + from, .len = to - from};
}

static bool is_word(struct wsc_span s, const char *word, size_t len)
{
    return s.len == len && strncasecmp((const char *)s.ptr, word, len) == 0;
}

/* Reads on to the CR or LF that ends the line; DONE: |at| is there. */
static enum wsc_h1_scanned to_line_end(struct wsc_h1_scan *s, const uint8_t *head, size_t len,
                                       bool tabs)
{
    for (;;) {
        s->at += (uint32_t)plain_run(head + s->at, len - s->at);
        if (s->at == len)
            return WSC_H1_SCAN_MORE;
        uint8_t c = head[s->at];
        if (c == '\n')
            return WSC_H1_SCAN_DONE;
        if (c == '\r') {
            if (s->at + 1 == len)
                return WSC_H1_SCAN_MORE;
            return head[s->at + 1] == '\n' ? WSC_H1_SCAN_DONE : WSC_H1_SCAN_BAD;
        }
        if (c != '\t' || !tabs)
            return WSC_H1_SCAN_BAD;
        s->at++;
    }
}

static void next_line(struct wsc_h1_scan *s, const uint8_t *head)
{
    s->at += head[s->at] == '\r' ? 2 : 1;
    s->line = s->at;
    s->step = FIELD_NAME;
}

/* ---- the first line ---- */

#define WORD(text)                                                                                 \
    {                                                                                              \
        .word = (text), .len = sizeof(text) - 1                                                    \
    }
static const struct method {
    const char *word;
    size_t len;
} methods[] = {
    WORD("GET "),       WORD("POST "),      WORD("PUT "),        WORD("HEAD "),
    WORD("OPTIONS "),   WORD("DELETE "),    WORD("PATCH "),      WORD("CONNECT "),
    WORD("TRACE "),     WORD("COPY "),      WORD("LOCK "),       WORD("MKCOL "),
    WORD("MOVE "),      WORD("PROPFIND "),  WORD("PURGE "),      WORD("REPORT "),
    WORD("SEARCH "),    WORD("UNLOCK "), /* no connection of the web begins with those below */
    WORD("ACL "),       WORD("BIND "),      WORD("CHECKOUT "),   WORD("LINK "),
    WORD("MERGE "),     WORD("M-SEARCH "),  WORD("MKACTIVITY "), WORD("MKCALENDAR "),
    WORD("NOTIFY "),    WORD("PROPPATCH "), WORD("REBIND "),     WORD("SOURCE "),
    WORD("SUBSCRIBE "), WORD("UNBIND "),    WORD("UNLINK "),     WORD("UNSUBSCRIBE ")};
#undef WORD
#define METHODS_ALL   (sizeof(methods) / sizeof(methods[0]))
#define METHODS_FIRST 18u

static bool begins(struct wsc_span line, const char *word, size_t len)
{
    size_t n = line.len < len ? line.len : len;
    return n > 0 && line.ptr[0] == (uint8_t)word[0] && memcmp(line.ptr, word, n) == 0;
}

static const struct method *method_of(struct wsc_span line, size_t among)
{
    for (size_t i = 0; i < among; i++)
        if (begins(line, methods[i].word, methods[i].len))
            return &methods[i];
    return NULL;
}

bool wsc_h1_looks_like_request(struct wsc_span data)
{
    return method_of(data, METHODS_FIRST) != NULL;
}

static const char response_word[] = "HTTP/1.";

bool wsc_h1_looks_like_response(struct wsc_span data)
{
    return begins(data, response_word, sizeof(response_word) - 1);
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1" (RFC 9112 2.3). */
static bool take_version(struct wsc_h1_scan *s, const uint8_t *p)
{
    if (memcmp(p, "HTTP/", 5) != 0 || !is_digit(p[5]) || p[6] != '.' || !is_digit(p[7]))
        return false;
    s->version = (uint8_t)((p[5] - '0') * 10 + (p[7] - '0'));
    return true;
}
#define VERSION_LEN 8u

static void keep(struct wsc_h1_scan *s, unsigned item, size_t at, size_t len)
{
    uint32_t bit = UINT32_C(1) << item;
    s->mended |= s->found & bit;
    s->found |= bit;
    s->items[item].at = (uint32_t)at;
    s->items[item].len = (uint32_t)len;
}

/* RFC 9112 3.2: a path, "*", or a scheme and an authority; of CONNECT an authority. */
static bool is_target(const uint8_t *p, size_t n, bool connect)
{
    if (n == 0)
        return false;
    if (connect || p[0] == '/' || p[0] == '*')
        return true;
    size_t i = 0;
    while (i < n && ((p[i] | 0x20u) >= 'a' && (p[i] | 0x20u) <= 'z'))
        i++;
    return i > 0 && n - i >= 3 && memcmp(p + i, "://", 3) == 0;
}

static bool take_request_line(struct wsc_h1_scan *s, const uint8_t *head, const struct method *m)
{
    size_t from = s->line + m->len, end = s->at;
    while (from < end && head[from] == ' ')
        from++;
    size_t to = from;
    while (to < end && head[to] != ' ')
        to++;
    s->get = memcmp(m->word, "GET ", 4) == 0;
    s->head_method = memcmp(m->word, "HEAD", 4) == 0;
    s->connect = memcmp(m->word, "CONN", 4) == 0;
    if (!is_target(head + from, to - from, s->connect))
        return false;
    keep(s, WSC_HEAD_TARGET, from, to - from);
    while (to < end && head[to] == ' ')
        to++;
    return end - to == VERSION_LEN && take_version(s, head + to);
}

static bool take_status_line(struct wsc_h1_scan *s, const uint8_t *head)
{
    size_t at = s->line + VERSION_LEN, end = s->at;
    if (end - s->line < VERSION_LEN + 4 || !take_version(s, head + s->line) || head[at] != ' ')
        return false;
    while (at < end && head[at] == ' ')
        at++;
    if (end - at < 3 || head[at] == '0')
        return false;
    for (size_t i = 0; i < 3; i++, at++) {
        if (!is_digit(head[at]))
            return false;
        s->status = (uint16_t)(s->status * 10 + (head[at] - '0'));
    }
    size_t phrase = at < end ? at + 1 : end;
    keep(s, WSC_HEAD_PHRASE, phrase, end - phrase);
    return at == end || head[at] == ' ';
}

static enum wsc_h1_scanned read_start_line(struct wsc_h1_scan *s, const uint8_t *head, size_t len)
{
    if (s->at == s->line) { /* RFC 9112 2.2: empty lines before it are ignored */
        while (s->at < len && (head[s->at] == '\r' || head[s->at] == '\n'))
            s->line = ++s->at;
        if (s->at == len)
            return WSC_H1_SCAN_MORE;
    }
    enum wsc_h1_scanned r = to_line_end(s, head, len, !s->requests);
    struct wsc_span line = {.ptr = head + s->line, .len = s->at - s->line};
    const struct method *m = s->requests ? method_of(line, METHODS_ALL) : NULL;
    if (r == WSC_H1_SCAN_BAD || (s->requests && m == NULL) ||
        (!s->requests && !begins(line, "HTTP/", 5)))
        return WSC_H1_SCAN_BAD;
    if (r == WSC_H1_SCAN_MORE)
        return r;
    if (!(s->requests ? take_request_line(s, head, m) : take_status_line(s, head)))
        return WSC_H1_SCAN_BAD;
    next_line(s, head);
    s->fields = s->at;
    return WSC_H1_SCAN_DONE;
}

/* ---- fields ---- */

/* What a field's name consists of (RFC 9110 5.6.2), and the space. */
/* clang-format off */
static const bool name_byte[256] = {
    [' '] = 1, ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1,
    ['+'] = 1, ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1, ['~'] = 1,
    ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1,
    ['8'] = 1, ['9'] = 1,
    ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1,
    ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1,
    ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1,
    ['Y'] = 1, ['Z'] = 1,
    ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1,
    ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1,
    ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1,
    ['y'] = 1, ['z'] = 1,
};
/* clang-format on */

static bool is_name(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!name_byte[p[i]])
            return false;
    return true;
}

static unsigned item_of(const uint8_t *head, size_t from, size_t to)
{
    while (to > from && head[to - 1] == ' ')
        to--;
    struct wsc_span name = {.ptr = head + from, .len = to - from};
    unsigned item = wsc_head_item((const char *)name.ptr, name.len);
    if (item != WSC_HEAD_NONE)
        return item;
    if (name.len == 14 && wsc_head_is(name.ptr, "content-length", 14))
        return LENGTH;
    if (name.len == 17 && wsc_head_is(name.ptr, "transfer-encoding", 17))
        return CODING;
    return WSC_HEAD_NONE;
}

/* A line that begins with a space goes on with the value of the one before (RFC 9112 5.2). */
static enum wsc_h1_scanned begin_fold(struct wsc_h1_scan *s)
{
    if (s->line == s->fields || s->item == LENGTH || s->item == CODING)
        return WSC_H1_SCAN_BAD;
    if (s->item != WSC_HEAD_NONE)
        s->mended |= UINT32_C(1) << s->item;
    s->folded = true;
    s->value = s->at;
    s->step = FIELD_VALUE;
    return WSC_H1_SCAN_DONE;
}

static enum wsc_h1_scanned read_name(struct wsc_h1_scan *s, const uint8_t *head, size_t len)
{
    if (s->at == s->line) {
        if (s->at == len)
            return WSC_H1_SCAN_MORE;
        if (is_space(head[s->at]))
            return begin_fold(s);
        if (head[s->at] == '\r' || head[s->at] == '\n') {
            enum wsc_h1_scanned r = to_line_end(s, head, len, false);
            if (r != WSC_H1_SCAN_DONE)
                return r;
            next_line(s, head);
            s->step = OVER;
            /* RFC 9112 6.3: a server may refuse it, a client goes by the coding */
            return s->requests && s->coded && s->has_length ? WSC_H1_SCAN_BAD : r;
        }
    }
    size_t from = s->at, to = from + to_colon(head + from, len - from);
    s->at = (uint32_t)to;
    if (to == len)
        return is_name(head + from, to - from) ? WSC_H1_SCAN_MORE : WSC_H1_SCAN_BAD;
    s->item = (uint8_t)item_of(head, s->line, to);
    if (s->item == WSC_HEAD_NONE && (to == s->line || !is_name(head + s->line, to - s->line)))
        return WSC_H1_SCAN_BAD;
    s->value = ++s->at;
    s->step = FIELD_VALUE;
    return WSC_H1_SCAN_DONE;
}

#define LENGTH_DIGITS_MAX 18u /* an exabyte is no message, and 19 digits may overflow */

/* An answer may say it again (RFC 9110 8.6); who gets such a request refuses it. */
static bool take_length(struct wsc_h1_scan *s, struct wsc_span v)
{
    uint64_t n = 0;
    if (v.len == 0 || v.len > LENGTH_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        if (!is_digit(v.ptr[i]))
            return false;
        n = n * 10 + (v.ptr[i] - (unsigned)'0');
    }
    if (s->has_length && (s->requests || n != s->content_length))
        return false;
    s->content_length = n;
    s->has_length = true;
    return true;
}

static void take_coding(struct wsc_h1_scan *s, struct wsc_span v)
{
    const uint8_t *comma = memrchr(v.ptr, ',', v.len);
    size_t from = comma != NULL ? (size_t)(comma + 1 - v.ptr) : 0;
    s->coded = true;
    s->chunked = is_word(trim(v.ptr, from, v.len), "chunked", 7);
}

static enum wsc_h1_scanned read_value(struct wsc_h1_scan *s, const uint8_t *head, size_t len)
{
    enum wsc_h1_scanned r = to_line_end(s, head, len, true);
    if (r != WSC_H1_SCAN_DONE)
        return r;
    struct wsc_span v = trim(head, s->value, s->at);
    bool ok = true;
    if (s->folded)
        s->folded = false;
    else if (s->item < WSC_HEAD_NONE)
        keep(s, s->item, (size_t)(v.ptr - head), v.len);
    else if (s->item == LENGTH)
        ok = take_length(s, v);
    else if (s->item == CODING)
        take_coding(s, v);
    next_line(s, head);
    return ok ? WSC_H1_SCAN_DONE : WSC_H1_SCAN_BAD;
}

enum wsc_h1_scanned wsc_h1_scan(struct wsc_h1_scan *s, const uint8_t *head, size_t len)
{
    enum wsc_h1_scanned r = WSC_H1_SCAN_DONE;
    while (r == WSC_H1_SCAN_DONE && s->step != OVER) {
        if (s->step == FIELD_NAME)
            r = read_name(s, head, len);
        else if (s->step == FIELD_VALUE)
            r = read_value(s, head, len);
        else
            r = read_start_line(s, head, len);
    }
    return r;
}

/* ---- what was found ---- */

static uint8_t *put(uint8_t *to, const void *from, size_t n)
{
    if (n > 0)
        memcpy(to, from, n);
    return to + n;
}

/* Writes the values of all lines of |item| to |to|: ", " between fields, a space for a fold.
 * Returns the end. What lies between two values is never shorter than what is put there. */
static uint8_t *join(const struct wsc_h1_scan *s, const uint8_t *head, unsigned item, uint8_t *to)
{
    bool ours = false, first = true;
    for (size_t line = s->fields, next; line < s->at; line = next) {
        const uint8_t *lf = memchr(head + line, '\n', s->at - line);
        size_t end = lf != NULL ? (size_t)(lf - head) : s->at, value = line;
        next = end + 1;
        end -= end > line && head[end - 1] == '\r';
        bool fold = is_space(head[line]);
        if (!fold) {
            const uint8_t *colon = memchr(head + line, ':', end - line);
            ours = colon != NULL && item_of(head, line, (size_t)(colon - head)) == item;
            value = ours ? (size_t)(colon + 1 - head) : line;
        }
        if (!ours)
            continue;
        struct wsc_span v = trim(head, value, end);
        if (fold)
            to = put(to, " ", 1);
        else if (!first)
            to = put(to, ", ", 2);
        to = put(to, v.ptr, v.len);
        first = false;
    }
    return to;
}

static struct wsc_span *span_of(struct wsc_h1_head *out, unsigned item)
{
    return item == WSC_HEAD_TARGET   ? &out->target
           : item == WSC_HEAD_PHRASE ? &out->phrase
                                     : &out->fields[item];
}

bool wsc_h1_scan_take(const struct wsc_h1_scan *s, const uint8_t *head, struct wsc_h1_head *out,
                      uint8_t **joined)
{
    *out = (struct wsc_h1_head){.is_request = s->requests,
                                .get = s->get,
                                .connect = s->connect,
                                .head_method = s->head_method,
                                .status = s->status,
                                .version = s->version};
    *joined = NULL;
    if (s->mended != 0 && (*joined = wsc_alloc(s->at)) == NULL)
        return false;
    uint8_t *to = *joined;
    for (uint32_t left = s->found; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctz(left);
        struct wsc_span *v = span_of(out, i);
        *v = (struct wsc_span){.ptr = head + s->items[i].at, .len = s->items[i].len};
        if ((s->mended >> i & 1) == 0)
            continue;
        uint8_t *end = join(s, head, i, to);
        *v = trim(to, 0, (size_t)(end - to));
        to = end;
    }
    return true;
}
