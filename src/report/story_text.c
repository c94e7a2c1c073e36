#include "report/story_text.h"

#include "report/text.h"

#include <wsclose/codes.h>

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* RFC 6455 5.2. */
enum { OPCODE_CONTINUATION = 0, OPCODE_CLOSE = 8 };

void wsc_story_opcode(uint8_t opcode, char out[WSC_OPCODE_NAME_MAX])
{
    static const char *const names[16] = {[0] = "continuation", [1] = "text", [2] = "binary",
                                          [8] = "Close",        [9] = "Ping", [10] = "Pong"};
    if (opcode < 16 && names[opcode] != NULL)
        (void)snprintf(out, WSC_OPCODE_NAME_MAX, "%s", names[opcode]);
    else
        (void)snprintf(out, WSC_OPCODE_NAME_MAX, "opcode %u", opcode);
}

void wsc_story_bytes(uint64_t n, char out[WSC_SIZE_TEXT_MAX])
{
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n), to = 0;
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[to++] = ',';
        out[to++] = digits[i];
    }
    memcpy(out + to, " B", 3);
}

void wsc_story_sum(uint64_t n, char out[WSC_SIZE_TEXT_MAX])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
    double v = (double)n / 1000;
    size_t unit = 0;
    if (n < 1000) {
        (void)snprintf(out, WSC_SIZE_TEXT_MAX, "%" PRIu64 " B", n);
        return;
    }
    for (; v >= 999.95 && unit < 4; unit++)
        v /= 1000;
    (void)snprintf(out, WSC_SIZE_TEXT_MAX, "%.1f %s", v, units[unit]);
}

void wsc_story_duration(uint64_t ns, char out[WSC_SIZE_TEXT_MAX])
{
    double s = (double)ns / 1e9;
    if (s < 1)
        (void)snprintf(out, WSC_SIZE_TEXT_MAX, "%.1f ms", s * 1e3);
    else if (s < 600)
        (void)snprintf(out, WSC_SIZE_TEXT_MAX, "%.1f s", s);
    else if (s < 36000)
        (void)snprintf(out, WSC_SIZE_TEXT_MAX, "%.1f min", s / 60);
    else
        (void)snprintf(out, WSC_SIZE_TEXT_MAX, "%.1f h", s / 3600);
}

/* ---- labels ---- */

struct label {
    char *out;
    size_t len;
    bool utf8;
};

