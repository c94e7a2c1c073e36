#include "ws/ws_close.h"

#include "base/bytes.h"
#include "base/utf8.h"

#include <wsclose/codes.h>

void wsc_ws_close_parse(struct wsc_span body, uint64_t wire_len, struct wsc_ws_close *out)
{
    static const uint8_t nothing[1];
    *out = (struct wsc_ws_close){.code = WSC_UNKNOWN, .reason = {.ptr = nothing, .len = 0}};
    out->empty = wire_len == 0;
    out->bad_length = wire_len == 1;
    if (wire_len < 2)
        return;
    if (body.len < 2) {
        out->reason.ptr = NULL;
        return;
    }
    out->code = wsc_be16(body.ptr);
    out->bad_code = !wsc_code_on_wire(out->code);
    out->reason = (struct wsc_span){.ptr = body.ptr + 2, .len = body.len - 2};
    bool whole = body.len == wire_len;
    out->bad_utf8 = whole && !wsc_utf8_valid(out->reason.ptr, out->reason.len);
    if (!whole && out->reason.len == 0)
        out->reason.ptr = NULL;
}
