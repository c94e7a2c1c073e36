/* One pass over an import: its ends, and what is said of them. Private to findings. */
#ifndef WSC_FINDINGS_ACROSS_H
#define WSC_FINDINGS_ACROSS_H

#include <wsclose/across.h>

#define WSC_ACROSS_ALARM 0.01 /* false alarms of one look at one group, at most */

struct wsc_across {
    struct wsc_store *store;
    const struct wsc_limits *limits; /* NULL: none */
    struct wsc_error *err;
    struct wsc_store_end **ends; /* in order of time; marked: explained by a silence or an age that
                                    recurs */
    size_t len;
};

/* Each looks at all ends and amends what it explains. */
enum wsc_err wsc_across_timers(struct wsc_across *a);
enum wsc_err wsc_across_masses(struct wsc_across *a);
enum wsc_err wsc_across_legs(struct wsc_across *a);

/* Sentences of one amendment. */
struct wsc_across_text {
    struct wsc_span sentence[4];
    size_t len, used;
    char text[1600];
};
void wsc_across_say(struct wsc_across_text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether |cause| with |confidence| is better than what stands there: surer, or as sure and more
 * than a code or a bare end says by itself. */
bool wsc_across_better(enum wsc_cause cause, enum wsc_confidence confidence, enum wsc_cause old,
                       enum wsc_confidence old_confidence);

/* Writes it; cause and confidence of |x| are those that stand then. */
enum wsc_err wsc_across_amend(struct wsc_across *a, struct wsc_store_end *x, enum wsc_cause cause,
                              enum wsc_confidence confidence, const struct wsc_across_text *t);

#endif