static void add(struct label *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct label *l, const char *format, ...)
{
    size_t room = WSC_STORY_LABEL_MAX - l->len;
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(l->out + l->len, room, format, ap);
    va_end(ap);
    if (n > 0)
        l->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_safe(struct label *l, const char *before, struct wsc_span s, const char *after)
{
    char safe[WSC_STORY_LABEL_MAX - 256];
    if (s.ptr == NULL || s.len == 0)
        return;
    (void)wsc_text_fit(s, 0, l->utf8, safe, sizeof(safe));
    add(l, "%s%s%s", before, safe, after);
}

static void add_bytes(struct label *l, const char *before, uint64_t n)
{
    char size[WSC_SIZE_TEXT_MAX];
    wsc_story_bytes(n, size);
    add(l, "%s%s", before, size);
}

static void add_close(struct label *l, const struct wsc_story_event *ev)
{
    const struct wsc_code_info *info = ev->code >= 0 ? wsc_code_find(ev->code) : NULL;
    if (ev->code >= 0)
        add(l, " %d", ev->code);
    else
        add(l, ev->len == 0 ? " without a code" : ev->len == 1 ? " of 1 byte" : ", code not seen");
    if (info != NULL && info->first == info->last)
        add(l, " %s", info->name);
    add_safe(l, " \"", ev->text, "\"");
}

static void add_frame(struct label *l, const struct wsc_story_event *ev)
{
    char name[WSC_OPCODE_NAME_MAX], took[WSC_SIZE_TEXT_MAX];
    wsc_story_opcode(ev->opcode, name);
    add(l, "%s", name);
    if (ev->opcode == OPCODE_CLOSE)
        add_close(l, ev);
    else if (ev->len > 0 || ev->opcode < OPCODE_CLOSE)
        add_bytes(l, " ", ev->len);
    if (ev->compressed)
        add(l, ", compressed");
    if (!ev->fin)
        add(l, ", to be continued");
    else if (ev->opcode == OPCODE_CONTINUATION)
        add(l, ", the last");
    if (ev->unfinished)
        add(l, ", cut off");
    if (ev->missing)
        add(l, ", not all captured");
    if (ev->ts_ns >= ev->since_ns + WSC_STORY_LONG_NS) {
        wsc_story_duration(ev->ts_ns - ev->since_ns, took);
        add(l, ", took %s", took);
    }
}

static void add_hello(struct label *l, const struct wsc_story_event *ev)
{
    if (ev->dir == WSC_DIR_C2S) {
        add(l, "TLS ClientHello");
        add_safe(l, ", ", ev->text, "");
    } else if (ev->code > 0x0300 && ev->code <= 0x0304) {
        add(l, "TLS 1.%d ServerHello", ev->code - 0x0301);
    } else {
        add(l, "TLS ServerHello");
    }
}

static void add_alert(struct label *l, const struct wsc_story_event *ev)
{
    add(l, "TLS alert");
    if (ev->code < 0)
        add(l, ", encrypted");
    else
        add_safe(l, ev->fatal ? ", fatal: " : ": ", ev->text, "");
}

static void add_error(struct label *l, const char *frame, const struct wsc_story_event *ev)
{
    add(l, "%s", frame);
    if (ev->text.ptr != NULL)
        add_safe(l, " ", ev->text, "");
    else if (ev->code >= 0)
        add(l, " %d", ev->code);
}

/* HTTP and above. */
static void add_upper(struct label *l, const struct wsc_story_event *ev)
{
    switch ((enum wsc_story_kind)ev->kind) {
    case WSC_STORY_REQUEST:
        add_safe(l, "", ev->text, "");
        break;
    case WSC_STORY_ANSWER:
    case WSC_STORY_ESTABLISHED:
        if (ev->code >= 0)
            add(l, "%d", ev->code);
        add_safe(l, " ", ev->text, "");
        if (ev->kind == WSC_STORY_ESTABLISHED)
            add(l, ev->code >= 0 ? ": open" : "open");
        break;
    case WSC_STORY_FRAME:
        add_frame(l, ev);
        break;
    case WSC_STORY_VIOLATION:
        add(l, "! %s", wsc_rule_name((enum wsc_rule)ev->code));
        break;
    case WSC_STORY_STREAM_END:
        add(l, "END_STREAM");
        break;
    case WSC_STORY_STREAM_RESET:
        add_error(l, "RST_STREAM", ev);
        break;
    case WSC_STORY_GOAWAY:
        add_error(l, "GOAWAY", ev);
        break;
    case WSC_STORY_STARTED:
        add(l, "first packet");
        break;
    default:
        break;
    }
}

void wsc_story_label(const struct wsc_story_event *ev, bool utf8, char out[WSC_STORY_LABEL_MAX])
{
    struct label l = {.out = out, .utf8 = utf8};
    out[0] = '\0';
    switch ((enum wsc_story_kind)ev->kind) {
    case WSC_STORY_SYN:
    case WSC_STORY_SYN_ACK:
    case WSC_STORY_FIN:
        add(&l, "%s%s",
            ev->kind == WSC_STORY_SYN   ? "SYN"
            : ev->kind == WSC_STORY_FIN ? "FIN"
                                        : "SYN, ACK",
            ev->again ? " again" : "");
        break;
    case WSC_STORY_RST:
        add(&l, ev->ignored ? "RST, not heeded" : "RST");
        break;
    case WSC_STORY_AGAIN:
        add_bytes(&l, "sent again: ", ev->len);
        break;
    case WSC_STORY_PROBE:
        add(&l, "TCP keep-alive");
        break;
    case WSC_STORY_WINDOW_ZERO:
        add(&l, "zero window: can take no more");
        break;
    case WSC_STORY_WINDOW_OPEN:
        add(&l, "window open again");
        break;
    case WSC_STORY_GAP:
        add_bytes(&l, "not captured: ", ev->len);
        break;
    case WSC_STORY_DATA:
        add_bytes(&l, "", ev->len);
        break;
    case WSC_STORY_ENCRYPTED:
        add_bytes(&l, "TLS, ", ev->len);
        break;
    case WSC_STORY_HELLO:
        add_hello(&l, ev);
        break;
    case WSC_STORY_ALERT:
        add_alert(&l, ev);
        break;
    case WSC_STORY_LOST:
        add(&l, "framing lost");
        break;
    default:
        add_upper(&l, ev);
        break;
    }
}
