/* The right to capture where this program has none: a package may give it to a copy of it that
 * only members of a group can run (packaging/deb/postinst). */
#ifndef WSC_CLI_LIVE_RIGHT_H
#define WSC_CLI_LIVE_RIGHT_H

#include <stdbool.h>

/* Goes on as that copy, with `live` and the |argc| words after it; then it does not return. False:
 * there is no such copy. True: it is there, but not for us, and was said how to change that. */
bool live_right_take(int argc, char **argv);

/* What that copy is to us. */
enum live_right_copy {
    LIVE_RIGHT_NO_COPY,
    LIVE_RIGHT_NOT_GIVEN, /* everybody can run it, so it was given no right */
    LIVE_RIGHT_FOR_OTHERS,
    LIVE_RIGHT_FOR_US
};
enum live_right_copy live_right_of_copy(void);

#endif
