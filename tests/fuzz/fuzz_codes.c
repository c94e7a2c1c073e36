/* Aimed at wsc_app_code_find(), wsc_reason_find() and wsc_text_match(). Bytes 0-1: the code; 2-3:
 * lengths of subprotocol and host, then these and the reason. A first byte of 0xff: byte 1 is the
 * length of a pattern, matched against the rest. */
#include "codes/text_match.h"

#include <stdlib.h>
#include <string.h>

#include <wsclose/codes.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
    if (!truth)
        abort();
}

/* |n| bytes of |*at| in a block of exactly that size; fewer if there are not as many. */
static struct wsc_span take(const uint8_t **at, size_t *left, size_t n)
{
    n = n < *left ? n : *left;
    uint8_t *block = malloc(n + (n == 0));
    memcpy(block, *at, n);
    *at += n;
    *left -= n;
    return (struct wsc_span){.ptr = block, .len = n};
}

static void drop(struct wsc_span s)
{
    free((void *)(uintptr_t)s.ptr);
}

static void match_pattern(const uint8_t *data, size_t size)
{
    const uint8_t *at = data + 2;
    size_t left = size - 2;
    struct wsc_span p = take(&at, &left, data[1]), text = take(&at, &left, left);
    char pattern[256];
    memcpy(pattern, p.ptr, p.len);
    pattern[p.len] = '\0';
    bool found = wsc_text_match(pattern, text);
    must(!found || (pattern[0] != '\0' && text.len > 0));
    (void)wsc_host_match(pattern, text);
    drop(p);
    drop(text);
}

static void look_up(const uint8_t *data, size_t size)
{
    int code = data[0] << 8 | data[1];
    const uint8_t *at = data + 4;
    size_t left = size - 4;
    struct wsc_span subprotocol = take(&at, &left, data[2]), host = take(&at, &left, data[3]);
    struct wsc_span reason = take(&at, &left, left), none = {0};

    const struct wsc_app_code *c = wsc_app_code_find(code, subprotocol, host, reason);
    const char *scope = wsc_app_scope(subprotocol, host);
    must(c == NULL || (code >= c->first && code <= c->last));
    must(c == NULL || scope == NULL || strcmp(c->scope, scope) == 0); /* never across scopes */
    /* Who is known by subprotocol is not asked for the host. */
    const char *by_subprotocol = wsc_app_scope(subprotocol, none);
    must(by_subprotocol == NULL || (scope != NULL && strcmp(scope, by_subprotocol) == 0));

    const struct wsc_reason_hint *hints[2] = {NULL, NULL};
    size_t n = wsc_reason_find(code, reason, hints, 2);
    must(n == wsc_reason_find(code, reason, NULL, 0));
    for (size_t i = 0; i < n && i < 2; i++)
        must(code >= hints[i]->code && code <= hints[i]->last);
    must(n == 0 || reason.len > 0);
    drop(subprotocol);
    drop(host);
    drop(reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 2 && data[0] == 0xff)
        match_pattern(data, size);
    else if (size >= 4)
        look_up(data, size);
    return 0;
}
