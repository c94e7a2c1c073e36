#include "metrics/exposition.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wsc_snapshot *fresh(void)
{
    struct wsc_snapshot *s = calloc(1, sizeof(*s));
    cr_assert_not_null(s);
    s->version = "1";
    return s;
}

static const char *written(const struct wsc_snapshot *s, struct wsc_buf *b)
{
    wsc_buf_init(b, 1 << 20);
    cr_assert(wsc_exposition_write(b, s));
    cr_assert(wsc_buf_append(b, "", 1));
    return (const char *)b->data;
}

Test(exposition, label_values_are_escaped)
{
    static const struct {
        const char *value, *shown;
    } rows[] = {{"eth0", "eth0"},
                {"a\"b", "a\\\"b"},
                {"a\\b", "a\\\\b"},
                {"a\nb", "a\\nb"},
                {"\"} 1\nx{y=\"", "\\\"} 1\\nx{y=\\\""},
                {"\033[2J", "?[2J"},
                {"\xe3\x81\x82", "\xe3\x81\x82"},
                {"\xe3\x81", "??"}, /* a scraper takes no page that is not UTF-8 */
                {"\xc2\x9b"
                 "1m",
                 "?1m"},
                {"a\xe2\x80\xae"
                 "b",
                 "a?b"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char want[128];
        struct wsc_buf b;
        struct wsc_snapshot *s = fresh();
        s->now.interfaces_len = 1;
        s->now.interfaces[0].name = rows[i].value;
        s->now.interfaces[0].packets = 7;
        (void)snprintf(want, sizeof(want), "\nwsclose_packets_total{interface=\"%s\"} 7\n",
                       rows[i].shown);
        cr_expect_not_null(strstr(written(s, &b), want), "%s: %s", want, (const char *)b.data);
        wsc_buf_clear(&b);
        free(s);
    }
}

Test(exposition, seconds_have_a_fraction)
{
    struct wsc_buf b;
    struct wsc_snapshot *s = fresh();
    s->now.lag_ns = 12003000004;
    cr_expect_not_null(strstr(written(s, &b), "\nwsclose_lag_seconds 12.003000004\n"));
    wsc_buf_clear(&b);
    free(s);
}

Test(exposition, a_ceiling_is_a_failure_not_a_part)
{
    struct wsc_buf b;
    struct wsc_snapshot *s = fresh();
    wsc_buf_init(&b, 300);
    cr_expect_not(wsc_exposition_write(&b, s));
    wsc_buf_clear(&b);
    free(s);
}
