#include <wsclose/libraries.h>

#include <nghttp2/nghttp2.h>

#include <stdio.h>

size_t wsc_http_libraries(struct wsc_library *out, size_t max)
{
    if (max < 1)
        return 0;
    const nghttp2_info *info = nghttp2_version(0);
    out->name = "nghttp2";
    (void)snprintf(out->version, sizeof(out->version), "%s", info->version_str);
    return 1;
}
