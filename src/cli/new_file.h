/* A file that is there whole or not at all: it is written under another name beside its own. */
#ifndef WSC_CLI_NEW_FILE_H
#define WSC_CLI_NEW_FILE_H

#include <limits.h>
#include <stdbool.h>

struct new_file {
    int fd; /* to write to; -1: none */
    bool is_stdout, force;
    const char *path;       /* the caller's */
    char tmp[PATH_MAX + 8]; /* "": none */
};

/* |path| "-" is standard output, unless that is a terminal. A file that is there is refused unless
 * |force|. Returns false, having said why. */
bool new_file_open(struct new_file *f, const char *path, bool force);
/* Gives it its name. Returns false, having said why; nothing is left then. */
bool new_file_keep(struct new_file *f);
/* Removes what was written; harmless after new_file_keep(). */
void new_file_drop(struct new_file *f);

#endif
