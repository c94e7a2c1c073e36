/* What flows say: bytes that look like text, bytes that look like anything, drawn from two fixed
 * pools so that writing them costs no more than copying. */
#ifndef GENERATOR_TEXT_H
#define GENERATOR_TEXT_H

#include "wire.h"

#define TEXT_MAX 65536u /* the most that one call gives */

struct text {
    uint8_t words[2 * TEXT_MAX], noise[2 * TEXT_MAX];
};

void text_init(struct text *t, struct wire *w);
const uint8_t *text_words(const struct text *t, struct wire *w); /* TEXT_MAX bytes, printable */
const uint8_t *text_noise(const struct text *t, struct wire *w); /* TEXT_MAX bytes, any */

#endif
