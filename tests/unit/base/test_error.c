#include <wsclose/error.h>

#include <criterion/criterion.h>
#include <string.h>

#define ROW(x)                                                                                     \
    {                                                                                              \
        x, #x                                                                                      \
    }

Test(error, names)
{
    static const struct {
        enum wsc_err err;
        const char *name;
    } rows[] = {ROW(WSC_OK),
                ROW(WSC_END),
                ROW(WSC_TIMEOUT),
                ROW(WSC_DAMAGED),
                ROW(WSC_ERR_INVALID),
                ROW(WSC_ERR_LIMIT),
                ROW(WSC_ERR_NOT_FOUND),
                ROW(WSC_ERR_DENIED),
                ROW(WSC_ERR_FATAL),
                ROW(WSC_ERR_NOMEM),
                ROW(WSC_ERR_IO),
                ROW(WSC_ERR_FORMAT),
                ROW(WSC_ERR_FOREIGN_DB),
                ROW(WSC_ERR_NEWER_DB),
                ROW(WSC_ERR_DB),
                ROW(WSC_ERR_BUSY)};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect_str_eq(wsc_err_name(rows[i].err), rows[i].name);
    cr_expect_str_eq(wsc_err_name((enum wsc_err)99), "unknown error");
}

/* What does not fit is cut; nobody need look. */
Test(error, filled)
{
    struct wsc_error e = {.offset = 7};
    char large[1000];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    cr_expect_eq(wsc_error_set(&e, WSC_ERR_IO, "%s", large), WSC_ERR_IO);
    cr_expect(e.code == WSC_ERR_IO && e.offset == 0);
    cr_expect_eq(strlen(e.message), sizeof(e.message) - 1);
    cr_expect_eq(wsc_error_set(NULL, WSC_ERR_DB, "%s", large), WSC_ERR_DB);
}
