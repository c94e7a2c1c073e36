#include "metrics/counts.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wsc_closure closure(unsigned server, int code, const char *cause,
                                  enum wsc_ending ending)
{
    return (struct wsc_closure){
        .outcome = WSC_OUTCOME_CLOSED,
        .close_code = code,
        .ending = ending,
        .cause = {(const uint8_t *)cause, cause != NULL ? strlen(cause) : 0},
        .server = {
            .family = 4, .addr = {10, 0, (uint8_t)(server >> 8), (uint8_t)server}, .port = 80}};
}

static void add(struct wsc_counts *c, unsigned server, int code, const char *cause)
{
    struct wsc_closure rec = closure(server, code, cause, WSC_ENDING_FIN);
    wsc_counts_add(c, &rec);
}

/* The sum of all series whose server label is |server|. */
static uint64_t of_server(const struct wsc_counts *c, const char *server)
{
    uint64_t n = 0;
    for (size_t i = 0; i < c->series_len; i++)
        if (strcmp(wsc_counts_server(c, &c->series[i]), server) == 0)
            n += c->series[i].count;
    return n;
}

static uint64_t all(const struct wsc_counts *c)
{
    uint64_t n = c->others;
    for (size_t i = 0; i < c->series_len; i++)
        n += c->series[i].count;
    return n;
}

static struct wsc_counts *fresh(void)
{
    struct wsc_counts *c = calloc(1, sizeof(*c));
    cr_assert_not_null(c);
    return c;
}

Test(counts, equal_labels_are_one_series)
{
    struct wsc_counts *c = fresh();
    add(c, 1, 1000, "normal");
    add(c, 1, 1000, "normal");
    add(c, 1, 1006, "normal");
    add(c, 2, 1000, "normal");
    add(c, 1, WSC_UNKNOWN, NULL);
    cr_expect_eq(c->series_len, 4);
    cr_expect_eq(c->series[0].count, 2);
    cr_expect_str_eq(wsc_counts_code(c, &c->series[3]), "none");
    cr_expect_str_eq(wsc_counts_cause(c, &c->series[3]), "none");
    cr_expect_eq(of_server(c, "10.0.0.1:80"), 4);
    struct wsc_closure open = closure(1, WSC_UNKNOWN, NULL, WSC_ENDING_NONE);
    open.outcome = WSC_OUTCOME_OPEN;
    wsc_counts_add(c, &open);
    cr_expect_eq(all(c), 5, "an open one has not ended");
    free(c);
}

Test(counts, ceilings)
{
    struct wsc_counts *c = fresh();
    for (unsigned s = 0; s < WSC_METRICS_SERVERS + 10; s++)
        add(c, s, 1000, "normal");
    cr_expect_eq(of_server(c, "other"), 10);
    cr_expect_eq(of_server(c, "10.0.0.127:80"), 1, "the last that found room");
    for (int code = 0; code < 65536; code++)
        add(c, 0, code, "normal");
    cr_expect_eq(c->codes_len, WSC_METRICS_CODES);
    for (unsigned i = 0; i < 100; i++) {
        char cause[100];
        (void)snprintf(cause, sizeof(cause), "%090u", i);
        add(c, 0, 1000, cause);
    }
    cr_expect_eq(c->causes_len, 2, "the same in the 63 bytes that are kept");
    cr_expect_eq(all(c), WSC_METRICS_SERVERS + 10 + 65536 + 100);
    free(c);
}

Test(counts, more_series_than_there_is_room_for)
{
    struct wsc_counts *c = fresh();
    uint64_t n = 0;
    for (int round = 0; round < 2; round++)
        for (unsigned s = 0; s < WSC_METRICS_SERVERS; s++)
            for (int code = 0; code < (int)WSC_METRICS_CODES; code++, n++)
                add(c, s, 1000 + code, "normal");
    cr_expect_eq(c->series_len, WSC_METRICS_SERIES);
    cr_expect_eq(all(c), n);
    cr_expect_eq(c->others, n - 2 * (uint64_t)WSC_METRICS_SERIES, "those with a place go on");
    free(c);
}
