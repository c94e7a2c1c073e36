/* How the tables of this directory name texts, hosts and subprotocols. Spans are hostile. */
#ifndef WSC_CODES_TEXT_MATCH_H
#define WSC_CODES_TEXT_MATCH_H

#include <wsclose/types.h>

/* True if |text| is one of the alternatives of |patterns|, which stand apart by " | ". In a
 * pattern '#' is a number (digits, with ',' or '.' inside) and "..." any bytes, none too; the rest
 * is as it stands. A Close holds at most 123 bytes of reason (RFC 6455 5.5), so a |text| of 120
 * bytes or more may also be the cut beginning of a pattern, with or without an ellipsis at its
 * end. An empty pattern or text matches nothing. */
bool wsc_text_match(const char *patterns, struct wsc_span text);

/* True if |host| (name, or name:port, in any case) is |name| or stands under it. A label "*" of
 * |name| is any one label. */
bool wsc_host_match(const char *name, struct wsc_span host);

#endif
