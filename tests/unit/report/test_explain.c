#include <wsclose/report.h>

#include "base/alloc.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wsc_report *renderer(enum wsc_format format, FILE *out)
{
    const struct wsc_report_options opt = {.format = format, .width = 80};
    struct wsc_report *rep = NULL;
    cr_assert_eq(wsc_report_new(&opt, out, &rep), WSC_OK);
    return rep;
}

static const struct wsc_report_code two[2] = {{.code = 1006}, {.code = 4001}};

Test(explain, formats_that_hold_no_prose_are_refused)
{
    static const enum wsc_format formats[] = {WSC_FORMAT_CSV, WSC_FORMAT_NONE};
    for (size_t i = 0; i < 2; i++) {
        struct wsc_report *rep = renderer(formats[i], stdout);
        cr_expect_eq(wsc_report_explain(rep, &two[0]), WSC_ERR_INVALID);
        cr_expect_eq(wsc_report_compare(rep, two), WSC_ERR_INVALID);
        wsc_report_free(rep);
    }
}

static bool refuse(void *ctx)
{
    (void)ctx;
    return false;
}

Test(explain, no_memory_is_said)
{
    struct wsc_report *rep = renderer(WSC_FORMAT_TABLE, stdout);
    wsc_alloc_set_hook(refuse, NULL);
    cr_expect_eq(wsc_report_explain(rep, &two[0]), WSC_ERR_NOMEM);
    cr_expect_eq(wsc_report_compare(rep, two), WSC_ERR_NOMEM);
    wsc_alloc_set_hook(NULL, NULL);
    wsc_report_free(rep);
}

Test(explain, a_full_disk_is_said)
{
    FILE *out = fopen("/dev/full", "w");
    cr_assert_not_null(out);
    setvbuf(out, NULL, _IONBF, 0);
    static const enum wsc_format formats[] = {WSC_FORMAT_TABLE, WSC_FORMAT_JSON, WSC_FORMAT_NDJSON};
    for (size_t i = 0; i < 3; i++) {
        struct wsc_report *rep = renderer(formats[i], out);
        cr_expect_eq(wsc_report_explain(rep, &two[0]), WSC_ERR_IO);
        cr_expect_eq(wsc_report_compare(rep, two), WSC_ERR_IO);
        wsc_report_free(rep);
    }
    fclose(out);
}

/* Every code there is, with every scope's meaning of it, in every width: no crash, and something
 * under each heading. */
Test(explain, every_code_and_meaning)
{
    static const unsigned widths[] = {1, 30, 64, 80, 500};
    for (int code = 0; code <= 5001; code += code < 990 || (code > 1100 && code < 2900) ? 101 : 1) {
        const struct wsc_app_code *apps[64];
        size_t n = wsc_app_code_candidates(code, apps, 64);
        for (size_t i = 0; i <= n && i <= 64; i++) {
            char *text = NULL;
            size_t len = 0;
            FILE *out = open_memstream(&text, &len);
            const struct wsc_report_options opt = {.width = widths[(size_t)code % 5]};
            struct wsc_report *rep = NULL;
            cr_assert_eq(wsc_report_new(&opt, out, &rep), WSC_OK);
            struct wsc_report_code c = {.code = code};
            if (i < n) {
                c.app = apps[i];
                c.scope = apps[i]->scope;
            }
            cr_assert_eq(wsc_report_explain(rep, &c), WSC_OK);
            cr_assert_eq(
                wsc_report_compare(
                    rep, (const struct wsc_report_code[2]){c, {.code = (code + 7) % 5000}}),
                WSC_OK);
            cr_assert_eq(wsc_report_end(rep), WSC_OK);
            wsc_report_free(rep);
            fclose(out);
            cr_expect_gt(len, 500, "%d", code);
            free(text);
        }
    }
}
