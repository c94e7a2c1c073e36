#include "live_right.h"

#include "i18n.h"
#include "out.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char copy[] = WSCLOSE_LIVE_PROGRAM; /* "": built for no package */

/* By the file, not by its name: a directory on the way to it may be a link. */
static bool is_copy(void)
{
    struct stat self, that;
    return stat("/proc/self/exe", &self) != 0 || stat(copy, &that) != 0 ||
           (self.st_dev == that.st_dev && self.st_ino == that.st_ino);
}

static void become_copy(int argc, char **argv)
{
    static const char *const before[] = {"wsclose", "--lang", NULL, "live"};
    enum { BEFORE = sizeof(before) / sizeof(before[0]) };
    const char **words = calloc((size_t)argc + BEFORE + 1, sizeof(*words));
    if (words == NULL)
        return;
    memcpy(words, before, sizeof(before));
    words[2] = i18n_language();
    for (int i = 0; i < argc; i++)
        words[BEFORE + i] = argv[i];
    (void)execv(copy, (char *const *)(uintptr_t)words);
    free(words);
}

bool live_right_take(int argc, char **argv)
{
    if (access(copy, F_OK) != 0)
        return false;
    if (!is_copy())
        become_copy(argc, argv);
    out_say("the right to capture is missing (CAP_NET_RAW): run as root, or as a member of the "
            "group wsclose; `sudo dpkg-reconfigure wsclose` lets that group capture, `sudo adduser "
            "NAME wsclose` makes a member of it, from the next login on");
    return true;
}

enum live_right_copy live_right_of_copy(void)
{
    struct stat st;
    if (stat(copy, &st) != 0)
        return LIVE_RIGHT_NO_COPY;
    if ((st.st_mode & S_IXOTH) != 0)
        return LIVE_RIGHT_NOT_GIVEN;
    return access(copy, X_OK) == 0 ? LIVE_RIGHT_FOR_US : LIVE_RIGHT_FOR_OTHERS;
}
