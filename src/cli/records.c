#include "records.h"

#include <stdlib.h>
#include <string.h>

static bool was_shown(const struct records *r, int64_t id)
{
    size_t byte = (size_t)id / 8;
    return id >= 0 && byte < r->shown_len && (r->shown[byte] & 1u << id % 8) != 0;
}

static void note_shown(struct records *r, int64_t id)
{
    if (id < 0 || id >= RECORDS_MAX_ID)
        return;
    size_t byte = (size_t)id / 8;
    if (byte >= r->shown_len) {
        size_t len = (byte + 1) * 2;
        uint8_t *shown = realloc(r->shown, len);
        if (shown == NULL)
            return; /* shown twice, then */
        memset(shown + r->shown_len, 0, len - r->shown_len);
        r->shown = shown;
        r->shown_len = len;
    }
    r->shown[byte] |= (uint8_t)(1u << id % 8);
}

void records_clear(struct records *r)
{
    free(r->shown);
    r->shown = NULL;
    r->shown_len = 0;
}

struct leg {
    struct records *records;
    enum wsc_err e;
};

static int on_leg(void *ctx, const struct wsc_closure *rec)
{
    struct leg *l = ctx;
    note_shown(l->records, rec->id);
    l->e = wsc_report_leg(l->records->out->report, rec);
    return 1;
}

enum wsc_err records_show(struct records *r, const struct wsc_closure *rec, struct wsc_error *err)
{
    if (r->group && was_shown(r, rec->id))
        return WSC_OK;
    enum wsc_err e = wsc_report_record(r->out->report, rec);
    if (!r->group || rec->legs_len == 0)
        return e;
    note_shown(r, rec->id);
    for (size_t i = 0; e == WSC_OK && i < rec->legs_len; i++) {
        struct wsc_filter f = *r->filter;
        struct leg l = {.records = r};
        f.id = rec->legs[i];
        if (was_shown(r, f.id))
            continue;
        e = wsc_store_query(r->store, &f, on_leg, &l, err);
        if (e == WSC_OK)
            e = l.e;
    }
    return e;
}
