/* Aimed at wsc_ws_close_parse() with wsc_utf8_valid() and wsc_code_on_wire(). Byte 0: how many
 * bytes of the body are not at hand. */
#include "ws/ws_close.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#include <wsclose/codes.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t missing = data[0], n = size - 1;
    uint8_t *body = malloc(n + (n == 0));
    memcpy(body, data + 1, n);
    struct wsc_ws_close c;
    wsc_ws_close_parse((struct wsc_span){.ptr = body, .len = n}, n + missing, &c);

    must(c.empty == (n + missing == 0));
    must(c.bad_length == (n + missing == 1));
    must((c.code == WSC_UNKNOWN) == (n < 2 || c.empty || c.bad_length));
    must(!c.bad_code || !wsc_code_on_wire(c.code));
    must(!c.bad_utf8 || missing == 0);
    if (c.code != WSC_UNKNOWN) {
        must(c.code == (body[0] << 8 | body[1]));
        must(c.bad_code == !wsc_code_on_wire(c.code));
        must(c.reason.ptr == NULL || (c.reason.ptr == body + 2 && c.reason.len == n - 2));
        must((c.reason.ptr == NULL) == (n == 2 && missing > 0));
        must(c.bad_utf8 == (missing == 0 && !wsc_utf8_valid(body + 2, n - 2)));
    } else {
        must(c.reason.len == 0 && !c.bad_code && !c.bad_utf8);
    }
    free(body);
    return 0;
}
