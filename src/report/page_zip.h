/* Bytes as base64 of gzip, written as they come: what DecompressionStream unpacks. */
#ifndef WSC_REPORT_PAGE_ZIP_H
#define WSC_REPORT_PAGE_ZIP_H

#include <wsclose/error.h>

#include <stddef.h>
#include <stdio.h>

struct wsc_page_zip;

/* NULL: no memory. */
struct wsc_page_zip *wsc_page_zip_new(FILE *out);
void wsc_page_zip_put(struct wsc_page_zip *z, const void *bytes, size_t n);
/* Writes the rest and frees |z|. Whether |out| took it all is for its owner to ask. */
void wsc_page_zip_end(struct wsc_page_zip *z);

#endif
