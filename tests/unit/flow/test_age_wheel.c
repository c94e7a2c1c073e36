#include "flow/age_wheel.h"

#include <criterion/criterion.h>

#define TICK (UINT64_C(1) << WSC_TICK_SHIFT)
#define LIFE                                                                                       \
    (UINT64_C(5) * 1000000000) /* 37.25 ticks: 38, and one for where in its tick it was            \
                                */

static struct wsc_age_wheel wheel(void)
{
    struct wsc_age_wheel w;
    cr_assert(wsc_age_wheel_init(&w, LIFE));
    return w;
}

static void use(struct wsc_age_wheel *w, struct wsc_age_node *n, uint64_t at_ns)
{
    wsc_age_use(n, at_ns);
    wsc_age_wheel_push(w, n);
}

static size_t due_at(struct wsc_age_wheel *w, uint64_t tick)
{
    struct wsc_list due;
    size_t n = 0;
    wsc_list_init(&due);
    wsc_age_wheel_due(w, tick, &due);
    for (; !wsc_list_empty(&due); n++)
        wsc_list_remove(due.next);
    return n;
}

Test(age_wheel, an_entry_is_due_once_its_time_has_passed_wherever_in_its_tick_it_was_used)
{
    static const struct {
        const char *name;
        uint64_t used_ns;
    } rows[] = {{"first of a tick", 100 * TICK},
                {"middle", 100 * TICK + TICK / 2},
                {"last of a tick", 101 * TICK - 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wsc_age_wheel w = wheel();
        struct wsc_age_node n;
        (void)due_at(&w, 100);
        use(&w, &n, rows[i].used_ns);
        uint64_t tick = 100;
        while (due_at(&w, tick) == 0 && tick < 200)
            tick++;
        cr_expect_eq(tick, 100 + 39, "%s: tick %d", rows[i].name, (int)tick);
        cr_expect_geq(tick * TICK, rows[i].used_ns + LIFE, "%s: too early", rows[i].name);
        wsc_age_wheel_clear(&w);
    }
}

Test(age_wheel, when_an_entry_is_due_does_not_depend_on_others)
{
    /* Used again at many times, among ever more others or alone: due at the same tick. */
    for (size_t others = 0; others < 300; others += 299) {
        struct wsc_age_wheel w = wheel();
        struct wsc_age_node n, many[300];
        size_t put = 0;
        (void)due_at(&w, 1);
        use(&w, &n, 1 * TICK);
        uint64_t tick = 1;
        size_t due = 0;
        for (; tick < 400 && !(wsc_list_empty(&n.link) && tick > 1); tick++) {
            if (tick <= 90 && tick % 30 == 0)
                wsc_age_use(&n, tick * TICK + tick);
            if (put < others)
                use(&w, &many[put++], tick * TICK);
            due += due_at(&w, tick);
        }
        cr_expect_eq(tick - 1, 90 + 39, "among %zu: tick %d", others, (int)tick - 1);
        cr_expect_geq(due, 1);
        wsc_age_wheel_clear(&w);
    }
}

Test(age_wheel, the_oldest_is_that_of_the_oldest_tick_of_use)
{
    struct wsc_age_wheel w = wheel();
    struct wsc_age_node a, b, c;
    (void)due_at(&w, 10);
    use(&w, &a, 10 * TICK);
    use(&w, &b, 12 * TICK);
    use(&w, &c, 14 * TICK);
    wsc_age_use(&a, 20 * TICK);
    cr_expect_eq(wsc_age_wheel_oldest(&w, 20), &b);
    wsc_list_remove(&b.link);
    cr_expect_eq(wsc_age_wheel_oldest(&w, 20), &c);
    wsc_list_remove(&c.link);
    cr_expect_eq(wsc_age_wheel_oldest(&w, 20), &a);
    wsc_list_remove(&a.link);
    cr_expect_null(wsc_age_wheel_oldest(&w, 20));
    use(&w, &b, 20 * TICK);
    cr_expect_eq(wsc_age_wheel_oldest(&w, 21), &b, "after it was empty");
    cr_expect_eq(due_at(&w, 20 + 39), 1);
    wsc_age_wheel_clear(&w);
}

Test(age_wheel, a_step_of_the_clock_loses_nothing)
{
    struct wsc_age_wheel w = wheel();
    struct wsc_age_node n[200];
    size_t put = 0, due = 0;
    for (uint64_t tick = 8; put < 200; tick += WSC_TICKS_A_STEP) {
        use(&w, &n[put++], tick * TICK);
        due += due_at(&w, tick);
    }
    due += due_at(&w, 200 * WSC_TICKS_A_STEP + 100);
    cr_expect_eq(due, 200);
    wsc_age_wheel_clear(&w);
}

Test(age_wheel, all_is_all)
{
    struct wsc_age_wheel w = wheel();
    struct wsc_age_node n[5];
    struct wsc_list all;
    size_t len = 0;
    wsc_list_init(&all);
    for (size_t i = 0; i < 5; i++)
        use(&w, &n[i], (10 + 3 * i) * TICK);
    wsc_age_wheel_all(&w, &all);
    for (const struct wsc_list *l = all.next; l != &all; l = l->next)
        len++;
    cr_expect_eq(len, 5);
    cr_expect_null(wsc_age_wheel_oldest(&w, 30));
    wsc_age_wheel_clear(&w);
}
