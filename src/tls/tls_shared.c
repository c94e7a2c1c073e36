#include "tls/tls_inner.h"

#include "base/alloc.h"

#include <string.h>

/* Most records are small, or as long as they may be. The largest holds any body. */
static const struct {
    size_t len, per_slab;
} classes[WSC_TLS_BLOCKS] = {{512, 16}, {4096, 8}, {WSC_TLS_BODY_MAX, 2}};

static size_t class_of(size_t len)
{
    size_t c = 0;
    while (classes[c].len < len)
        c++;
    return c;
}

struct wsc_tls_shared *wsc_tls_shared_new(struct wsc_keylog *keylog, size_t max_buffered)
{
    struct wsc_tls_shared *sh = wsc_calloc(1, sizeof(*sh));
    if (sh == NULL)
        return NULL;
    sh->plain = wsc_alloc(WSC_TLS_BODY_MAX);
    if (sh->plain == NULL) {
        wsc_free(sh);
        return NULL;
    }
    sh->keylog = keylog;
    sh->max_buffered = max_buffered;
    sh->hash_key = wsc_hash_key_random();
    for (size_t c = 0; c < WSC_TLS_BLOCKS; c++)
        wsc_pool_init(&sh->blocks[c], classes[c].len, classes[c].per_slab);
    return sh;
}

void wsc_tls_shared_free(struct wsc_tls_shared *sh)
{
    if (sh == NULL)
        return;
    for (size_t c = 0; c < WSC_TLS_BLOCKS; c++)
        wsc_pool_clear(&sh->blocks[c]);
    if (sh->sessions != NULL)
        wsc_wipe(sh->sessions, WSC_TLS_SESSIONS * sizeof(*sh->sessions));
    wsc_free(sh->sessions);
    wsc_tls_plain_wipe(sh);
    wsc_free(sh->plain);
    wsc_free(sh);
}

size_t wsc_tls_shared_held(const struct wsc_tls_shared *sh)
{
    size_t held = sizeof(*sh) + WSC_TLS_BODY_MAX + sh->connections * sizeof(struct wsc_tls);
    size_t in_blocks = 0;
    for (size_t c = 0; c < WSC_TLS_BLOCKS; c++) {
        held += sh->blocks[c].bytes;
        in_blocks += sh->blocks[c].used * classes[c].len;
    }
    if (sh->sessions != NULL)
        held += WSC_TLS_SESSIONS * sizeof(*sh->sessions);
    return held + (sh->buffered - in_blocks);
}

bool wsc_tls_may_hold(struct wsc_tls_shared *sh, size_t more)
{
    if (more > sh->max_buffered - sh->buffered)
        return false;
    sh->buffered += more;
    return true;
}

void wsc_tls_let_go(struct wsc_tls_shared *sh, size_t bytes)
{
    sh->buffered -= bytes;
}

uint8_t *wsc_tls_block_get(struct wsc_tls_shared *sh, size_t len)
{
    size_t c = class_of(len);
    if (!wsc_tls_may_hold(sh, classes[c].len))
        return NULL;
    uint8_t *block = wsc_pool_get(&sh->blocks[c]);
    if (block == NULL)
        wsc_tls_let_go(sh, classes[c].len);
    return block;
}

void wsc_tls_block_put(struct wsc_tls_shared *sh, uint8_t *block, size_t len)
{
    if (block == NULL)
        return;
    size_t c = class_of(len);
    wsc_pool_put(&sh->blocks[c], block);
    wsc_tls_let_go(sh, classes[c].len);
}

uint64_t wsc_tls_session_name(const struct wsc_tls_shared *sh, struct wsc_span id)
{
    if (id.ptr == NULL || id.len == 0)
        return 0;
    uint64_t name = wsc_hash(sh->hash_key, id.ptr, id.len);
    return name != 0 ? name : 1;
}

static struct wsc_tls_session_slot *find(const struct wsc_tls_shared *sh, uint64_t name)
{
    for (size_t i = 0; sh->sessions != NULL && name != 0 && i < WSC_TLS_SESSIONS; i++)
        if (sh->sessions[i].id == name)
            return &sh->sessions[i];
    return NULL;
}

void wsc_tls_session_put(struct wsc_tls_shared *sh, uint64_t name,
                         const uint8_t master[WSC_TLS_MASTER_LEN])
{
    if (name == 0)
        return;
    if (sh->sessions == NULL)
        sh->sessions = wsc_calloc(WSC_TLS_SESSIONS, sizeof(*sh->sessions));
    if (sh->sessions == NULL)
        return; /* resumed connections that the key log does not name are walked */
    struct wsc_tls_session_slot *slot = find(sh, name);
    if (slot == NULL) {
        slot = &sh->sessions[sh->next_session];
        sh->next_session = (sh->next_session + 1) % WSC_TLS_SESSIONS;
    }
    slot->id = name;
    memcpy(slot->master, master, WSC_TLS_MASTER_LEN);
}

bool wsc_tls_session_get(const struct wsc_tls_shared *sh, uint64_t name,
                         uint8_t master[WSC_TLS_MASTER_LEN])
{
    const struct wsc_tls_session_slot *slot = find(sh, name);
    if (slot == NULL)
        return false;
    memcpy(master, slot->master, WSC_TLS_MASTER_LEN);
    return true;
}

void wsc_tls_plain_wipe(struct wsc_tls_shared *sh)
{
    wsc_wipe(sh->plain, sh->plain_used);
    sh->plain_used = 0;
}
