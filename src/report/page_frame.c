#include "report/page_frame.h"

#include "page.inc"

struct wsc_span wsc_page_frame(void)
{
    return (struct wsc_span){.ptr = page_frame, .len = sizeof(page_frame)};
}

/* Length of the mark at |at|, with its two signs; 0 if there is none. */
static size_t mark_at(struct wsc_span s, size_t at)
{
    size_t n = at + 1;
    while (s.ptr[at] == '@' && n < s.len && s.ptr[n] >= 'A' && s.ptr[n] <= 'Z')
        n++;
    return n > at + 1 && n < s.len && s.ptr[n] == '@' ? n + 1 - at : 0;
}

bool wsc_page_frame_next(struct wsc_span s, size_t *at, struct wsc_span *piece, bool *mark)
{
    size_t from = *at, n;
    if (from == s.len)
        return false;
    n = mark_at(s, from);
    *mark = n > 0;
    if (n > 0) {
        *piece = (struct wsc_span){.ptr = s.ptr + from + 1, .len = n - 2};
        *at += n;
        return true;
    }
    while (*at < s.len && mark_at(s, *at) == 0)
        ++*at;
    *piece = (struct wsc_span){.ptr = s.ptr + from, .len = *at - from};
    return true;
}
