#include "ident/crew.h"

#include "base/alloc.h"

#include <pthread.h>

/* Who is at epoch e has been waited for by nobody who is beyond e + 1: the lessons of four epochs
 * are never more than are still of use. */
#define EPOCHS_KEPT 4u

struct member {
    uint64_t epoch; /* that it has come to */
    struct wsc_lessons lessons[EPOCHS_KEPT];
};

struct wsc_ident_crew {
    pthread_mutex_t lock;
    pthread_cond_t come;
    bool stopped;
    size_t len;
    struct member members[WSC_IDENT_CREW_MAX];
};

struct wsc_ident_crew *wsc_ident_crew_new(size_t members)
{
    struct wsc_ident_crew *crew = wsc_calloc(1, sizeof(*crew));
    if (crew == NULL || members > WSC_IDENT_CREW_MAX) {
        wsc_free(crew);
        return NULL;
    }
    crew->len = members;
    (void)pthread_mutex_init(&crew->lock, NULL);
    (void)pthread_cond_init(&crew->come, NULL);
    return crew;
}

void wsc_ident_crew_free(struct wsc_ident_crew *crew)
{
    if (crew == NULL)
        return;
    for (size_t i = 0; i < crew->len; i++)
        for (size_t k = 0; k < EPOCHS_KEPT; k++)
            wsc_lessons_clear(&crew->members[i].lessons[k]);
    (void)pthread_cond_destroy(&crew->come);
    (void)pthread_mutex_destroy(&crew->lock);
    wsc_free(crew);
}

void wsc_ident_crew_stop(struct wsc_ident_crew *crew)
{
    if (crew == NULL)
        return;
    (void)pthread_mutex_lock(&crew->lock);
    crew->stopped = true;
    (void)pthread_cond_broadcast(&crew->come);
    (void)pthread_mutex_unlock(&crew->lock);
}

void wsc_ident_crew_leave(struct wsc_ident_crew *crew, size_t member)
{
    (void)pthread_mutex_lock(&crew->lock);
    crew->members[member].epoch = UINT64_MAX;
    (void)pthread_cond_broadcast(&crew->come);
    (void)pthread_mutex_unlock(&crew->lock);
}

static bool all_came(const struct wsc_ident_crew *crew, uint64_t epoch)
{
    for (size_t i = 0; i < crew->len; i++)
        if (crew->members[i].epoch < epoch)
            return false;
    return true;
}

/* What all learned in one epoch, by packet. */
static void learn(struct wsc_ident_crew *crew, uint64_t epoch, struct wsc_learned *learned)
{
    size_t at[WSC_IDENT_CREW_MAX] = {0};
    for (;;) {
        const struct wsc_lesson *next = NULL;
        size_t whose = 0;
        for (size_t i = 0; i < crew->len; i++) {
            const struct wsc_lessons *l = &crew->members[i].lessons[epoch % EPOCHS_KEPT];
            if (at[i] < l->len && (next == NULL || l->all[at[i]].seq < next->seq)) {
                next = &l->all[at[i]];
                whose = i;
            }
        }
        if (next == NULL)
            return;
        at[whose]++;
        wsc_learned_add(learned, &next->server, next->verdict);
    }
}

void wsc_ident_crew_meet(struct wsc_ident_crew *crew, size_t member, uint64_t epoch,
                         struct wsc_lessons *own, struct wsc_learned *learned)
{
    (void)pthread_mutex_lock(&crew->lock);
    struct member *m = &crew->members[member];
    struct wsc_lessons *kept = &m->lessons[(epoch - 1) % EPOCHS_KEPT];
    wsc_lessons_clear(kept);
    *kept = *own;
    *own = (struct wsc_lessons){.all = NULL};
    m->epoch = epoch;
    (void)pthread_cond_broadcast(&crew->come);
    while (!crew->stopped && !all_came(crew, epoch - 1))
        (void)pthread_cond_wait(&crew->come, &crew->lock);
    if (epoch >= 2)
        learn(crew, epoch - 2, learned);
    (void)pthread_mutex_unlock(&crew->lock);
}
