/* What wsclose doctor looks at; each function tells what it found. */
#ifndef WSC_CLI_DOCTOR_H
#define WSC_CLI_DOCTOR_H

#include "out.h"

struct doctor {
    struct out out;
    const char *db;
    const char *keylog; /* NULL: that of the environment */
    bool lacks;         /* something that analyzing needs is missing */
    bool failed;        /* the output takes no more */
};

void doctor_analysis(struct doctor *d); /* what captures can be read, and the terminal */
void doctor_database(struct doctor *d); /* the database, and the disk it is on */
void doctor_keylog(struct doctor *d);
void doctor_rights(struct doctor *d);     /* to capture, and to give rights up */
void doctor_interfaces(struct doctor *d); /* each, and what it does to packets */
void doctor_system(struct doctor *d);     /* memory, clock, service */

/* Tells |c|, whose text is made as by printf(). */
void doctor_tell(struct doctor *d, struct wsc_check c, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define DOCTOR_MEND_MAX 1024u

#endif
