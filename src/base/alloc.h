/* The one door to malloc, so that tests can make the n-th call fail and count what is held. */
#ifndef WSC_BASE_ALLOC_H
#define WSC_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

void *wsc_alloc(size_t size);                /* not zeroed; NULL if refused */
void *wsc_calloc(size_t count, size_t size); /* zeroed; NULL if refused or count * size overflows */
void *wsc_realloc(void *p, size_t size);     /* NULL if refused: |p| stays */
void wsc_free(void *p);                      /* NULL is legal */

/* Those refused are counted: wsc_refusals() in wsclose/error.h. */
void wsc_alloc_refused(void); /* counts one that a library asked for itself */

/* For tests: asked before each allocation; false makes it fail. NULL, the default, lets all pass.
 */
void wsc_alloc_set_hook(bool (*may)(void *ctx), void *ctx);

#endif
