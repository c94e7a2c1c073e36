#include "report/page_zip.h"

#include "base/alloc.h"

#define ZLIB_CONST /* what is packed is read alone */
#include <zlib.h>

#include <stdint.h>

#define GZIP_WINDOW (15 + 16) /* zlib: a gzip header instead of its own */
#define MEMORY      9         /* the most it takes: 256 KB, packs best */

struct wsc_page_zip {
    FILE *out;
    z_stream z;
    uint8_t packed[49152]; /* whole groups of three, but at the end */
};

static void *zip_alloc(void *ctx, unsigned n, unsigned size)
{
    (void)ctx;
    return wsc_calloc(n, size);
}

static void zip_free(void *ctx, void *p)
{
    (void)ctx;
    wsc_free(p);
}

struct wsc_page_zip *wsc_page_zip_new(FILE *out)
{
    struct wsc_page_zip *z = wsc_calloc(1, sizeof(*z));
    if (z == NULL)
        return NULL;
    z->out = out;
    z->z.zalloc = zip_alloc;
    z->z.zfree = zip_free;
    z->z.next_out = z->packed;
    z->z.avail_out = sizeof(z->packed);
    if (deflateInit2(&z->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, MEMORY,
                     Z_DEFAULT_STRATEGY) == Z_OK)
        return z;
    wsc_free(z);
    return NULL;
}

/* RFC 4648 4. */
static void put_base64(FILE *out, const uint8_t *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                     (left > 2 ? p[i + 2] : 0u);
        char four[4] = {digits[v >> 18], digits[v >> 12 & 63], left > 1 ? digits[v >> 6 & 63] : '=',
                        left > 2 ? digits[v & 63] : '='};
        fwrite(four, 1, sizeof(four), out);
    }
}

static int pack(struct wsc_page_zip *z, int flush)
{
    int rc = deflate(&z->z, flush);
    size_t n = sizeof(z->packed) - z->z.avail_out;
    if (z->z.avail_out != 0 && rc != Z_STREAM_END)
        return rc;
    put_base64(z->out, z->packed, n);
    z->z.next_out = z->packed;
    z->z.avail_out = sizeof(z->packed);
    return rc;
}

void wsc_page_zip_put(struct wsc_page_zip *z, const void *bytes, size_t n)
{
    z->z.next_in = bytes;
    z->z.avail_in = (unsigned)n;
    while (z->z.avail_in > 0)
        (void)pack(z, Z_NO_FLUSH);
}

void wsc_page_zip_end(struct wsc_page_zip *z)
{
    while (pack(z, Z_FINISH) != Z_STREAM_END)
        continue;
    (void)deflateEnd(&z->z);
    wsc_free(z);
}
