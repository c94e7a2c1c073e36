#include <wsclose/codes.h>

#include <criterion/criterion.h>

#include <string.h>

Test(codes, names_are_the_registrys)
{
    static const struct {
        int code;
        const char *name;
    } rows[] = {{1000, "Normal Closure"},  {1001, "Going Away"},     {1006, "Abnormal Closure"},
                {1009, "Message Too Big"}, {1011, "Internal Error"}, {1012, "Service Restart"},
                {3000, "Unauthorized"},    {3003, "Forbidden"},      {4000, "Private use"},
                {4999, "Private use"},     {500, "not used"},        {65535, "undefined"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct wsc_code_info *c = wsc_code_find(rows[i].code);
        cr_assert_not_null(c, "%d", rows[i].code);
        cr_expect_str_eq(c->name, rows[i].name, "%d: %s", rows[i].code, c->name);
    }
    cr_expect_null(wsc_code_find(-1));
    cr_expect_null(wsc_code_find(65536));
}

Test(codes, every_code_has_an_entry_and_entries_ascend)
{
    size_t n;
    const struct wsc_code_info *all = wsc_codes(&n);
    for (int code = 0; code <= 65535; code++)
        cr_assert_not_null(wsc_code_find(code), "%d", code);
    for (size_t i = 0; i < n; i++)
        cr_expect_leq(all[i].first, all[i].last);
}

Test(codes, what_may_stand_in_a_close_frame)
{
    /* RFC 6455 7.4.1, 7.4.2: the edges of each range. */
    static const struct {
        int code;
        bool legal;
    } rows[] = {{0, false},    {999, false},  {1000, true},  {1003, true}, {1004, false},
                {1005, false}, {1006, false}, {1007, true},  {1014, true}, {1015, false},
                {1016, false}, {2999, false}, {3000, true},  {3999, true}, {4000, true},
                {4999, true},  {5000, false}, {65535, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq(wsc_code_on_wire(rows[i].code), rows[i].legal, "%d", rows[i].code);
        cr_expect_eq(wsc_code_find(rows[i].code)->on_wire, rows[i].legal, "registry, %d",
                     rows[i].code);
    }
}
