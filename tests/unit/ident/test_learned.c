#include "ident/crew.h"

#include <criterion/criterion.h>

#include <pthread.h>

static struct wsc_server_key server(unsigned n)
{
    return (struct wsc_server_key){
        .addr = {10, 0, (uint8_t)(n >> 8), (uint8_t)n}, .port = 443, .family = 4};
}

static void add(struct wsc_learned *l, unsigned n, uint32_t verdict, unsigned times)
{
    struct wsc_server_key key = server(n);
    while (times-- > 0)
        wsc_learned_add(l, &key, verdict);
}

static uint32_t verdict(const struct wsc_learned *l, unsigned n)
{
    struct wsc_server_key key = server(n);
    return wsc_learned_verdict(l, &key);
}

Test(learned, a_verdict_is_taken_once_three_flows_in_a_row_agree)
{
    static const struct {
        const char *name;
        uint32_t verdicts[8]; /* to a 0 */
        uint32_t want;
    } rows[] = {
        {"none", {0}, 0},
        {"two", {7, 7}, 0},
        {"three", {7, 7, 7}, 7},
        {"more", {7, 7, 7, 7, 7}, 7},
        {"another between", {7, 7, 9, 7}, 0},
        {"another after", {7, 7, 7, 9}, 0},
        {"changed its mind", {7, 7, 7, 9, 9, 9}, 9},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_learned *l = wsc_learned_new();
        for (const uint32_t *v = rows[i].verdicts; *v != 0; v++)
            add(l, 1, *v, 1);
        cr_expect_eq(verdict(l, 1), rows[i].want, "%s", rows[i].name);
        cr_expect_eq(verdict(l, 2), 0, "%s: of another server", rows[i].name);
        wsc_learned_free(l);
    }
}

Test(learned, beyond_two_generations_the_older_is_forgotten)
{
    struct wsc_learned *l = wsc_learned_new();
    for (unsigned n = 0; n < WSC_LEARNED_MAX; n++)
        add(l, n, 5, 3);
    cr_expect_eq(verdict(l, 0), 5);
    add(l, WSC_LEARNED_MAX, 5, 3);
    cr_expect_eq(verdict(l, 0), 5, "it is in the generation before");
    add(l, 1, 5, 1); /* carried over, with what is known */
    cr_expect_eq(verdict(l, 1), 5);
    for (unsigned n = 1; n < WSC_LEARNED_MAX; n++)
        add(l, WSC_LEARNED_MAX + n, 5, 3);
    cr_expect_eq(verdict(l, 1), 5);
    cr_expect_eq(verdict(l, 0), 0);
    cr_expect_eq(verdict(l, WSC_LEARNED_MAX), 5);
    wsc_learned_free(l);
}

/* ---- learning together ---- */

#define MEMBERS 3u
#define EPOCHS  40u
#define FLOWS   60u /* an epoch */

/* What the flow of a packet comes out as, and to which server it is. */
static struct wsc_lesson lesson(uint64_t seq)
{
    uint64_t x = seq * UINT64_C(0x9e3779b97f4a7c15);
    return (struct wsc_lesson){
        .seq = seq, .server = server((unsigned)(x >> 60)), .verdict = (x >> 40 & 7) == 7 ? 2 : 1};
}

static void note(char *out, const struct wsc_learned *l, uint64_t epoch)
{
    for (unsigned n = 0; n < 16; n++)
        out[epoch * 16 + n] = (char)('0' + verdict(l, n));
}

struct one {
    struct wsc_ident_crew *crew;
    size_t member;
    char known[(EPOCHS + 1) * 16];
};

static void *work(void *arg)
{
    struct one *o = arg;
    struct wsc_learned *l = wsc_learned_new();
    struct wsc_lessons now = {.all = NULL};
    for (uint64_t epoch = 1; epoch <= EPOCHS; epoch++) {
        for (uint64_t seq = (epoch - 1) * FLOWS; seq < epoch * FLOWS; seq++) {
            struct wsc_lesson one = lesson(seq);
            if (seq % 7 % MEMBERS == o->member)
                wsc_lessons_add(&now, &one);
        }
        wsc_ident_crew_meet(o->crew, o->member, epoch, &now, l);
        note(o->known, l, epoch);
    }
    wsc_ident_crew_leave(o->crew, o->member);
    wsc_lessons_clear(&now);
    wsc_learned_free(l);
    return NULL;
}

Test(learned, several_know_in_each_epoch_what_one_would)
{
    static struct one all[MEMBERS];
    static char want[(EPOCHS + 1) * 16];
    pthread_t threads[MEMBERS];
    struct wsc_ident_crew *crew = wsc_ident_crew_new(MEMBERS);
    for (size_t i = 0; i < MEMBERS; i++) {
        all[i] = (struct one){.crew = crew, .member = i};
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &all[i]), 0);
    }
    for (size_t i = 0; i < MEMBERS; i++)
        (void)pthread_join(threads[i], NULL);
    struct wsc_learned *l = wsc_learned_new();
    for (uint64_t epoch = 1; epoch <= EPOCHS; epoch++) {
        for (uint64_t seq = (epoch - 2) * FLOWS; epoch >= 2 && seq < (epoch - 1) * FLOWS; seq++) {
            struct wsc_lesson one = lesson(seq);
            wsc_learned_add(l, &one.server, one.verdict);
        }
        note(want, l, epoch);
    }
    size_t known = 0;
    for (size_t i = 0; i < sizeof(want); i++)
        known += want[i] == '1' || want[i] == '2';
    cr_expect_gt(known, 50, "nothing was learned");
    for (size_t i = 0; i < MEMBERS; i++)
        cr_expect_arr_eq(all[i].known, want, sizeof(want), "member %zu", i);
    wsc_learned_free(l);
    wsc_ident_crew_free(crew);
}

Test(learned, nobody_waits_for_who_has_left_or_when_it_is_over)
{
    for (int how = 0; how < 2; how++) {
        struct wsc_ident_crew *crew = wsc_ident_crew_new(2);
        struct wsc_learned *l = wsc_learned_new();
        struct wsc_lessons now = {.all = NULL};
        if (how == 0)
            wsc_ident_crew_leave(crew, 1);
        else
            wsc_ident_crew_stop(crew);
        for (uint64_t epoch = 1; epoch < 6; epoch++)
            wsc_ident_crew_meet(crew, 0, epoch, &now, l);
        wsc_learned_free(l);
        wsc_ident_crew_free(crew);
    }
}
