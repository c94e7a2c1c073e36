#include <wsclose/doctor.h>
#include <wsclose/report.h>

#include "commands.h"
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>

struct options {
    const char *db, *keylog;
    enum wsc_format format;
};

static bool set_format(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    enum wsc_format *f = target;
    return takes_check(&takes_format_page, value, why, ARGS_WHY_MAX) &&
           args_set_format(f, value, why);
}

static const struct args_option options_table[] = {
    {"db", 0, "FILE", "the database to look at (default " DEFAULT_DB ")", args_set_text,
     offsetof(struct options, db), &takes_database},
    {"keylog", 0, "FILE", "the key log to look at (default: that of SSLKEYLOGFILE)", args_set_text,
     offsetof(struct options, keylog), &takes_keylogs},
    {"format", 0, "FORMAT", "table (default), ndjson, json", set_format,
     offsetof(struct options, format), &takes_format_page},
    ARGS_END,
};
static const struct args_option *const tables[] = {options_table, NULL};

void doctor_tell(struct doctor *d, struct wsc_check c, const char *format, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    c.text = text;
    d->lacks |= c.needed && c.state == WSC_CHECK_MISSING;
    if (!d->failed)
        d->failed = !out_ok(&d->out, wsc_report_check(d->out.report, &c));
}

static int run(int argc, char **argv)
{
    struct options opt = {.db = DEFAULT_DB, .format = WSC_FORMAT_TABLE};
    int operands;
    int status = args_parse(&command_doctor, argc, argv, &opt, &operands);
    if (status >= 0)
        return status;
    struct doctor d = {.db = opt.db, .keylog = opt.keylog};
    if (!out_open(&d.out, &(struct out_options){.format = opt.format}))
        return EXIT_FAILED;
    doctor_analysis(&d);
    doctor_database(&d);
    doctor_keylog(&d);
    doctor_rights(&d);
    doctor_interfaces(&d);
    doctor_system(&d);
    bool written = out_close(&d.out) && (!d.failed || d.out.closed);
    return written && !d.lacks ? EXIT_DONE : EXIT_FAILED;
}

const struct args_command command_doctor = {
    .name = "doctor",
    .summary = "what this machine can do, and the command that mends what it cannot",
    .detail =
        "ok: it works. note: it works, but one should know something. missing: it does not work.\n"
        "unknown: it cannot be told. Exit status 1: something is missing that analyze needs; what\n"
        "only live needs does not count. Nothing is changed.",
    .tables = tables,
    .run = run};
