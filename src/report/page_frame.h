/* The frame of a page, embedded at build time: text with @NAME@ where something is to be put. */
#ifndef WSC_REPORT_PAGE_FRAME_H
#define WSC_REPORT_PAGE_FRAME_H

#include <wsclose/types.h>

/* The whole frame; its style, its script and the policy that allows them are in it already. */
struct wsc_span wsc_page_frame(void);

/* The next piece of |s| from |*at| on: text up to a mark or the end, or, with |*mark| set, the name
 * in a mark. Returns false at the end. */
bool wsc_page_frame_next(struct wsc_span s, size_t *at, struct wsc_span *piece, bool *mark);

#endif
