/* Bytes of one capture: a file or standard input, decompressed if need be (gzip, zstd, xz, bzip2,
 * lz4, told by their magic). */
#ifndef WSC_CAPTURE_INPUT_H
#define WSC_CAPTURE_INPUT_H

#include <wsclose/error.h>

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

/* Reads at most |n| bytes, as many as are there. Returns their number, 0 at the end, -1 when the
 * data is damaged or cannot be read: wsc_input_problem() says why. */
long wsc_input_read(struct wsc_input *in, uint8_t *buf, size_t n);
const char *wsc_input_problem(const struct wsc_input *in); /* NULL: none */

/* Reads exactly |n| bytes unless the end or damage comes first; returns how many. */
size_t wsc_input_read_full(struct wsc_input *in, uint8_t *buf, size_t n);

uint64_t wsc_input_position(const struct wsc_input *in); /* bytes taken from the file on disk */
uint64_t wsc_input_size(const struct wsc_input *in);     /* of the file on disk, 0 if it is none */

#endif
