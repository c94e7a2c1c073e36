/* Text of a page while it is written: the one place where text becomes HTML or JSON in HTML. */
#ifndef WSC_REPORT_PAGE_TEXT_H
#define WSC_REPORT_PAGE_TEXT_H

#include <wsclose/types.h>

#include "base/buf.h"

#include <string.h>

/* Failures stick: write straight down, ask once. */
struct wsc_pt {
    struct wsc_buf buf;
    bool failed; /* the ceiling or the memory was reached */
    bool comma;  /* JSON: before the next element or key */
};

void wsc_pt_init(struct wsc_pt *t, size_t max);
void wsc_pt_clear(struct wsc_pt *t);

/* As it is: our own text, markup and all. */
void wsc_pt_put(struct wsc_pt *t, const char *text);
void wsc_pt_bytes(struct wsc_pt *t, const void *bytes, size_t n);
void wsc_pt_printf(struct wsc_pt *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Anybody's text, for the content of an element or a quoted attribute. What acts instead of being
 * seen (controls, what turns the reading direction, no UTF-8) becomes a visible escape. */
void wsc_pt_html(struct wsc_pt *t, struct wsc_span s);
void wsc_pt_html_string(struct wsc_pt *t, const char *s);

/* "10,000". */
#define WSC_PT_COUNT_MAX 32u
const char *wsc_pt_count(uint64_t n, char out[WSC_PT_COUNT_MAX]);
/* The same until the end of the block. */
#define WSC_PT_COUNT(n) wsc_pt_count((n), (char[WSC_PT_COUNT_MAX]){0})

/* ---- JSON that may stand in a script element ---- */

/* What is written next is an element, or a value behind its key: a comma, if one is due. */
void wsc_pt_element(struct wsc_pt *t);
void wsc_pt_key(struct wsc_pt *t, const char *name);
void wsc_pt_open(struct wsc_pt *t, char bracket);
void wsc_pt_close(struct wsc_pt *t, char bracket);
/* A string of the text, made visible as in wsc_pt_html(); a NULL ptr is null. */
void wsc_pt_string(struct wsc_pt *t, struct wsc_span s);
void wsc_pt_word(struct wsc_pt *t, const char *s);
void wsc_pt_number(struct wsc_pt *t, int64_t v); /* negative: null */
/* Nanoseconds as milliseconds with up to three decimals; negative: null. */
void wsc_pt_ms(struct wsc_pt *t, int64_t ns);
void wsc_pt_time(struct wsc_pt *t, uint64_t ns); /* 0: null */

/* The characters of JSON that jansson wrote, which may then stand in a script element. */
int wsc_pt_dumped(const char *text, size_t n, void *pt);

static inline struct wsc_span wsc_pt_span(const char *s)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = s != NULL ? strlen(s) : 0};
}

#endif
