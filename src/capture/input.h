/* Bytes of one capture: a file or standard input, decompressed if need be (gzip, zstd, xz, bzip2,
 * lz4, told by their magic). */
#ifndef WSC_CAPTURE_INPUT_H
#define WSC_CAPTURE_INPUT_H

#include <wsclose/error.h>
#include <wsclose/types.h>

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wsc_input;

/* Opens |path| ("-": standard input). |stop|, when set, makes reads end. Fills |err| on failure
 * (WSC_ERR_IO, WSC_ERR_NOMEM). */
enum wsc_err wsc_input_open(const char *path, const volatile sig_atomic_t *stop,
                            struct wsc_input **out, struct wsc_error *err) WSC_MUST_USE;
void wsc_input_close(struct wsc_input *in); /* NULL is legal */

/* The next |n| bytes, in place: valid until the next call. |*have|: how many there are, fewer than
 * |n| only where the data ends, is damaged or cannot be read: wsc_input_problem() says why. |n| is
 * the caller's ceiling: that much may be held. */
const uint8_t *wsc_input_peek(struct wsc_input *in, size_t n, size_t *have);
/* Those of the next bytes that are at hand: a wsc_input_peek() of no more moves nothing. */
struct wsc_span wsc_input_ahead(const struct wsc_input *in);
void wsc_input_skip(struct wsc_input *in, size_t n);       /* takes |n| of those */
void wsc_input_wipe(struct wsc_input *in, size_t n);       /* blots out the last |n| bytes taken */
const char *wsc_input_problem(const struct wsc_input *in); /* NULL: none */

/* Reads at most |n| bytes, as many as are there. Returns their number, 0 at the end, -1 when there
 * is a problem. */
long wsc_input_read(struct wsc_input *in, uint8_t *buf, size_t n);

uint64_t wsc_input_position(const struct wsc_input *in); /* bytes taken from the file on disk */
uint64_t wsc_input_size(const struct wsc_input *in);     /* of the file on disk, 0 if it is none */

#endif
