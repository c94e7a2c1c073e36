#include <wsclose/libraries.h>

#include <microhttpd.h>

#include <stdio.h>

size_t wsc_metrics_libraries(struct wsc_library *out, size_t max)
{
    if (max < 1)
        return 0;
    out->name = "libmicrohttpd";
    (void)snprintf(out->version, sizeof(out->version), "%s", MHD_get_version());
    return 1;
}
