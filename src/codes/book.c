#include "codes/book.h"

/* Single codes stand before the range around them, so the first that holds |code| is the best. */
static const struct wsc_code_page *find(const struct wsc_code_page *pages, size_t n, int code)
{
    for (size_t i = 0; i < n; i++)
        if (code >= pages[i].first && code <= pages[i].last)
            return &pages[i];
    return NULL;
}

const struct wsc_code_page *wsc_code_page(int code)
{
    const struct wsc_code_page *page = find(wsc_book_protocol, wsc_book_protocol_len, code);
    return page != NULL ? page : find(wsc_book_others, wsc_book_others_len, code);
}
