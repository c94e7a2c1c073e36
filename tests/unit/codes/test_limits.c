#include <wsclose/limits.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define S INT64_C(1000000000)

static struct wsc_limits *built_in(void)
{
    struct wsc_limits *set = NULL;
    cr_assert_eq(wsc_limits_new(&set), WSC_OK);
    return set;
}

static const struct wsc_limit *find(const struct wsc_limits *set, enum wsc_limit_kind kind,
                                    int64_t ns, const char *product)
{
    const struct wsc_limit *out[64];
    size_t n = wsc_limits_match(set, kind, ns, out, 64);
    for (size_t i = 0; i < n && i < 64; i++)
        if (strcmp(out[i]->product, product) == 0)
            return out[i];
    return NULL;
}

/* Values from the products' own pages (column source of the table). */
Test(limits, a_silence_names_the_products_whose_default_it_is)
{
    static const struct {
        enum wsc_limit_kind kind;
        int64_t ns;
        const char *product;
        bool found;
    } rows[] = {
        {WSC_LIMIT_IDLE, 60 * S, "nginx (proxy)", true},
        {WSC_LIMIT_IDLE, 60 * S, "AWS ALB", true},
        {WSC_LIMIT_IDLE, 60 * S + S / 2, "nginx (proxy)", true},
        {WSC_LIMIT_IDLE, 59 * S, "nginx (proxy)", false},
        {WSC_LIMIT_IDLE, 61 * S, "nginx (proxy)", false},
        {WSC_LIMIT_IDLE, 350 * S + 3 * S, "AWS NLB TCP", true},
        {WSC_LIMIT_IDLE, 350 * S + 4 * S, "AWS NLB TCP", false},
        {WSC_LIMIT_IDLE, 432000 * S + 5 * S, "Linux conntrack", true},
        {WSC_LIMIT_IDLE, 432000 * S + 6 * S, "Linux conntrack", false},
        {WSC_LIMIT_LIFETIME, 60 * S, "nginx (proxy)", false},
        {WSC_LIMIT_LIFETIME, 7200 * S, "AWS API Gateway WebSocket", true},
        {WSC_LIMIT_IDLE, 0, "HAProxy", false},
    };
    struct wsc_limits *set = built_in();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(find(set, rows[i].kind, rows[i].ns, rows[i].product) != NULL, rows[i].found,
                     "%s at %lld ns", rows[i].product, (long long)rows[i].ns);
    const struct wsc_limit *nginx = find(set, WSC_LIMIT_IDLE, 60 * S, "nginx (proxy)");
    cr_expect_str_eq(nginx->setting, "proxy_read_timeout");
    cr_expect_eq(nginx->clock, WSC_CLOCK_ANY);
    cr_expect_eq(nginx->ends, WSC_ENDS_FIN);
    cr_expect(nginx->verified && !nginx->own);
    wsc_limits_free(set);
}

static char *file_with(const char *text, size_t len)
{
    static char path[] = "/tmp/wsclose-limits-XXXXXX";
    memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, len), (ssize_t)len);
    (void)close(fd);
    return path;
}

Test(limits, a_file_of_the_users_own_comes_first)
{
    static const char text[] =
        "\xef\xbb\xbfproduct\tkind\tseconds\tsetting\tends\tnotes\tsource\tverified\n"
        "# ours\n"
        "edge\tidle\t60\tidle_secs\tFIN\t-\twiki\tyes\r\n"
        "game\tlifetime\t100-120\t-\t-\t-\t-\tno\tany\trst,4001\n";
    struct wsc_limits *set = built_in();
    struct wsc_error err;
    char *path = file_with(text, sizeof(text) - 1);
    cr_assert_eq(wsc_limits_add_file(set, path, &err), WSC_OK, "%s", err.message);
    const struct wsc_limit *out[1];
    cr_expect_gt(wsc_limits_match(set, WSC_LIMIT_IDLE, 60 * S, out, 1), 1u);
    cr_expect_str_eq(out[0]->product, "edge");
    cr_expect(out[0]->own);
    const struct wsc_limit *game = find(set, WSC_LIMIT_LIFETIME, 110 * S, "game");
    cr_assert_not_null(game);
    cr_expect_eq(game->ends, WSC_ENDS_RST | WSC_ENDS_CLOSE);
    cr_expect_eq(game->close_code, 4001);
    cr_expect_null(find(set, WSC_LIMIT_LIFETIME, 98 * S, "game"));
    cr_expect_not_null(find(set, WSC_LIMIT_LIFETIME, 121 * S, "game"));
    size_t n;
    cr_expect_str_eq(wsc_limits_all(set, &n)[0].product, "edge");
    cr_expect_str_eq(wsc_limits_all(set, &n)[1].product, "game");
    (void)unlink(path);
    wsc_limits_free(set);
}

