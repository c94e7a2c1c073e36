#include <wsclose/pcapng.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "capture/secrets_block.h"
#include "capture/source.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Everything is written in the byte order of this machine, which the section header tells. */

#define BUFFER_LEN  ((size_t)256 << 10)
#define ORDER_MAGIC UINT32_C(0x1a2b3c4d)

enum { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_ENHANCED = 6 };
enum {
    OPT_END = 0,
    OPT_COMMENT = 1,
    SHB_APPLICATION = 4,
    IF_NAME = 2,
    IF_TSRESOL = 9,
    IF_FILTER = 11
};

struct wsc_pcapng {
    int fd;
    int failed; /* errno of the write that failed, 0: none */
    uint32_t interfaces;
    uint64_t written; /* bytes of whole blocks in the file */
    size_t len;       /* buffered: whole blocks, and behind them the one that is being made */
    size_t block;     /* where the block that is being made begins */
    size_t cap;
    uint8_t *buf;
};

/* ---- blocks ---- */

static void put(struct wsc_pcapng *w, const void *p, size_t n)
{
    memcpy(w->buf + w->len, p, n);
    w->len += n;
}

static void put16(struct wsc_pcapng *w, uint16_t v)
{
    put(w, &v, sizeof(v));
}

static void put32(struct wsc_pcapng *w, uint32_t v)
{
    put(w, &v, sizeof(v));
}

static size_t padded(size_t n)
{
    return (n + 3) & ~(size_t)3;
}

static void put_padded(struct wsc_pcapng *w, const void *p, size_t n)
{
    static const uint8_t zeros[4];
    put(w, p, n);
    put(w, zeros, padded(n) - n);
}

static size_t text_len(const char *text)
{
    return text != NULL ? strnlen(text, WSC_PCAPNG_TEXT_MAX) : 0;
}

/* What an option with this text takes at most. */
static size_t text_room(const char *text)
{
    return text != NULL ? 4 + padded(text_len(text)) : 0;
}

/* The character at |p|: its bytes, or 0 if it is none. */
static size_t character(const uint8_t *p, size_t n)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (len > n || !wsc_utf8_valid(p, len))
        return 0;
    /* C0, DEL and C1 steer terminals. */
    bool control = p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0);
    return control && p[0] != '\n' ? 0 : len;
}

static void put_text(struct wsc_pcapng *w, uint16_t code, const char *text)
{
    if (text == NULL)
        return;
    size_t n = text_len(text);
    put16(w, code);
    put16(w, (uint16_t)n);
    uint8_t *start = w->buf + w->len;
    put_padded(w, text, n);
    for (size_t i = 0; i < n;) {
        size_t len = character(start + i, n - i);
        if (len == 0)
            start[i] = '?';
        i += len != 0 ? len : 1;
    }
}

static void put_end(struct wsc_pcapng *w)
{
    put16(w, OPT_END);
    put16(w, 0);
}

/* ---- to the file ---- */

static enum wsc_err failure(const struct wsc_pcapng *w, struct wsc_error *err)
{
    return wsc_error_set(err, WSC_ERR_IO, "%s", strerror(w->failed));
}

/* A file must not end in half a block: its reader would take that for damage. */
static enum wsc_err fail(struct wsc_pcapng *w, int why, struct wsc_error *err)
{
    w->failed = why;
    if (lseek(w->fd, 0, SEEK_CUR) >= 0 && ftruncate(w->fd, (off_t)w->written) == 0)
        (void)lseek(w->fd, (off_t)w->written, SEEK_SET);
    return failure(w, err);
}

