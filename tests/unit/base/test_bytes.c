#include "base/bytes.h"

#include <criterion/criterion.h>

static const uint8_t bytes[] = {0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8};

Test(bytes, big_endian)
{
    cr_expect_eq(wsc_be16(bytes), 0xfffe);
    cr_expect_eq(wsc_be32(bytes), UINT32_C(0xfffefdfc));
    cr_expect_eq(wsc_be64(bytes), UINT64_C(0xfffefdfcfbfaf9f8));
}

Test(bytes, reads_straight_down)
{
    struct wsc_reader r = wsc_reader_of(bytes, sizeof(bytes));
    cr_expect_eq(wsc_rd_u8(&r), 0xff);
    cr_expect_eq(wsc_rd_be16(&r), 0xfefd);
    cr_expect_eq(wsc_rd_be32(&r), UINT32_C(0xfcfbfaf9));
    cr_expect_eq(wsc_rd_left(&r), 1);
    wsc_rd_skip(&r, 1);
    cr_expect_eq(wsc_rd_left(&r), 0);
    cr_expect_not(r.short_read, "read to the end, not past it");
    cr_expect_not_null(wsc_rd_bytes(&r, 0));
    cr_expect_not(r.short_read);
}

Test(bytes, past_the_end_is_zero_and_sticks)
{
    for (size_t have = 0; have < 4; have++) {
        struct wsc_reader r = wsc_reader_of(bytes, have);
        cr_expect_eq(wsc_rd_be32(&r), 0, "%zu bytes", have);
        cr_expect(r.short_read, "%zu bytes", have);
        cr_expect_eq(wsc_rd_left(&r), 0, "%zu bytes: nothing is left over", have);
        cr_expect_eq(wsc_rd_u8(&r), 0, "%zu bytes", have);
        cr_expect_null(wsc_rd_bytes(&r, 1));
        cr_expect(r.short_read);
    }
}

Test(bytes, absurd_length)
{
    struct wsc_reader r = wsc_reader_of(bytes, sizeof(bytes));
    wsc_rd_skip(&r, SIZE_MAX);
    cr_expect(r.short_read);
    cr_expect_eq(wsc_rd_left(&r), 0);
}
