#include <wsclose/libraries.h>

#include <jansson.h>
#include <zlib.h>

#include <stdio.h>

size_t wsc_report_libraries(struct wsc_library *out, size_t max)
{
    if (max < 2)
        return 0;
    out[0].name = "jansson";
    (void)snprintf(out[0].version, sizeof(out[0].version), "%s", jansson_version_str());
    out[1].name = "zlib";
    (void)snprintf(out[1].version, sizeof(out[1].version), "%s", zlibVersion());
    return 2;
}