enum wsc_err wsc_pcapng_flush(struct wsc_pcapng *w, struct wsc_error *err)
{
    if (w->failed != 0)
        return failure(w, err);
    for (size_t done = 0; done < w->len;) {
        ssize_t n = write(w->fd, w->buf + done, w->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(w, n < 0 ? errno : ENOSPC, err);
        done += (size_t)n;
    }
    w->written += w->len;
    w->len = 0;
    return WSC_OK;
}

/* Begins a block of at most |max| bytes. */
static enum wsc_err begin(struct wsc_pcapng *w, uint32_t type, size_t max, struct wsc_error *err)
{
    if (w->failed != 0)
        return failure(w, err);
    if (w->len + max > w->cap) {
        enum wsc_err e = wsc_pcapng_flush(w, err);
        if (e != WSC_OK)
            return e;
    }
    if (max > w->cap) {
        uint8_t *grown = wsc_realloc(w->buf, max);
        if (grown == NULL)
            return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
        w->buf = grown;
        w->cap = max;
    }
    w->block = w->len;
    put32(w, type);
    put32(w, 0); /* its length, when it is known */
    return WSC_OK;
}

static void end(struct wsc_pcapng *w)
{
    uint32_t total = (uint32_t)(w->len + 4 - w->block);
    put32(w, total);
    memcpy(w->buf + w->block + 4, &total, sizeof(total));
}

/* ---- the calls ---- */

enum wsc_err wsc_pcapng_new(int fd, const char *comment, struct wsc_pcapng **out,
                            struct wsc_error *err)
{
    static const uint8_t unknown_length[8] = {255, 255, 255, 255, 255, 255, 255, 255};
    *out = NULL;
    struct wsc_pcapng *w = wsc_calloc(1, sizeof(*w));
    if (w == NULL)
        return wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    w->fd = fd;
    w->cap = BUFFER_LEN;
    w->buf = wsc_alloc(w->cap);
    enum wsc_err e = w->buf != NULL ? begin(w, BLOCK_SECTION, 64 + text_room(comment), err)
                                    : wsc_error_set(err, WSC_ERR_NOMEM, "out of memory");
    if (e != WSC_OK) {
        wsc_pcapng_free(w);
        return e;
    }
    put32(w, ORDER_MAGIC);
    put16(w, 1);
    put16(w, 0);
    put(w, unknown_length, sizeof(unknown_length));
    put_text(w, OPT_COMMENT, comment);
    put_text(w, SHB_APPLICATION, "wsclose");
    put_end(w);
    end(w);
    *out = w;
    return WSC_OK;
}

enum wsc_err wsc_pcapng_add(struct wsc_pcapng *w, const struct wsc_pcapng_interface *i,
                            struct wsc_error *err)
{
    static const uint8_t nanoseconds[1] = {9};
    if (i->link > UINT16_MAX)
        return wsc_error_set(err, WSC_ERR_INVALID, "link type %u does not fit a pcapng file",
                             i->link);
    if (w->interfaces == WSC_PCAPNG_INTERFACES_MAX)
        return wsc_error_set(err, WSC_ERR_LIMIT, "more than %u interfaces in one file",
                             WSC_PCAPNG_INTERFACES_MAX);
    /* The filter's option begins with a byte that says it is in tcpdump's language. */
    char filter[WSC_PCAPNG_TEXT_MAX + 1] = "";
    size_t filter_len = text_len(i->filter);
    if (filter_len > 0)
        memcpy(filter + 1, i->filter, filter_len - (filter_len == WSC_PCAPNG_TEXT_MAX));
    enum wsc_err e = begin(w, BLOCK_INTERFACE, 48 + text_room(i->name) + sizeof(filter), err);
    if (e != WSC_OK)
        return e;
    put16(w, (uint16_t)i->link);
    put16(w, 0);
    put32(w, i->snaplen);
    put_text(w, IF_NAME, i->name);
    put16(w, IF_TSRESOL);
    put16(w, sizeof(nanoseconds));
    put_padded(w, nanoseconds, sizeof(nanoseconds));
    if (filter_len > 0) {
        size_t n = 1 + strlen(filter + 1);
        put16(w, IF_FILTER);
        put16(w, (uint16_t)n);
        put_padded(w, filter, n);
    }
    put_end(w);
    end(w);
    w->interfaces++;
    return WSC_OK;
}

#define SECRETS_MAX ((size_t)1 << 20)

enum wsc_err wsc_pcapng_secrets(struct wsc_pcapng *w, struct wsc_span text, struct wsc_error *err)
{
    if (text.len > SECRETS_MAX)
        return wsc_error_set(err, WSC_ERR_LIMIT, "%zu bytes of secrets: at most %zu can be",
                             text.len, SECRETS_MAX);
    enum wsc_err e = begin(w, WSC_SECRETS_BLOCK_TYPE, 24 + text.len, err);
    if (e != WSC_OK)
        return e;
    put32(w, WSC_SECRETS_TLS_TYPE);
    put32(w, (uint32_t)text.len);
    put_padded(w, text.ptr, text.len);
    end(w);
    return WSC_OK;
}

#define PACKET_HEAD 32u /* a block with a packet, without its bytes */

enum wsc_err wsc_pcapng_put(struct wsc_pcapng *w, uint32_t number, const struct wsc_packet *pkt,
                            const char *comment, struct wsc_error *err)
{
    if (number >= w->interfaces)
        return wsc_error_set(err, WSC_ERR_INVALID, "interface %u is not described", number);
    if (pkt->caplen > WSC_SOURCE_PACKET_MAX)
        return wsc_error_set(err, WSC_ERR_LIMIT, "a packet of %u bytes: at most %u can be",
                             pkt->caplen, WSC_SOURCE_PACKET_MAX);
    enum wsc_err e =
        begin(w, BLOCK_ENHANCED, PACKET_HEAD + padded(pkt->caplen) + text_room(comment) + 4, err);
    if (e != WSC_OK)
        return e;
    put32(w, number);
    put32(w, (uint32_t)(pkt->ts_ns >> 32));
    put32(w, (uint32_t)pkt->ts_ns);
    put32(w, pkt->caplen);
    put32(w, pkt->len);
    put_padded(w, pkt->data, pkt->caplen);
    put_text(w, OPT_COMMENT, comment);
    if (comment != NULL)
        put_end(w);
    end(w);
    return WSC_OK;
}

uint64_t wsc_pcapng_size(const struct wsc_pcapng *w)
{
    return w->written + w->len;
}

uint64_t wsc_pcapng_cost(uint32_t caplen)
{
    return PACKET_HEAD + padded(caplen);
}

void wsc_pcapng_free(struct wsc_pcapng *w)
{
    if (w == NULL)
        return;
    if (w->buf != NULL)
        explicit_bzero(w->buf, w->cap); /* there may have been secrets in it */
    wsc_free(w->buf);
    wsc_free(w);
}
