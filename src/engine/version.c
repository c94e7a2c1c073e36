#include <wsclose/wsclose.h>

#include <stdlib.h>
#include <strings.h>

const char *wsc_version(void)
{
    return WSCLOSE_VERSION;
}

static int by_name(const void *a, const void *b)
{
    return strcasecmp(((const struct wsc_library *)a)->name, ((const struct wsc_library *)b)->name);
}

size_t wsc_libraries(struct wsc_library out[WSC_LIBRARIES_MAX])
{
    static size_t (*const layers[])(struct wsc_library * out, size_t max) = {
        wsc_capture_libraries, wsc_ident_libraries,  wsc_tls_libraries,     wsc_http_libraries,
        wsc_store_libraries,   wsc_report_libraries, wsc_metrics_libraries, wsc_guard_libraries};
    size_t n = 0;
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
        n += layers[i](out + n, WSC_LIBRARIES_MAX - n);
    qsort(out, n, sizeof(*out), by_name);
    return n;
}
