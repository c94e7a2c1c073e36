/* The inside of an analyzer, for those who take in packets for it. */
#ifndef WSC_ENGINE_ANALYZER_STEP_H
#define WSC_ENGINE_ANALYZER_STEP_H

#include "engine/intake.h"
#include "flow/flow_key.h"

/* What is left of a packet after the intake. */
struct wsc_step {
    const struct wsc_clock *clock;      /* the time it brought */
    const struct wsc_packet_view *view; /* a segment, or NULL */
};
#define WSC_STEPS_MAX 32u

struct wsc_wide_ops;

/* An analyzer of some of the connections. |ctx| is that of |on_record|, too. */
enum wsc_err wsc_analyzer_new_wide(const struct wsc_analyzer_options *opt,
                                   const struct wsc_wide_ops *wide, wsc_record_fn on_record,
                                   void *ctx, struct wsc_analyzer **out) WSC_MUST_USE;

/* Its labels; NULL: it gives none. */
struct wsc_ident *wsc_analyzer_ident(struct wsc_analyzer *an);

/* The place, in the work of this packet, of what is handed over now. */
const struct wsc_turn *wsc_analyzer_turn(const struct wsc_analyzer *an);

/* What wsc_analyzer_feed() does after the intake. */
enum wsc_err wsc_analyzer_step(struct wsc_analyzer *an, const struct wsc_clock *c,
                               const struct wsc_packet_view *v) WSC_MUST_USE;

/* The same for several, |n| <= WSC_STEPS_MAX, in order; faster, as what all of them need is fetched
 * from memory at once. Returns how many segments there was no memory for. */
size_t wsc_analyzer_steps(struct wsc_analyzer *an, const struct wsc_step *steps, size_t n);

/* The key of an open record, as a store gives it; |client| is its end. False: it cannot be gone on
 * with. */
bool wsc_analyzer_key_of(const struct wsc_closure *rec, struct wsc_flow_key *key,
                         enum wsc_way *client);

/* For qsort(): the order of wsc_analyzer_protocols(). */
int wsc_analyzer_by_bytes(const void *a, const void *b);

#endif
