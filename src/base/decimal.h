/* Numbers as text where printf() would be most of the work. Nothing is terminated. */
#ifndef WSC_BASE_DECIMAL_H
#define WSC_BASE_DECIMAL_H

#include <stdint.h>

#define WSC_DECIMAL_MAX 20u

/* Writes |v| at |at|, which has room for WSC_DECIMAL_MAX; returns the end. */
static inline char *wsc_decimal(char *at, uint64_t v)
{
    char digits[WSC_DECIMAL_MAX];
    unsigned n = 0;
    do
        digits[n++] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    while (n > 0)
        *at++ = digits[--n];
    return at;
}

/* The last |width| digits of |v|, with leading zeros. */
static inline char *wsc_decimal_padded(char *at, uint64_t v, unsigned width)
{
    for (unsigned i = width; i-- > 0; v /= 10)
        at[i] = (char)('0' + v % 10);
    return at + width;
}

#endif
