/* What the connections of one import say of each other: silences and ages that recur, many that end
 * at one instant, and the two legs of a proxied connection. Changes causes and adds evidence.
 *
 *     wsc_store_set_pass(store, wsc_across_pass, (void *)limits);
 */
#ifndef WSCLOSE_ACROSS_H
#define WSCLOSE_ACROSS_H

#include <wsclose/limits.h>
#include <wsclose/store.h>

/* A wsc_store_pass_fn, which looks at no more than WSC_STORE_ENDS_MAX connections; |ctx| is a const
 * struct wsc_limits * or NULL. */
enum wsc_err wsc_across_pass(void *ctx, struct wsc_store *s, struct wsc_error *err);

#endif
