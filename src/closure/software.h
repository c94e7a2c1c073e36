/* Software that names itself in a Server or User-Agent header. All of it is static data. */
#ifndef WSC_CLOSURE_SOFTWARE_H
#define WSC_CLOSURE_SOFTWARE_H

#include <wsclose/types.h>

struct wsc_software {
    const char *token; /* what stands in the header */
    const char *name;
    bool proxy; /* passes Close frames on and writes none */
};

const struct wsc_software *wsc_softwares(size_t *n);

/* The first in the table whose token stands in |header|, hostile bytes of any length; NULL: none
 * does. */
const struct wsc_software *wsc_software_named(struct wsc_span header);

#endif
