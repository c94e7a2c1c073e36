#include <wsclose/doctor.h>
#include <wsclose/libraries.h>

#include "ident/ident.h"

#include <ndpi_api.h>

#include <stdio.h>

bool wsc_doctor_ndpi(void)
{
    struct wsc_ident *id = wsc_ident_new();
    bool starts = id != NULL;
    wsc_ident_free(id);
    return starts;
}

size_t wsc_ident_libraries(struct wsc_library *out, size_t max)
{
    if (max < 1)
        return 0;
    out->name = "nDPI";
    (void)snprintf(out->version, sizeof(out->version), "%s", ndpi_revision());
    return 1;
}