Test(limits, a_bad_file_is_named_with_its_line_and_changes_nothing)
{
    static const struct {
        const char *text;
        size_t len; /* 0: strlen */
        enum wsc_err code;
        const char *says;
    } rows[] = {
        {"a\tidle\t60\ts\te\tn\ts\n", 0, WSC_ERR_FORMAT, "line 1: expected 8 to 10 columns"},
        {"a\tidle\t60\ts\te\tn\ts\tyes\tany\tfin\tmore\n", 0, WSC_ERR_FORMAT, "line 1: expected"},
        {"a\tidle\t60\ts\te\tn\ts\tyes\n\nb\tidel\t60\ts\te\tn\ts\tyes\n", 0, WSC_ERR_FORMAT,
         "line 3: the kind"},
        {"a\tidle\tsixty\ts\te\tn\ts\tyes\n", 0, WSC_ERR_FORMAT, "line 1: the seconds"},
        {"a\tidle\t60s\ts\te\tn\ts\tyes\n", 0, WSC_ERR_FORMAT, "line 1: the seconds"},
        {"a\tidle\t-5\ts\te\tn\ts\tyes\n", 0, WSC_ERR_FORMAT, "line 1: the seconds"},
        {"a\tidle\tnan\ts\te\tn\ts\tyes\n", 0, WSC_ERR_FORMAT, "line 1: the seconds"},
        {"a\tidle\t1e300\ts\te\tn\ts\tyes\n", 0, WSC_ERR_FORMAT, "line 1: the seconds"},
        {"a\tidle\t9-5\ts\te\tn\ts\tyes\n", 0, WSC_ERR_FORMAT, "line 1: the seconds"},
        {"a\tidle\t9\ts\te\tn\ts\tyes\tnone\n", 0, WSC_ERR_FORMAT, "line 1: the clock"},
        {"a\tidle\t9\ts\te\tn\ts\tyes\tany\tfin,boom\n", 0, WSC_ERR_FORMAT, "line 1: the ends"},
        {"\tidle\t9\ts\te\tn\ts\tyes\n", 0, WSC_ERR_FORMAT, "line 1: the product"},
        {"a\x1b[31m\tidle\t9\ts\te\tn\ts\tyes\n", 0, WSC_ERR_FORMAT, "not UTF-8 text"},
        {"a\xff\tidle\t9\ts\te\tn\ts\tyes\n", 0, WSC_ERR_FORMAT, "not UTF-8 text"},
        {"a\tidle\t9\0s\te\tn\ts\tyes\n", 20, WSC_ERR_FORMAT, "not UTF-8 text"},
    };
    struct wsc_limits *set = built_in();
    size_t before, after;
    (void)wsc_limits_all(set, &before);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = rows[i].len != 0 ? rows[i].len : strlen(rows[i].text);
        char *path = file_with(rows[i].text, len);
        struct wsc_error err = {0};
        cr_expect_eq(wsc_limits_add_file(set, path, &err), rows[i].code, "row %zu", i);
        cr_expect_not_null(strstr(err.message, rows[i].says), "row %zu: %s", i, err.message);
        cr_expect_not_null(strstr(err.message, path), "row %zu: %s", i, err.message);
        (void)unlink(path);
        (void)wsc_limits_all(set, &after);
        cr_expect_eq(after, before, "row %zu", i);
    }
    struct wsc_error err;
    cr_expect_eq(wsc_limits_add_file(set, "/nonexistent/limits.tsv", &err), WSC_ERR_IO);
    wsc_limits_free(set);
}

