/* Bytes from readable hex, for test vectors. */
#ifndef WSC_TEST_HEX_H
#define WSC_TEST_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Decodes "81 05 48 65" (spaces and newlines are skipped) into |out| of |cap| bytes.
 * Returns the number of bytes; aborts on a digit that is none or when |cap| is too small. */
size_t wsc_test_hex(const char *text, uint8_t *out, size_t cap);

#endif
