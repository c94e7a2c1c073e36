#include <wsclose/closure.h>

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

/* Each span of a record, in the order of the struct. */
static size_t spans_of(struct wsc_closure *r, struct wsc_span *out[64])
{
    struct wsc_span *const all[] = {&r->capture,
                                    &r->scheme,
                                    &r->http,
                                    &r->tls_version,
                                    &r->sni,
                                    &r->host,
                                    &r->path,
                                    &r->subprotocol,
                                    &r->extensions,
                                    &r->user_agent,
                                    &r->origin,
                                    &r->server_software,
                                    &r->app,
                                    &r->reason,
                                    &r->close[0].reason,
                                    &r->close[1].reason,
                                    &r->saw[0].reason,
                                    &r->saw[1].reason,
                                    &r->cause,
                                    &r->software,
                                    &r->app_code_scope,
                                    &r->app_code_name,
                                    &r->app_code_meaning,
                                    &r->key,
                                    &r->open_state};
    size_t n = sizeof(all) / sizeof(all[0]);
    memcpy(out, all, sizeof(all));
    for (size_t i = 0; i < r->evidence_len; i++)
        out[n++] = &r->evidence[i];
    return n;
}

/* Whatever lies in a record as a pointer is a span: none may be forgotten. */
Test(closure_copy, owns_all_it_points_to)
{
    struct wsc_closure rec = {.close_code = 1006, .evidence_len = 3, .id = 7};
    struct wsc_span *spans[64], *copied[64];
    char *text[64];
    size_t n = spans_of(&rec, spans);
    for (size_t i = 0; i < n; i++) {
        text[i] = malloc(i + 1);
        memset(text[i], 'a' + (int)(i % 26), i + 1);
        *spans[i] =
            (struct wsc_span){.ptr = (const uint8_t *)text[i], .len = i}; /* the first is empty */
    }
    rec.sni = (struct wsc_span){0};
    struct wsc_closure *copy = wsc_closure_copy(&rec);
    cr_assert_not_null(copy);
    for (size_t i = 0; i < n; i++)
        free(text[i]);
    cr_expect_eq(spans_of(copy, copied), n);
    for (size_t i = 0; i < n; i++) {
        if (copied[i] == &copy->sni) {
            cr_expect_null(copied[i]->ptr, "not known stays not known");
            continue;
        }
        cr_assert_not_null(copied[i]->ptr, "span %zu", i);
        cr_expect_eq(copied[i]->len, i);
        for (size_t k = 0; k < i; k++)
            cr_expect_eq(copied[i]->ptr[k], 'a' + i % 26, "span %zu", i);
    }
    cr_expect_eq(copy->close_code, 1006);
    cr_expect_eq(copy->id, 7);
    wsc_closure_free(copy);
    wsc_closure_free(NULL);
}

/* A span added to the struct and not to the copy would still point to the original. */
Test(closure_copy, nothing_points_outside)
{
    struct wsc_closure rec;
    static const uint8_t byte = 'x';
    memset(&rec, 0, sizeof(rec));
    rec.evidence_len = WSC_EVIDENCE_MAX;
    struct wsc_span *spans[64];
    size_t n = spans_of(&rec, spans);
    for (size_t i = 0; i < n; i++)
        *spans[i] = (struct wsc_span){.ptr = &byte, .len = 1};
    struct wsc_closure *copy = wsc_closure_copy(&rec);
    cr_assert_not_null(copy);
    const uint8_t *want = &byte;
    for (size_t at = 0; at + sizeof(want) <= sizeof(*copy); at += sizeof(want))
        cr_expect_neq(memcmp((const char *)copy + at, &want, sizeof(want)), 0, "at %zu", at);
    wsc_closure_free(copy);
}
