/* Aimed at the functions of ws_upgrade.h on single fields. Byte 0: the length of a first text,
 * which follows; the rest is a second one. What they give is part of what they were given. */
#include "http/ws_upgrade.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static struct wsc_span exact(const uint8_t *p, size_t n)
{
    uint8_t *block = malloc(n + (n == 0));
    memcpy(block, p, n);
    return (struct wsc_span){.ptr = block, .len = n};
}

static bool inside(struct wsc_span part, struct wsc_span all)
{
    return part.ptr >= all.ptr && part.len <= all.len &&
           (size_t)(part.ptr - all.ptr) <= all.len - part.len;
}

static bool has(struct wsc_span s, char c)
{
    return s.len > 0 && memchr(s.ptr, c, s.len) != NULL;
}

/* What may hold secrets is not kept. */
static void check_url(struct wsc_span s)
{
    struct wsc_span path = wsc_ws_upgrade_path(s, false), query = wsc_ws_upgrade_path(s, true);
    struct wsc_span bare = wsc_ws_upgrade_bare_url(s);
    bool root = path.len == 1 && path.ptr[0] == '/', both = query.len == 1 && query.ptr[0] == '/';
    must(root || (path.len > 0 && inside(path, s)));
    must(both || (query.len > 0 && inside(query, s)));
    must(bare.len == 0 || inside(bare, s));
    must(!has(path, '?') && !has(path, '#') && !has(query, '#'));
    must(!has(bare, '?') && !has(bare, '#') && !has(bare, ';'));
    must(query.len >= path.len);
    must(inside(wsc_ws_upgrade_challenge(s), s));
}

static void check_key(struct wsc_ws_accept *a, struct wsc_span s)
{
    uint8_t key[WSC_WS_KEY_LEN];
    char text[WSC_WS_KEY_TEXT], accept[WSC_WS_ACCEPT_TEXT];
    wsc_ws_accept_key(a, s, accept);
    must(strlen(accept) == 28);
    if (!wsc_ws_upgrade_key(s, key))
        return;
    uint8_t again[WSC_WS_KEY_LEN];
    wsc_ws_upgrade_key_text(key, text);
    must(wsc_ws_upgrade_key((struct wsc_span){.ptr = (const uint8_t *)text, .len = 24}, again) &&
         memcmp(key, again, sizeof(key)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t n = data[0] < size - 1 ? data[0] : size - 1;
    struct wsc_span a = exact(data + 1, n), b = exact(data + 1 + n, size - 1 - n);
    check_url(b);
    struct wsc_ws_accept *accept = wsc_ws_accept_new();
    must(accept != NULL);
    check_key(accept, b);
    (void)wsc_ws_upgrade_extensions(b);
    bool websocket = wsc_http_list_has(b, "websocket");
    struct wsc_h1_head head = {.is_request = true, .get = true};
    head.fields[WSC_H1_UPGRADE] = b;
    must(wsc_ws_upgrade_wanted(&head) == websocket);
    for (int status = 100; status <= 101; status++) {
        struct wsc_h1_head answer = {.status = status, .version = 11};
        answer.fields[WSC_H1_UPGRADE] = a;
        answer.fields[WSC_H1_CONNECTION] = a;
        answer.fields[WSC_H1_SEC_WEBSOCKET_ACCEPT] = b;
        enum wsc_ws_upgrade_verdict v = wsc_ws_upgrade_judge(accept, b, &answer);
        must((v == WSC_UPGRADE_INTERIM) == (status == 100) && v != WSC_UPGRADE_REJECTED);
    }
    wsc_ws_accept_free(accept);
    free((void *)(uintptr_t)a.ptr);
    free((void *)(uintptr_t)b.ptr);
    return 0;
}
