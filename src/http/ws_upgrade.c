#include "http/ws_upgrade.h"

#include "base/alloc.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <string.h>
#include <strings.h>

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct wsc_span trim(struct wsc_span s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* Cuts the next member off |list| (RFC 9110 5.6.1); a comma in a quoted string does not count.
 * False when none is left. */
static bool next_member(struct wsc_span *list, struct wsc_span *member)
{
    if (list->ptr == NULL || list->len == 0)
        return false;
    bool quoted = false;
    size_t i = 0;
    for (; i < list->len && (quoted || list->ptr[i] != ','); i++) {
        if (list->ptr[i] == '"')
            quoted = !quoted;
        else if (quoted && list->ptr[i] == '\\')
            i++;
    }
    if (i > list->len)
        i = list->len;
    *member = trim((struct wsc_span){.ptr = list->ptr, .len = i});
    size_t step = i < list->len ? i + 1 : i;
    list->ptr += step;
    list->len -= step;
    return true;
}

static bool is_word(struct wsc_span s, const char *word)
{
    return s.len == strlen(word) && strncasecmp((const char *)s.ptr, word, s.len) == 0;
}

bool wsc_http_list_has(struct wsc_span field, const char *token)
{
    struct wsc_span member;
    while (next_member(&field, &member))
        if (is_word(member, token))
            return true;
    return false;
}

bool wsc_ws_upgrade_wanted(const struct wsc_h1_head *head)
{
    return head->is_request && head->get &&
           wsc_http_list_has(head->fields[WSC_H1_UPGRADE], "websocket");
}

struct wsc_ws_accept {
    EVP_MD_CTX *md;
};

struct wsc_ws_accept *wsc_ws_accept_new(void)
{
    struct wsc_ws_accept *a = wsc_alloc(sizeof(*a));
    /* Without memory for its own beginning libcrypto 3.0 goes on, and crashes. */
    if (a == NULL || OSSL_LIB_CTX_get0_global_default() == NULL) {
        wsc_free(a);
        return NULL;
    }
    a->md = EVP_MD_CTX_new();
    if (a->md == NULL || EVP_DigestInit_ex(a->md, EVP_sha1(), NULL) != 1) {
        wsc_ws_accept_free(a);
        return NULL;
    }
    return a;
}

void wsc_ws_accept_free(struct wsc_ws_accept *a)
{
    if (a != NULL)
        EVP_MD_CTX_free(a->md);
    wsc_free(a);
}

void wsc_ws_accept_key(struct wsc_ws_accept *a, struct wsc_span key, char out[WSC_WS_ACCEPT_TEXT])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 1.3 */
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    key = trim(key);
    bool ok = EVP_DigestInit_ex(a->md, NULL, NULL) == 1 &&
              EVP_DigestUpdate(a->md, key.ptr, key.len) == 1 &&
              EVP_DigestUpdate(a->md, guid, sizeof(guid) - 1) == 1 &&
              EVP_DigestFinal_ex(a->md, digest, &len) == 1;
    out[0] = '\0';
    if (ok)
        EVP_EncodeBlock((unsigned char *)out, digest, (int)len);
    else
        wsc_alloc_refused(); /* there is no other reason */
}

bool wsc_ws_upgrade_key(struct wsc_span text, uint8_t out[WSC_WS_KEY_LEN])
{
    unsigned char raw[18]; /* what 24 characters may hold */
    text = trim(text);
    if (text.ptr == NULL || text.len != WSC_WS_KEY_TEXT - 1 || text.ptr[23] != '=' ||
        text.ptr[22] != '=' || text.ptr[21] == '=')
        return false;
    if (EVP_DecodeBlock(raw, text.ptr, (int)text.len) != (int)sizeof(raw))
        return false;
    memcpy(out, raw, WSC_WS_KEY_LEN);
    return true;
}

void wsc_ws_upgrade_key_text(const uint8_t key[WSC_WS_KEY_LEN], char out[WSC_WS_KEY_TEXT])
{
    EVP_EncodeBlock((unsigned char *)out, key, (int)WSC_WS_KEY_LEN);
}

enum wsc_ws_upgrade_verdict wsc_ws_upgrade_judge(struct wsc_ws_accept *a, struct wsc_span key,
                                                 const struct wsc_h1_head *response)
{
    if (response->status != 101)
        return response->status < 200 ? WSC_UPGRADE_INTERIM : WSC_UPGRADE_REJECTED;
    struct wsc_span accept = response->fields[WSC_H1_SEC_WEBSOCKET_ACCEPT];
    if (!wsc_http_list_has(response->fields[WSC_H1_UPGRADE], "websocket") || accept.ptr == NULL)
        return WSC_UPGRADE_BAD_ACCEPT;
    if (key.ptr == NULL)
        return WSC_UPGRADE_ACCEPTED;
    char want[WSC_WS_ACCEPT_TEXT];
    wsc_ws_accept_key(a, key, want);
    accept = trim(accept);
    bool right = accept.len == strlen(want) && memcmp(accept.ptr, want, accept.len) == 0;
    return right ? WSC_UPGRADE_ACCEPTED : WSC_UPGRADE_BAD_ACCEPT;
}

