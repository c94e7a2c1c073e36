#include "store/db.h"
#include "unit/store/records.h"

#include <criterion/criterion.h>

/* Seconds by `date -u -d TEXT +%s`. */
static const struct {
    const char *text;
    uint64_t ns;
} times[] = {
    {"1970-01-01T00:00:00.000000001Z", 1},
    {"1970-01-31T23:59:59.999999999Z", UINT64_C(2678399999999999)},
    {"1999-12-31T23:59:59.000000000Z", UINT64_C(946684799000000000)},
    {"2000-02-29T12:00:00.500000000Z", UINT64_C(951825600500000000)},
    {"2000-03-01T00:00:00.000000000Z", UINT64_C(951868800000000000)},
    {"2024-02-29T23:59:59.123456789Z", UINT64_C(1709251199123456789)},
    {"2026-01-02T03:04:05.000000000Z", T0},
    {"2100-02-28T00:00:00.000000000Z", UINT64_C(4107456000000000000)},
    {"2100-03-01T00:00:00.000000000Z", UINT64_C(4107542400000000000)},
    {"2554-07-21T23:34:33.709551615Z", UINT64_MAX},
};

Test(store_time, both_ways)
{
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        char out[WSC_DB_TIME_LEN + 1];
        wsc_db_time_text(times[i].ns, out);
        cr_expect_str_eq(out, times[i].text);
        cr_expect_eq(wsc_db_time((const unsigned char *)times[i].text), times[i].ns, "%s",
                     times[i].text);
    }
}

Test(store_time, anything_else_is_unknown)
{
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-01-02T03:04:05Z",
                                      "2026-01-02 03:04:05.000000000Z",
                                      "2026-01-02T03:04:05.00000000aZ",
                                      "2026-13-02T03:04:05.000000000Z",
                                      "2026-01-02T03:04:05.000000000Z ",
                                      "1969-12-31T23:59:59.000000000Z",
                                      "2026-01-00T03:04:05.000000000Z",
                                      "9999-01-01T03:04:05.000000000Z"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_eq(wsc_db_time((const unsigned char *)bad[i]), 0, "%s", bad[i]);
    cr_expect_eq(wsc_db_time(NULL), 0);
}
