#include "text.h"

void text_init(struct text *t, struct wire *w)
{
    static const char letters[] = "etaoinshrdlu etaoinshrdlcumwfgypbvk0123456789{}\":,";
    for (uint32_t i = 0; i < sizeof(t->words); i++) {
        t->words[i] = (uint8_t)letters[wire_random(w, sizeof(letters) - 1)];
        t->noise[i] = (uint8_t)wire_random(w, 256);
    }
}

const uint8_t *text_words(const struct text *t, struct wire *w)
{
    return t->words + wire_random(w, TEXT_MAX);
}

const uint8_t *text_noise(const struct text *t, struct wire *w)
{
    return t->noise + wire_random(w, TEXT_MAX);
}
