/* What python3-h2 sends (h2_fixtures.py), and what it was asked to say. */
#include "support/h2_script.h"

#include <criterion/criterion.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct wsc_h2_options options = {
    .max_head = 65536, .max_streams = 256, .begins = {true, true}};

static char *read_all(const char *path)
{
    FILE *f = fopen(path, "rb");
    cr_assert(f != NULL && fseek(f, 0, SEEK_END) == 0, "%s", path);
    size_t size = (size_t)ftell(f);
    rewind(f);
    char *text = calloc(1, size + 1);
    cr_assert(text != NULL && fread(text, 1, size, f) == size, "%s", path);
    fclose(f);
    return text;
}

static void check(const char *path)
{
    char *text = read_all(path), *expected = strstr(text, "--\n");
    cr_assert_not_null(expected, "%s", path);
    *expected = '\0';
    struct wsc_h2_script s;
    wsc_h2_script_init(&s, text);
    static const struct wsc_h2_way ways[] = {{0}, {.piece = 1}, {.piece = 3}, {.piece = 1460}};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct wsc_h2_log log;
        wsc_h2_log_init(&log);
        wsc_h2_script_run(&s, &options, &ways[i], &log);
        cr_expect_str_eq(wsc_h2_log_text(&log), expected + 3, "%s by %zu:\n%s", path, ways[i].piece,
                         wsc_h2_log_text(&log));
        wsc_h2_log_clear(&log);
    }
    wsc_h2_script_clear(&s);
    free(text);
}

Test(h2_fixtures, another_makers_frames)
{
    glob_t found;
    cr_assert_eq(glob(WSC_FIXTURES "/*.txt", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check(found.gl_pathv[i]);
    cr_expect_geq(found.gl_pathc, 9);
    globfree(&found);
}
