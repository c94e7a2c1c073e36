#include "engine/conversation.h"

#include <string.h>

/* What is kept for a WebSocket is one number: of the interned array of the numbers of its strings.
 * Connections that say the same share the array, and it holds its strings once for them all. Arrays
 * are interned apart from strings: one that somebody sends must not pass for an array. */

static void read_set(const struct wsc_engine *e, uint32_t set, uint32_t ids[WSC_STRING_COUNT])
{
    struct wsc_span kept = wsc_intern_text(e->string_sets, set);
    memset(ids, 0, WSC_STRING_COUNT * sizeof(ids[0]));
    if (kept.ptr != NULL)
        memcpy(ids, kept.ptr, WSC_STRING_COUNT * sizeof(ids[0]));
}

/* Gives an array back, and its strings with its last user. */
static void put_set(struct wsc_engine *e, uint32_t set)
{
    uint32_t ids[WSC_STRING_COUNT];
    if (set == 0)
        return;
    read_set(e, set, ids);
    if (wsc_intern_put(e->string_sets, set))
        for (size_t i = 0; i < WSC_STRING_COUNT; i++)
            wsc_intern_put(e->intern, ids[i]);
}

void wsc_conv_set_strings(struct wsc_engine *e, struct wsc_conv_ws *ws,
                          const struct wsc_conv_text *texts, size_t n)
{
    uint32_t was[WSC_STRING_COUNT], ids[WSC_STRING_COUNT];
    read_set(e, ws->strings, was);
    memcpy(ids, was, sizeof(ids));
    for (size_t i = 0; i < n; i++)
        if (ids[texts[i].which] == 0)
            ids[texts[i].which] = wsc_intern_get(e->intern, texts[i].text);
    if (memcmp(ids, was, sizeof(ids)) == 0)
        return;
    uint32_t set = wsc_intern_get(
        e->string_sets, (struct wsc_span){.ptr = (const uint8_t *)ids, .len = sizeof(ids)});
    bool made = set != 0 && wsc_intern_users(e->string_sets, set) == 1;
    for (size_t i = 0; i < WSC_STRING_COUNT; i++) {
        if (made && was[i] != 0)
            wsc_intern_again(e->intern, ids[i]);
        else if (!made && was[i] == 0)
            wsc_intern_put(e->intern, ids[i]);
    }
    if (set == 0)
        return;
    put_set(e, ws->strings);
    ws->strings = set;
}

static uint32_t id_of(const struct wsc_engine *e, const struct wsc_conv_ws *ws,
                      enum wsc_conv_string which)
{
    struct wsc_span kept = wsc_intern_text(e->string_sets, ws->strings);
    uint32_t id = 0;
    if (kept.ptr != NULL)
        memcpy(&id, kept.ptr + which * sizeof(id), sizeof(id));
    return id;
}

struct wsc_span wsc_conv_string(const struct wsc_engine *e, const struct wsc_conv_ws *ws,
                                enum wsc_conv_string which)
{
    return wsc_intern_text(e->intern, id_of(e, ws, which));
}

enum { NOT_LOOKED_FOR, NOBODY, FIRST_SOFTWARE }; /* notes */

const struct wsc_software *wsc_conv_software(const struct wsc_engine *e,
                                             const struct wsc_conv_ws *ws,
                                             enum wsc_conv_string which)
{
    uint32_t id = id_of(e, ws, which);
    if (id == 0)
        return NULL;
    size_t n;
    const struct wsc_software *all = wsc_softwares(&n);
    uint16_t note = wsc_intern_note(e->intern, id);
    if (note == NOT_LOOKED_FOR) {
        const struct wsc_software *s = wsc_software_named(wsc_intern_text(e->intern, id));
        note = s != NULL ? (uint16_t)(FIRST_SOFTWARE + (s - all)) : NOBODY;
        wsc_intern_set_note(e->intern, id, note);
    }
    return note == NOBODY ? NULL : &all[note - FIRST_SOFTWARE];
}

void wsc_conv_drop_strings(struct wsc_engine *e, struct wsc_conv_ws *ws)
{
    put_set(e, ws->strings);
    ws->strings = 0;
}
