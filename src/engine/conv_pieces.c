/* Bytes kept for later, with the packets that carried them. */
#include "engine/conversation.h"

#include "base/alloc.h"

#include <string.h>

bool wsc_conv_piece_keep(struct wsc_engine *e, struct wsc_conv_pieces *p, uint64_t off,
                         struct wsc_span data, uint64_t gap, size_t max)
{
    if (p->bytes + sizeof(struct wsc_conv_piece) + data.len > max ||
        e->run_bytes + data.len > WSC_PIECES_ALL_MAX)
        return false;
    struct wsc_conv_piece *piece = wsc_alloc(sizeof(*piece) + data.len);
    if (piece == NULL)
        return false;
    *piece = (struct wsc_conv_piece){
        .off = off, .gap = gap, .at = *e->at, .wire = e->wire, .len = data.len};
    if (data.len > 0)
        memcpy(piece->data, data.ptr, data.len);
    if (p->last != NULL)
        p->last->next = piece;
    else
        p->first = piece;
    p->last = piece;
    p->bytes += sizeof(*piece) + data.len;
    e->run_bytes += sizeof(*piece) + data.len;
    return true;
}

void wsc_conv_piece_drop_first(struct wsc_engine *e, struct wsc_conv_pieces *p)
{
    struct wsc_conv_piece *first = p->first;
    size_t bytes = sizeof(*first) + first->len;
    p->first = first->next;
    if (p->first == NULL)
        p->last = NULL;
    p->bytes -= bytes;
    e->run_bytes -= bytes;
    wsc_free(first);
}

void wsc_conv_pieces_clear(struct wsc_engine *e, struct wsc_conv_pieces *p)
{
    while (p->first != NULL)
        wsc_conv_piece_drop_first(e, p);
}
