/* Several that label flows learn together: each publishes what it learned in an epoch, and takes in
 * what all learned in the epoch before that one, by packet. */
#ifndef WSC_IDENT_CREW_H
#define WSC_IDENT_CREW_H

#include "ident/ident.h"
#include "ident/learned.h"

/* |member| comes to |epoch|: |*own|, of the epochs before, is the crew's from now on; |*own| is
 * then empty. Waits until all have come to the epoch before |epoch|, and adds to |learned| what was
 * learned before that. */
void wsc_ident_crew_meet(struct wsc_ident_crew *crew, size_t member, uint64_t epoch,
                         struct wsc_lessons *own, struct wsc_learned *learned);
/* |member| comes to no epoch any more. */
void wsc_ident_crew_leave(struct wsc_ident_crew *crew, size_t member);

#endif
