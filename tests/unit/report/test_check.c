#include "report/render.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static const struct wsc_check checks[] = {
    {.name = "captures", .state = WSC_CHECK_OK, .needed = true, .text = "pcap and pcapng"},
    {.name = "interface",
     .subject = "a\033[1m\n",
     .state = WSC_CHECK_NOTE,
     .text = "up, and a text that is longer than the rest of a line has room for",
     .mend = "sudo ip link set 'a\033[1m' up"},
    {.name = "a-name-that-is-long", .state = WSC_CHECK_MISSING, .text = "\xff"},
    {.name = "clock", .state = WSC_CHECK_UNKNOWN, .text = ""},
};

static const struct {
    const char *name;
    struct wsc_report_options opt;
    const char *text;
} rows[] = {
    {"as people read it",
     {.format = WSC_FORMAT_TABLE, .width = 60},
     "ok       captures          pcap and pcapng\n"
     "note     interface a\\x1b[1m\\n\n"
     "                           up, and a text that is longer\n"
     "                           than the rest of a line has room\n"
     "                           for\n"
     "                           -> sudo ip link set 'a\\x1b[1m' up\n"
     "missing  a-name-that-is-long\n"
     "                           \\xff\n"
     "unknown  clock             \n"},
    {"in a narrow window, with colours",
     {.format = WSC_FORMAT_TABLE, .width = 40, .utf8 = true, .color = true},
     "\033[32mok       \033[0mcaptures\n"
     "         pcap and pcapng\n"
     "\033[33mnote     \033[0minterface a\\x1b[1m\\n\n"
     "         up, and a text that is longer\n"
     "         than the rest of a line has\n"
     "         room for\n"
     "         → sudo ip link set 'a\\x1b[1m' up\n"
     "\033[31mmissing  \033[0ma-name-that-is-long\n"
     "         \\xff\n"
     "\033[2munknown  \033[0mclock\n"
     "         \n"},
    {"for a script",
     {.format = WSC_FORMAT_NDJSON},
     "{\"check\":\"captures\",\"subject\":null,\"state\":\"ok\",\"needed\":true,"
     "\"text\":\"pcap and pcapng\",\"mend\":null}\n"
     "{\"check\":\"interface\",\"subject\":\"a\\u001B[1m\\n\",\"state\":\"note\",\"needed\":false,"
     "\"text\":\"up, and a text that is longer than the rest of a line has room for\","
     "\"mend\":\"sudo ip link set 'a\\u001B[1m' up\"}\n"
     "{\"check\":\"a-name-that-is-long\",\"subject\":null,\"state\":\"missing\",\"needed\":false,"
     "\"text\":\"\xef\xbf\xbd\",\"mend\":null}\n"
     "{\"check\":\"clock\",\"subject\":null,\"state\":\"unknown\",\"needed\":false,\"text\":\"\","
     "\"mend\":null}\n"},
};

Test(check, each_medium)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);
        struct wsc_report *rep;
        cr_assert_eq(wsc_report_new(&rows[i].opt, out, &rep), WSC_OK);
        for (size_t k = 0; k < sizeof(checks) / sizeof(checks[0]); k++)
            cr_expect_eq(wsc_report_check(rep, &checks[k]), WSC_OK);
        cr_expect_eq(wsc_report_end(rep), WSC_OK);
        wsc_report_free(rep);
        (void)fclose(out);
        cr_expect_str_eq(text, rows[i].text, "%s:\n%s", rows[i].name, text);
        free(text);
    }
}

Test(check, no_csv)
{
    struct wsc_report *rep;
    cr_assert_eq(
        wsc_report_new(&(struct wsc_report_options){.format = WSC_FORMAT_CSV}, stdout, &rep),
        WSC_OK);
    cr_expect_eq(wsc_report_check(rep, &checks[0]), WSC_ERR_INVALID);
    wsc_report_free(rep);
}
