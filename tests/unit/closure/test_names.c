#include <wsclose/closure.h>

#include <criterion/criterion.h>

#include <string.h>

Test(names, every_word_reads_back_as_its_value)
{
    for (int v = 0; v <= WSC_ENDING_GAP; v++)
        cr_expect_eq(wsc_ending_parse(wsc_ending_name((enum wsc_ending)v)), v, "ending %d", v);
    for (int v = 0; v < WSC_RULE_COUNT; v++)
        cr_expect_eq(wsc_rule_parse(wsc_rule_name((enum wsc_rule)v)), v, "rule %d", v);
    for (int v = 0; v <= WSC_OUTCOME_HANDSHAKE_FAILED; v++)
        cr_expect_eq(wsc_outcome_parse(wsc_outcome_name((enum wsc_outcome)v)), v, "outcome %d", v);
    for (int v = 1; v <= WSC_SIDE_BOTH; v++)
        cr_expect_eq(wsc_side_parse(wsc_side_name((enum wsc_side)v)), v, "side %d", v);
}

Test(names, the_words_are_the_specs)
{
    cr_expect_str_eq(wsc_ending_name(WSC_ENDING_CLOSE_UNANSWERED), "close_unanswered");
    cr_expect_str_eq(wsc_ending_name(WSC_ENDING_STREAM_RESET), "stream_reset");
    cr_expect_str_eq(wsc_ending_name(WSC_ENDING_TCP_REFUSED), "tcp_refused");
    cr_expect_str_eq(wsc_rule_name(WSC_RULE_DATA_BEFORE_101), "data-before-101");
    cr_expect_str_eq(wsc_rule_name(WSC_RULE_CLOSE_BODY_LENGTH_1), "close-body-length-1");
    cr_expect_str_eq(wsc_rule_name(WSC_RULE_LENGTH_HIGH_BIT), "length-high-bit");
    cr_expect_str_eq(wsc_outcome_name(WSC_OUTCOME_HANDSHAKE_FAILED), "handshake_failed");
    cr_expect_str_eq(wsc_tcp_end_name(WSC_TCP_END_RST), "rst");
    cr_expect_null(wsc_side_name(WSC_SIDE_NONE));
    cr_expect_null(wsc_code_source_name(WSC_CODE_SOURCE_NONE));
}

Test(names, a_foreign_word_is_none_of_ours)
{
    cr_expect_eq(wsc_ending_parse("FIN"), -1);
    cr_expect_eq(wsc_ending_parse(""), -1);
    cr_expect_eq(wsc_side_parse("nobody"), -1);
}

Test(endpoint, texts_round_trip)
{
    /* RFC 5952: lower case, the longest run of zeros shortened. */
    static const char *const texts[] = {
        "10.0.0.7:51022", "[2001:db8::5]:443",
        "[::1]:1",        "255.255.255.255:65535",
        "[fe80::1:2]:80", "0.0.0.0:0",
        "100.20.3.99:10", "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct wsc_endpoint e;
        char text[WSC_ENDPOINT_TEXT_MAX];
        cr_assert(wsc_endpoint_parse(texts[i], &e), "%s", texts[i]);
        cr_expect_eq(wsc_endpoint_text(&e, text), strlen(texts[i]));
        cr_expect_str_eq(text, texts[i]);
    }
}

Test(endpoint, an_address_needs_no_port)
{
    struct wsc_endpoint e;
    cr_assert(wsc_endpoint_parse("10.1.2.3", &e));
    cr_expect_eq(e.family, 4);
    cr_expect_eq(e.port, 0);
    cr_assert(wsc_endpoint_parse("2001:db8::5", &e));
    cr_expect_eq(e.family, 6);
    cr_assert(wsc_endpoint_parse("[2001:DB8::5]", &e));
    cr_expect_eq(e.addr[3], 0xb8);
}

Test(endpoint, what_is_no_endpoint_is_refused)
{
    static const char *const bad[] = {"",
                                      ":",
                                      ":80",
                                      "10.0.0.1:",
                                      "10.0.0.1:65536",
                                      "10.0.0.1:-1",
                                      "10.0.0.1:80x",
                                      "10.0.0",
                                      "[::1",
                                      "[::1]80",
                                      "[10.0.0.1x]:1",
                                      "host:80",
                                      "1.2.3.4.5:6",
                                      "10.0.0.1 :80"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct wsc_endpoint e;
        cr_expect_not(wsc_endpoint_parse(bad[i], &e), "%s", bad[i]);
        cr_expect_eq(e.family, 0, "%s", bad[i]);
    }
}
