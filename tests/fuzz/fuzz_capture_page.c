#include "fuzz/fuzz_capture_page.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

char *fuzz_page_one(const struct wsc_closure *rec)
{
    static const struct wsc_report_options opt = {.format = WSC_FORMAT_NDJSON};
    struct wsc_report *report;
    char *line = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&line, &len);
    must(out != NULL && wsc_report_new(&opt, out, &report) == WSC_OK);
    must(wsc_report_record(report, rec) == WSC_OK && wsc_report_end(report) == WSC_OK);
    wsc_report_free(report);
    (void)fclose(out);
    return line;
}

static json_t *parse(const char *p, size_t len)
{
    json_t *object = json_loadb(p, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    must(json_is_object(object));
    return object;
}

void fuzz_page_same(const char *line, const struct wsc_closure *rec)
{
    static const char *const stored_only[] = {"id", "capture", "legs"};
    char *again = fuzz_page_one(rec);
    json_t *a = parse(line, strlen(line)), *b = parse(again, strlen(again));
    for (size_t i = 0; i < sizeof(stored_only) / sizeof(stored_only[0]); i++) {
        (void)json_object_del(a, stored_only[i]);
        (void)json_object_del(b, stored_only[i]);
    }
    must(json_equal(a, b));
    json_decref(a);
    json_decref(b);
    free(again);
}

static void check_lines(const char *p, size_t len, uint64_t records)
{
    for (const char *end; len > 0; len -= (size_t)(end + 1 - p), p = end + 1) {
        end = memchr(p, '\n', len);
        must(end != NULL && records-- > 0);
        json_decref(parse(p, (size_t)(end - p)));
    }
    must(records == 0);
}

static void check_array(const char *p, size_t len, uint64_t records)
{
    json_t *array = json_loadb(p, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    must(json_is_array(array) && json_array_size(array) == records);
    json_decref(array);
}

/* RFC 4180: as many fields in each row as in the heading. */
static void check_csv(const char *p, size_t len, uint64_t records)
{
    size_t fields = 1, columns = 0;
    uint64_t rows = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        quoted ^= p[i] == '"';
        if (quoted)
            continue;
        fields += p[i] == ',';
        if (p[i] != '\n')
            continue;
        must(rows++ == 0 || fields == columns);
        columns = fields;
        fields = 1;
    }
    must(!quoted && fields == 1 && (rows == records + 1 || (rows == 0 && records == 0)));
}

void fuzz_page_check(enum wsc_format format, const char *page, size_t len, uint64_t records)
{
    if (format == WSC_FORMAT_NDJSON)
        check_lines(page, len, records);
    else if (format == WSC_FORMAT_JSON)
        check_array(page, len, records);
    else if (format == WSC_FORMAT_CSV)
        check_csv(page, len, records);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)page[i];
        must(c >= 0x20 || c == '\n' || (c == '\r' && format == WSC_FORMAT_CSV));
        must(c != 0x7f || format != WSC_FORMAT_TABLE);
    }
}
