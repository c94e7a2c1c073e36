/* Templates: lines written by hand, and lines that stand for what is generated. */
#ifndef WSCLOSE_MANUAL_FILL_H
#define WSCLOSE_MANUAL_FILL_H

#include <stdbool.h>
#include <stdio.h>

/* What a line "@NAME@" stands for. NULL |name| ends a list of them. */
struct fill_slot {
    const char *name;
    void (*write)(FILE *out, const void *ctx); /* |ctx|: as given to fill() */
};

/* Writes |to| from the template |from|. Returns false, having said why, if a file cannot be read or
 * written, if a line stands for something that is not among |slots|, or one of |slots| does not
 * stand there exactly once. */
bool fill(const char *from, const char *to, const struct fill_slot *slots, const void *ctx);

#endif
