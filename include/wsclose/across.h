/* What the connections of one import say of each other: silences and ages that recur, many that end
 * at one instant, and the two legs of a proxied connection. Changes causes and adds evidence.
 *
 *     wsc_store_set_pass(store, wsc_across_pass, (void *)limits);
 */
#ifndef WSCLOSE_ACROSS_H
#define WSCLOSE_ACROSS_H

#include <wsclose/limits.h>
#include <wsclose/store.h>

#define WSC_ACROSS_MAX_ENDS 2000000u /* connections looked at, the earliest; 120 bytes each */

/* A wsc_store_pass_fn; |ctx| is a const struct wsc_limits * or NULL. */
enum wsc_err wsc_across_pass(void *ctx, struct wsc_store *s, struct wsc_error *err);

#endif
