#include "tls/keylog_line.h"

#include <string.h>

/* Labels are case-sensitive (RFC 9850 2); hex is not. */
static const struct {
    const char *name;
    enum wsc_secret_label label;
    bool tls13;
} labels[] = {
    {"CLIENT_RANDOM", WSC_SECRET_MASTER, false},
    {"CLIENT_EARLY_TRAFFIC_SECRET", WSC_SECRET_CLIENT_EARLY, true},
    {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", WSC_SECRET_CLIENT_HANDSHAKE, true},
    {"SERVER_HANDSHAKE_TRAFFIC_SECRET", WSC_SECRET_SERVER_HANDSHAKE, true},
    {"CLIENT_TRAFFIC_SECRET_0", WSC_SECRET_CLIENT_TRAFFIC, true},
    {"SERVER_TRAFFIC_SECRET_0", WSC_SECRET_SERVER_TRAFFIC, true},
};

/* Beginnings of labels of which we need nothing: later traffic secrets follow from the first. */
static const char *const unneeded[] = {
    "CLIENT_TRAFFIC_SECRET_",
    "SERVER_TRAFFIC_SECRET_",
    "EXPORTER_SECRET",
    "EARLY_EXPORTER_",
    "QUIC_",
    "ECH_SECRET",
    "ECH_CONFIG",
};

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* The next word of |*rest|, which it leaves behind. Empty at the end. */
static struct wsc_span word(struct wsc_span *rest)
{
    size_t i = 0;
    while (i < rest->len && blank(rest->ptr[i]))
        i++;
    size_t start = i;
    while (i < rest->len && !blank(rest->ptr[i]))
        i++;
    struct wsc_span w = {rest->ptr + start, i - start};
    rest->ptr += i;
    rest->len -= i;
    return w;
}

static int nibble(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool unhex(struct wsc_span hex, uint8_t *out)
{
    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        int hi = nibble(hex.ptr[i]), lo = nibble(hex.ptr[i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        out[i / 2] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

static bool is(struct wsc_span w, const char *name)
{
    return w.len == strlen(name) && memcmp(w.ptr, name, w.len) == 0;
}

static bool starts(struct wsc_span w, const char *name)
{
    size_t n = strlen(name);
    return w.len >= n && memcmp(w.ptr, name, n) == 0;
}

/* What another program's label would look like, so that chance bytes are no label. */
static bool label_like(struct wsc_span w)
{
    if (w.len == 0 || w.len > 64)
        return false;
    for (size_t i = 0; i < w.len; i++) {
        uint8_t c = w.ptr[i];
        if ((c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_')
            return false;
    }
    return true;
}

static enum wsc_keylog_line read_other(struct wsc_span label, struct wsc_span rest)
{
    for (size_t i = 0; i < sizeof(unneeded) / sizeof(unneeded[0]); i++)
        if (starts(label, unneeded[i]))
            return WSC_KEYLOG_UNNEEDED;
    return label_like(label) && word(&rest).len > 0 ? WSC_KEYLOG_UNKNOWN : WSC_KEYLOG_UNREADABLE;
}

enum wsc_keylog_line wsc_keylog_line_read(struct wsc_span line, struct wsc_keylog_secret *out)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    struct wsc_span label = word(&line);
    if (label.len == 0 || label.ptr[0] == '#')
        return WSC_KEYLOG_BLANK;
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        if (!is(label, labels[i].name))
            continue;
        struct wsc_span random = word(&line), secret = word(&line);
        bool fits = secret.len == 96 || (labels[i].tls13 && secret.len == 64);
        if (!fits || random.len != 64 || word(&line).len > 0 ||
            !unhex(random, out->client_random) || !unhex(secret, out->secret))
            return WSC_KEYLOG_UNREADABLE;
        out->label = (uint8_t)labels[i].label;
        out->len = (uint8_t)(secret.len / 2);
        return WSC_KEYLOG_SECRET;
    }
    return read_other(label, line);
}

static void put_hex(char *out, const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
}

size_t wsc_keylog_line_write(const struct wsc_keylog_secret *s, char *out, size_t cap)
{
    const char *name = "";
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        if ((unsigned)labels[i].label == s->label)
            name = labels[i].name;
    size_t n = strlen(name), len = n + 1 + 2 * sizeof(s->client_random) + 1 + 2u * s->len + 1;
    if (len > cap)
        return 0;
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the text goes on */
    memcpy(out, name, n);
    out[n] = ' ';
    put_hex(out + n + 1, s->client_random, sizeof(s->client_random));
    out[n + 1 + 2 * sizeof(s->client_random)] = ' ';
    put_hex(out + n + 2 + 2 * sizeof(s->client_random), s->secret, s->len);
    out[len - 1] = '\n';
    return len;
}
