#include "codes/book.h"

/* Beyond the protocol's own codes: registered by others, private, or nobody's. */

/* clang-format off */
const struct wsc_code_page wsc_book_others[] = {
    {.first = 1016, .last = 2999, .name = "Unassigned (protocol and extensions)", .source = "IANA registry; RFC 6455 7.4.2",
     .meaning = N_("Unassigned: kept for later versions of the protocol and for extensions."),
     .sender = NOBODY_MAY,
     .wire = N_("Not until it is defined; ws and others answer 1002."),
     .browsers = ILLEGAL_CODE,
     .capture = N_("A Close frame whose first two bytes lie between 03 F8 and 0B B7."),
     .seen = {N_("A program made up a code in the wrong range."),
              N_("SockJS numbers such as 2010, which belong in its own frames.")},
     .todo = {N_("Find the sender by packet number and move its codes to 4000-4999.")},
     .sent_by = WSC_SENT_BY_NOBODY, .retry = WSC_RETRY_AFTER_FIX},

    {.first = 3000, .last = 3000, .name = "Unauthorized", .source = "IANA registry",
     .meaning = N_("The client did not show who it is; like HTTP 401."),
     .sender = N_("The server."), .wire = MAY_STAND, .browsers = AS_RECEIVED_OR_SENT,
     .capture = N_("A Close frame with 0B B8 from the server, mostly soon after the handshake."),
     .seen = {N_("Token missing, wrong or expired."),
              N_("Not registered use: SockJS (reason \"Go away!\") and Centrifugo sent 3000 before it was registered.")},
     .todo = {N_("Get a fresh token, then reconnect."),
              N_("Check the clocks of both sides if tokens expire early.")},
     .sent_by = WSC_SENT_BY_SERVER, .retry = WSC_RETRY_AFTER_FIX},

    {.first = 3003, .last = 3003, .name = "Forbidden", .source = "IANA registry",
     .meaning = N_("The client is known but not allowed to do this; like HTTP 403."),
     .sender = N_("The server."), .wire = MAY_STAND, .browsers = AS_RECEIVED_OR_SENT,
     .capture = N_("A Close frame with 0B BB from the server, soon after the handshake or after a request of the client."),
     .seen = {N_("The account lacks the role, plan or right for this path or channel."),
              N_("A right was taken away while the connection was open.")},
     .todo = {N_("Grant the right or use another account; a reconnect alone does not help.")},
     .sent_by = WSC_SENT_BY_SERVER, .retry = WSC_RETRY_AFTER_FIX},

    {.first = 3008, .last = 3008, .name = "Timeout", .source = "IANA registry",
     .meaning = N_("The endpoint waited too long for something; like HTTP 408."),
     .sender = EITHER_SIDE, .wire = MAY_STAND, .browsers = AS_RECEIVED_OR_SENT,
     .capture = N_("A Close frame with 0B C0 after a silence whose length is the limit."),
     .seen = {N_("The client did not log in, answer or send a heartbeat in time."),
              N_("Not registered use: Centrifugo sends 3008 with the reason \"slow\" to a client that reads too slowly.")},
     .todo = {N_("Compare the silence before the Close with the limit; send heartbeats sooner or raise it."),
              N_("Reconnect with back-off.")},
     .sent_by = WSC_SENT_BY_EITHER, .retry = WSC_RETRY_BACKOFF},

    {.first = 3000, .last = 3999, .name = "Unassigned: libraries, frameworks, applications (register with IANA)",
     .source = "IANA registry; RFC 6455 7.4.2",
     .meaning = N_("For libraries, frameworks and applications that register their codes with IANA; this one is not registered."),
     .sender = EITHER_SIDE, .wire = MAY_STAND, .browsers = AS_RECEIVED_OR_SENT,
     .capture = N_("A Close frame whose first two bytes lie between 0B B8 and 0F 9F; the reason and the subprotocol say whose code it is."),
     .seen = {N_("Centrifugo: 3000-3499 ask the client to reconnect, 3500-3999 not to."),
              N_("A program that took a number without registering it.")},
     .todo = {N_("Look it up in the documentation of what runs at the server; wsclose explain takes --subprotocol, --host and --reason.")},
     .sent_by = WSC_SENT_BY_EITHER, .retry = WSC_RETRY_ASK},

    {.first = 4000, .last = 4999, .name = "Private use", .source = "RFC 6455 7.4.2",
     .meaning = N_("Private use: only the two programs know. The same number means different things to different services."),
     .sender = EITHER_SIDE, .wire = MAY_STAND, .browsers = AS_RECEIVED_OR_SENT,
     .capture = N_("A Close frame whose first two bytes lie between 0F A0 and 13 87; the reason, the subprotocol and the host say whose code it is."),
     .seen = {N_("An application ends a session with a cause of its own: login, limits, a kick, a session taken over."),
              N_("Many follow HTTP: 4401 not authenticated, 4403 not allowed, 4404 not found, 4429 too many, 4500 server error. It is a habit, not a rule.")},
     .todo = {N_("Look it up in the documentation of what runs at the server; wsclose explain takes --subprotocol, --host and --reason."),
              N_("Whether to reconnect is part of the code's meaning: many services ask not to.")},
     .sent_by = WSC_SENT_BY_EITHER, .retry = WSC_RETRY_ASK},

    {.first = 5000, .last = 65535, .name = "undefined", .source = "RFC 6455 7.4.2",
     .meaning = N_("Undefined: close codes end at 4999."),
     .sender = NOBODY_MAY, .wire = MUST_NOT, .browsers = ILLEGAL_CODE,
     .capture = N_("A Close frame whose first two bytes are 13 88 or more."),
     .seen = {N_("A reason written without a code before it: its first two letters are read as the code (\"by\" of \"bye\" is 25209)."),
              N_("A code with its bytes swapped: 59395 is 1000, 62211 is 1011."),
              N_("A wrong mask: the code and the reason are noise.")},
     .todo = {N_("Look at the bytes of the Close; fix the sender's byte order or let it put a code before the reason.")},
     .sent_by = WSC_SENT_BY_NOBODY, .retry = WSC_RETRY_AFTER_FIX},
};
/* clang-format on */
const size_t wsc_book_others_len = sizeof(wsc_book_others) / sizeof(wsc_book_others[0]);