/* The rows count, not the file; those that are built in do not. */
Test(limits, digest)
{
    static const char one[] = "a\tidle\t60\ts\te\tn\ts\tyes\n",
                      comment[] = "# the same\na\tidle\t60\ts\te\tn\ts\tyes\n",
                      other[] = "a\tidle\t61\ts\te\tn\ts\tyes\n";
    const char *const texts[] = {one, comment, other};
    uint64_t digests[3];
    struct wsc_error err;
    for (size_t i = 0; i < 3; i++) {
        struct wsc_limits *set = built_in();
        cr_expect_eq(wsc_limits_digest(set), 0);
        char *path = file_with(texts[i], strlen(texts[i]));
        cr_assert_eq(wsc_limits_add_file(set, path, &err), WSC_OK);
        (void)unlink(path);
        digests[i] = wsc_limits_digest(set);
        wsc_limits_free(set);
    }
    cr_expect(digests[0] != 0 && digests[0] == digests[1] && digests[0] != digests[2]);
}

Test(limits, how_it_ended_and_who_is_named)
{
    static const struct wsc_limit fin = {.product = "edge one", .ends = WSC_ENDS_FIN},
                                  close = {.product = "nginx (proxy)",
                                           .ends = WSC_ENDS_CLOSE | WSC_ENDS_RST,
                                           .close_code = 1001},
                                  any = {.product = "abc"};
    static const struct {
        const struct wsc_limit *l;
        unsigned ends;
        int code;
        bool fits;
    } rows[] = {{&fin, WSC_ENDS_FIN, -1, true},        {&fin, WSC_ENDS_RST, -1, false},
                {&fin, WSC_ENDS_CLOSE, 1001, false},   {&close, WSC_ENDS_CLOSE, 1001, true},
                {&close, WSC_ENDS_CLOSE, 1000, false}, {&close, WSC_ENDS_RST, -1, true},
                {&any, WSC_ENDS_FIN, -1, true},        {&any, WSC_ENDS_CLOSE, 4000, true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_eq(wsc_limit_ends_like(rows[i].l, rows[i].ends, rows[i].code), rows[i].fits,
                     "row %zu", i);
    const struct wsc_limit *list[] = {&fin, &any, &close};
    static const char server[] = "NGINX/1.22.1", other[] = "abc/1"; /* three letters name nobody */
    wsc_limits_named_first(list, 3, (struct wsc_span){.ptr = (const uint8_t *)other, .len = 5});
    cr_expect(list[0] == &fin && list[1] == &any && list[2] == &close);
    wsc_limits_named_first(list, 3, (struct wsc_span){.ptr = (const uint8_t *)server, .len = 12});
    cr_expect(list[0] == &close && list[1] == &fin && list[2] == &any);
    wsc_limits_named_first(list, 0, (struct wsc_span){0});
}

/* Above and below the edges of every row, slack included. */
static size_t times_of(const struct wsc_limit *l, int64_t out[8])
{
    int64_t slack = wsc_limit_slack(l->max_ns), edges[] = {l->min_ns - slack, l->max_ns + slack};
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) {
        out[n++] = edges[i] - 1;
        out[n++] = edges[i];
        out[n++] = edges[i] + 1;
    }
    out[n++] = l->min_ns;
    out[n++] = l->max_ns;
    return n;
}

/* A row at a time, in no order. */
static size_t count_fitting(const struct wsc_limits *set, enum wsc_limit_kind kind, int64_t ns)
{
    size_t len, n = 0;
    const struct wsc_limit *all = wsc_limits_all(set, &len);
    for (size_t i = 0; i < len; i++) {
        int64_t slack = wsc_limit_slack(all[i].max_ns);
        n += all[i].kind == kind && all[i].min_ns > 0 && ns >= all[i].min_ns - slack &&
             ns <= all[i].max_ns + slack;
    }
    return n;
}

static int64_t away(const struct wsc_limit *l, int64_t ns)
{
    return ns < l->min_ns ? l->min_ns - ns : ns > l->max_ns ? ns - l->max_ns : 0;
}

static void check_order(const struct wsc_limit *const *rows, size_t n, int64_t ns)
{
    for (size_t i = 1; i < n; i++) {
        const struct wsc_limit *a = rows[i - 1], *b = rows[i];
        cr_expect(a->own != b->own             ? a->own
                  : a->verified != b->verified ? a->verified
                  : away(a, ns) != away(b, ns) ? away(a, ns) < away(b, ns)
                                               : a < b,
                  "%s before %s at %lld ns", a->product, b->product, (long long)ns);
    }
}

Test(limits, all_rows_that_fit_are_found_and_in_order)
{
    static const char text[] = "wide\tidle\t1-100000\t-\t-\t-\t-\tno\n"
                               "narrow\tidle\t50-70\t-\t-\t-\t-\tno\n"
                               "tiny\tidle\t0.1\t-\t-\t-\t-\tyes\n"
                               "later\tidle\t200-300\t-\t-\t-\t-\tyes\n";
    struct wsc_limits *sets[] = {built_in(), built_in()};
    struct wsc_error err;
    char *path = file_with(text, sizeof(text) - 1);
    cr_assert_eq(wsc_limits_add_file(sets[1], path, &err), WSC_OK, "%s", err.message);
    (void)unlink(path);
    cr_expect_eq(wsc_limits_shortest(sets[0], WSC_LIMIT_IDLE), 30 * S - S * 3 / 10);
    cr_expect_eq(wsc_limits_shortest(sets[1], WSC_LIMIT_IDLE), S - 5 * S);
    cr_expect_eq(wsc_limits_shortest(sets[1], WSC_LIMIT_DRAIN), 240 * S - S * 24 / 10);
    for (size_t s = 0; s < 2; s++) {
        size_t len;
        const struct wsc_limit *all = wsc_limits_all(sets[s], &len);
        for (size_t i = 0; i < len; i++) {
            int64_t times[8];
            size_t n = all[i].min_ns > 0 ? times_of(&all[i], times) : 0;
            for (size_t t = 0; t < n; t++) {
                const struct wsc_limit *out[64], *best[2];
                size_t found = wsc_limits_match(sets[s], all[i].kind, times[t], out, 64);
                cr_assert_leq(found, 64u);
                cr_expect_eq(found, count_fitting(sets[s], all[i].kind, times[t]), "%s at %lld ns",
                             all[i].product, (long long)times[t]);
                check_order(out, found, times[t]);
                cr_expect_eq(wsc_limits_match(sets[s], all[i].kind, times[t], best, 2), found);
                for (size_t k = 0; k < found && k < 2; k++)
                    cr_expect_eq(best[k], out[k], "%s", out[k]->product);
            }
        }
        wsc_limits_free(sets[s]);
    }
}

Test(limits, ceilings)
{
    char *text = malloc((size_t)WSC_LIMITS_MAX_BYTES + 1);
    cr_assert_not_null(text);
    memset(text, '#', (size_t)WSC_LIMITS_MAX_BYTES + 1);
    struct wsc_limits *set = built_in();
    struct wsc_error err;
    char *path = file_with(text, (size_t)WSC_LIMITS_MAX_BYTES + 1);
    cr_expect_eq(wsc_limits_add_file(set, path, &err), WSC_ERR_LIMIT);
    (void)unlink(path);
    static const char row[] = "a\tidle\t9\ts\te\tn\ts\tyes\n";
    for (size_t i = 0; i < WSC_LIMITS_MAX; i++)
        memcpy(text + i * (sizeof(row) - 1), row, sizeof(row) - 1);
    path = file_with(text, WSC_LIMITS_MAX * (sizeof(row) - 1));
    cr_expect_eq(wsc_limits_add_file(set, path, &err), WSC_ERR_LIMIT, "%s", err.message);
    (void)unlink(path);
    free(text);
    wsc_limits_free(set);
}