enum wsc_ws_negotiated wsc_ws_upgrade_extensions(struct wsc_span field)
{
    enum wsc_ws_negotiated found = WSC_NEGOTIATED_NONE;
    struct wsc_span member;
    while (next_member(&field, &member)) {
        const uint8_t *semicolon = member.len > 0 ? memchr(member.ptr, ';', member.len) : NULL;
        if (semicolon != NULL)
            member.len = (size_t)(semicolon - member.ptr);
        member = trim(member);
        if (member.len == 0)
            continue;
        if (!is_word(member, "permessage-deflate"))
            return WSC_NEGOTIATED_OTHER;
        found = WSC_NEGOTIATED_DEFLATE;
    }
    return found;
}

/* What follows "scheme://authority" of an absolute form (RFC 9112 3.2.2). */
static struct wsc_span skip_authority(struct wsc_span t)
{
    const uint8_t *colon = memchr(t.ptr, ':', t.len);
    if (colon == NULL || t.ptr + t.len - colon < 3 || colon[1] != '/' || colon[2] != '/')
        return t;
    size_t i = (size_t)(colon - t.ptr) + 3;
    while (i < t.len && t.ptr[i] != '/' && t.ptr[i] != '?' && t.ptr[i] != '#')
        i++;
    return (struct wsc_span){.ptr = t.ptr + i, .len = t.len - i};
}

struct wsc_span wsc_ws_upgrade_path(struct wsc_span target, bool keep_query)
{
    static const uint8_t root[] = "/";
    if (target.ptr == NULL)
        return target;
    if (target.len > 0 && target.ptr[0] != '/')
        target = skip_authority(target);
    for (size_t i = 0; i < target.len; i++) {
        if (target.ptr[i] == '#' || (target.ptr[i] == '?' && !keep_query)) {
            target.len = i;
            break;
        }
    }
    size_t last = target.len; /* the last segment */
    while (last > 0 && target.ptr[last - 1] != '/')
        last--;
    const uint8_t *parameters = memchr(target.ptr + last, ';', target.len - last);
    if (parameters != NULL && !keep_query)
        target.len = (size_t)(parameters - target.ptr);
    return target.len > 0 ? target : (struct wsc_span){.ptr = root, .len = 1};
}

struct wsc_span wsc_ws_upgrade_host(struct wsc_span field)
{
    for (size_t i = field.len; i > 0; i--)
        if (field.ptr[i - 1] == '@')
            return (struct wsc_span){.ptr = field.ptr + i, .len = field.len - i};
    return field;
}

struct wsc_span wsc_ws_upgrade_bare_url(struct wsc_span url)
{
    if (url.ptr == NULL)
        return url;
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] == '?' || url.ptr[i] == '#' || url.ptr[i] == ';') {
            url.len = i;
            break;
        }
    }
    if (memchr(url.ptr, '@', url.len) != NULL)
        return (struct wsc_span){0};
    return url;
}

static size_t skip(struct wsc_span s, size_t at, const char *any)
{
    while (at < s.len && s.ptr[at] != '\0' && strchr(any, s.ptr[at]) != NULL)
        at++;
    return at;
}

/* After a token or a quoted string at |at|. */
static size_t skip_value(struct wsc_span s, size_t at)
{
    if (at >= s.len || s.ptr[at] != '"') {
        while (at < s.len && s.ptr[at] > ' ' && s.ptr[at] != ',' && s.ptr[at] != '=')
            at++;
        return at;
    }
    for (at++; at < s.len && s.ptr[at] != '"'; at++)
        if (s.ptr[at] == '\\')
            at++;
    return at < s.len ? at + 1 : s.len;
}

static bool harmless(struct wsc_span s, size_t from, size_t to)
{
    static const char *const names[] = {"realm", "error", "error_description", "scope", "charset"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (to - from == strlen(names[i]) &&
            strncasecmp((const char *)s.ptr + from, names[i], to - from) == 0)
            return true;
    return false;
}

struct wsc_span wsc_ws_upgrade_challenge(struct wsc_span field)
{
    size_t kept = 0;
    bool scheme = true; /* a scheme may stand here: at the beginning and after a comma */
    for (size_t at = 0; field.ptr != NULL && at < field.len;) {
        size_t to = skip_value(field, at), next = skip(field, to, " \t");
        bool param = next < field.len && field.ptr[next] == '=';
        if (to == at || (param ? !harmless(field, at, to) : !scheme))
            break;
        kept = to;
        if (param)
            kept = next = skip_value(field, skip(field, next + 1, " \t"));
        at = skip(field, next, " \t,");
        scheme = next < at && memchr(field.ptr + next, ',', at - next) != NULL;
    }
    field.len = kept;
    return field;
}
