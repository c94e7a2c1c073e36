/* Private to codes: the pages of the code book, and phrases several of them share. */
#ifndef WSC_CODES_BOOK_H
#define WSC_CODES_BOOK_H

#include <wsclose/codes.h>

/* Marks a text for xgettext; whoever shows it translates it. */
#define N_(text) text

/* clang-format off */
#define MAY_STAND           N_("Yes, in a Close frame.")
#define MUST_NOT            N_("No, never. Whoever puts it into a Close frame breaks the protocol; most receivers then answer 1002.")
#define EITHER_SIDE         N_("Either side.")
#define NOBODY              N_("Nobody. An endpoint reports it to its own program.")
#define NOBODY_MAY          N_("Nobody may.")
#define GATEWAY_SIDE        N_("The server, or a gateway in front of it.")
#define AS_RECEIVED         N_("Code and reason as received. A page cannot send it: close() takes only 1000 and 3000-4999.")
#define AS_RECEIVED_OR_SENT N_("Code and reason as received. A page may send it with close().")
#define OWN_FAILURE         N_("The code as received. Where the browser itself sends it, because of what the server sent, the page sees 1006.")
#define ILLEGAL_CODE        N_("Chromium hands the number to the page as it came; others may fail the connection, and the page then sees 1006.")
/* clang-format on */

/* In ascending order of |first|, single codes before the range around them. */
extern const struct wsc_code_page wsc_book_protocol[]; /* 0-1015 */
extern const size_t wsc_book_protocol_len;
extern const struct wsc_code_page wsc_book_others[]; /* 1016-65535 */
extern const size_t wsc_book_others_len;

#endif
