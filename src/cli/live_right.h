/* The right to capture where this program has none: a package may give it to a copy of it that
 * only members of a group can run (packaging/deb/postinst). */
#ifndef WSC_CLI_LIVE_RIGHT_H
#define WSC_CLI_LIVE_RIGHT_H

#include <stdbool.h>

/* Goes on as that copy, with `live` and the |argc| words after it; then it does not return. False:
 * there is no such copy. True: it is there, but not for us, and was said how to change that. */
bool live_right_take(int argc, char **argv);

#endif
