/* Live, a secret may come after the connection is over: what waits for it is read then. */
#include <wsclose/analyzer.h>
#include <wsclose/capture.h>
#include <wsclose/keylog.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

struct tally {
    unsigned records, closes[2], unknown;
};

static void count(void *ctx, const struct wsc_closure *rec)
{
    struct tally *t = ctx;
    t->records++;
    t->unknown += rec->outcome == WSC_OUTCOME_UNKNOWN;
    for (int d = 0; d < 2; d++)
        t->closes[d] += rec->close[d].seen;
}

/* Lines of the key log that name |side|. */
static void give(struct wsc_keylog *kl, const char *side)
{
    FILE *f = fopen(CASES "/tls13-suites.client.keys", "r");
    cr_assert(f != NULL);
    char line[512];
    while (fgets(line, sizeof(line), f) != NULL)
        if (strstr(line, side) != NULL)
            cr_assert_eq(
                wsc_keylog_feed(
                    kl, 0, (struct wsc_span){.ptr = (const uint8_t *)line, .len = strlen(line)}),
                WSC_OK);
    fclose(f);
}

/* |late|: the secrets of that side come when all packets have been seen. */
static struct tally run(const char *early, const char *late)
{
    struct tally t = {0};
    struct wsc_keylog *kl;
    struct wsc_analyzer *an;
    struct wsc_capture *c;
    struct wsc_error err;
    struct wsc_analyzer_options opt;
    const char *path = CASES "/tls13-suites.pcap";
    struct wsc_capture_options co = {0};
    wsc_analyzer_options_default(&opt);
    cr_assert_eq(wsc_keylog_new(0, &kl), WSC_OK);
    opt.keylog = kl;
    opt.wait_keys = true;
    opt.label = false;
    cr_assert_eq(wsc_analyzer_new(&opt, count, &t, &an), WSC_OK);
    cr_assert_eq(wsc_capture_open(&path, 1, &co, &c, &err), WSC_OK, "%s", err.message);
    give(kl, early);
    struct wsc_packet pkt = {0};
    while (wsc_capture_next(c, &pkt, &err) == WSC_OK)
        cr_assert_eq(wsc_analyzer_feed(an, &pkt), WSC_OK);
    if (late != NULL)
        give(kl, late);
    wsc_analyzer_tick(an, pkt.ts_ns + 1000000);
    wsc_analyzer_flush(an);
    wsc_analyzer_free(an);
    wsc_capture_close(c);
    wsc_keylog_free(kl);
    return t;
}

Test(tls_late, one_side_after_the_end)
{
    static const char *const rows[][2] = {{"CLIENT_", "SERVER_"}, {"SERVER_", "CLIENT_"}};
    const struct tally all = run("_", NULL);
    cr_assert(all.records > 0 && all.closes[0] > 0 && all.closes[1] > 0 && all.unknown == 0);
    for (size_t i = 0; i < 2; i++) {
        struct tally t = run(rows[i][0], rows[i][1]);
        cr_expect(memcmp(&t, &all, sizeof(t)) == 0,
                  "%s first: %u records, %u and %u Closes, %u unknown; at once %u, %u and %u, %u",
                  rows[i][0], t.records, t.closes[0], t.closes[1], t.unknown, all.records,
                  all.closes[0], all.closes[1], all.unknown);
    }
}
