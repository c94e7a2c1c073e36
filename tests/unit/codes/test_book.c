#include <wsclose/codes.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static void expect_list(const char *const *list, const char *what, int code)
{
    cr_assert_not_null(list[0], "%d: no %s", code, what);
    size_t n = 0;
    while (n <= WSC_PAGE_ITEMS && list[n] != NULL) {
        cr_expect(list[n][0] != '\0', "%d: %s %zu is empty", code, what, n);
        n++;
    }
    cr_expect_leq(n, WSC_PAGE_ITEMS, "%d: %s does not end", code, what);
}

Test(book, every_entry_of_the_registry_has_a_whole_page)
{
    size_t n;
    const struct wsc_code_info *all = wsc_codes(&n);
    for (size_t i = 0; i < n; i++) {
        int code = all[i].first;
        const struct wsc_code_page *p = wsc_code_page(code);
        if (all[i].first != all[i].last && p->first == p->last) {
            code = all[i].last; /* a range whose first code has a page of its own */
            p = wsc_code_page(code);
        }
        cr_assert_not_null(p, "%d", code);
        cr_expect_eq(p->first, all[i].first, "%d", code);
        cr_expect_eq(p->last, all[i].last, "%d", code);
        cr_expect_str_eq(p->name, all[i].name, "%d: %s", code, p->name);
        const char *const fields[] = {p->meaning,  p->use,     p->sender, p->wire,
                                      p->browsers, p->capture, p->source};
        for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++)
            cr_expect(fields[f] != NULL && fields[f][0] != '\0', "%d: field %zu", code, f);
        expect_list(p->seen, "seen", code);
        expect_list(p->todo, "todo", code);
        cr_expect_eq(p->sent_by == WSC_SENT_BY_NOBODY, !all[i].on_wire, "%d: sender", code);
    }
}

Test(book, every_code_has_the_page_of_its_entry)
{
    for (int code = 0; code <= 65535; code++) {
        const struct wsc_code_page *p = wsc_code_page(code);
        cr_assert_not_null(p, "%d", code);
        cr_assert_eq(p->first, wsc_code_find(code)->first, "%d", code);
        cr_assert_eq(p->last, wsc_code_find(code)->last, "%d", code);
    }
    cr_expect_null(wsc_code_page(-1));
    cr_expect_null(wsc_code_page(65536));
}

static bool says(const struct wsc_code_page *p, const char *word)
{
    if (strstr(p->meaning, word) != NULL)
        return true;
    for (size_t i = 0; p->seen[i] != NULL; i++)
        if (strstr(p->seen[i], word) != NULL)
            return true;
    for (size_t i = 0; p->todo[i] != NULL; i++)
        if (strstr(p->todo[i], word) != NULL)
            return true;
    return false;
}

Test(book, knows_what_an_operator_must_know)
{
    static const struct {
        int code;
        const char *word;
    } rows[] = {
        {1002, "framing"},
        {1002, "masking"},
        {1002, "opcode"},
        {1002, "both ends"},
        {1002, "proxies"},
        {1005, "without a code"},
        {1005, "local"},
        {1005, "look at the peer"},
        {1006, "no Close frame"},
        {1006, "crash"},
        {1006, "cable"},
        {1006, "firewall"},
        {1006, "idle limit"},
        {1006, "exponential back-off"},
        {1006, "Ping"},
        {1006, "load balancers"},
        {1009, "size limit"},
        {1009, "smaller pieces"},
        {1009, "raise"},
        {1011, "unhandled exception"},
        {1011, "log"},
        {1011, "error handling"},
        {1012, "planned"},
        {1012, "deploy"},
        {1012, "reload"},
        {1012, "short random delay"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect(says(wsc_code_page(rows[i].code), rows[i].word), "%d does not say \"%s\"",
                  rows[i].code, rows[i].word);
}

/* RFC 6455 7.4.1: the first two bytes of a Close body hold the code, in network byte order. */
Test(book, bytes_named_are_those_of_the_code)
{
    static const int codes[] = {1000, 1001, 1002, 1003, 1004, 1007, 1008, 1009,
                                1010, 1011, 1012, 1013, 1014, 3000, 3003, 3008};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        char bytes[24];
        (void)snprintf(bytes, sizeof(bytes), "%02X %02X", (unsigned)codes[i] >> 8,
                       (unsigned)codes[i] & 0xff);
        cr_expect_not_null(strstr(wsc_code_page(codes[i])->capture, bytes), "%d: %s", codes[i],
                           bytes);
    }
}

Test(book, pairs_that_people_confuse)
{
    static const int wanted[][2] = {
        {1000, 1001}, {1000, 1005}, {1001, 1012}, {1002, 1007}, {1003, 1007},
        {1005, 1006}, {1006, 1011}, {1006, 1015}, {1008, 3000}, {1008, 3003},
        {1004, 1009}, {1011, 1012}, {1012, 1013}, {1011, 1014}, {1013, 1014},
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        const struct wsc_code_pair *p = wsc_code_pair_find(wanted[i][1], wanted[i][0]);
        cr_assert_not_null(p, "%d/%d", wanted[i][0], wanted[i][1]);
        cr_expect_eq(p, wsc_code_pair_find(wanted[i][0], wanted[i][1]));
    }
    cr_expect_null(wsc_code_pair_find(1000, 1000));
    cr_expect_null(wsc_code_pair_find(1000, 4000));
    size_t n;
    const struct wsc_code_pair *all = wsc_code_pairs(&n);
    for (size_t i = 0; i < n; i++) {
        cr_expect_lt(all[i].a, all[i].b, "%d/%d", all[i].a, all[i].b);
        cr_expect_eq(wsc_code_pair_find(all[i].a, all[i].b), &all[i], "%d/%d stands twice",
                     all[i].a, all[i].b);
        cr_expect(all[i].difference[0] != '\0');
        expect_list(all[i].tell, "tell", all[i].a);
    }
}
