/* Strings that many connections share (hosts, paths, agents), kept once and counted. Bounded:
 * beyond a ceiling of bytes a new string is not kept, and its field is then unknown. */
#ifndef WSC_ENGINE_INTERN_H
#define WSC_ENGINE_INTERN_H

#include <wsclose/types.h>

struct wsc_intern;

#define WSC_INTERN_MAX_LEN 4096u /* longer strings are cut */

struct wsc_intern *wsc_intern_new(size_t max_bytes); /* NULL: no memory */
void wsc_intern_free(struct wsc_intern *t);

/* A number for |s| (>= 1), to be given back once; 0 for a NULL span, or at a ceiling. */
uint32_t wsc_intern_get(struct wsc_intern *t, struct wsc_span s);
void wsc_intern_again(struct wsc_intern *t, uint32_t id); /* one more user of one that is there */
bool wsc_intern_put(struct wsc_intern *t, uint32_t id);   /* 0 is legal; true: it was the last */
uint32_t wsc_intern_users(const struct wsc_intern *t, uint32_t id);

/* What somebody found out about the string, so as not to ask again; 0 at first. */
uint16_t wsc_intern_note(const struct wsc_intern *t, uint32_t id);
void wsc_intern_set_note(struct wsc_intern *t, uint32_t id, uint16_t note);

/* The string; valid until it is given back. A NULL span for 0. */
struct wsc_span wsc_intern_text(const struct wsc_intern *t, uint32_t id);

size_t wsc_intern_bytes(const struct wsc_intern *t);
uint64_t wsc_intern_refused(const struct wsc_intern *t);

#endif
