#include <wsclose/report.h>

#include "commands.h"
#include "out.h"

struct options {
    enum wsc_format format;
};

static const struct args_option options_table[] = {
    {"format", 0, "FORMAT", "table (default), ndjson, json, csv", args_set_format,
     offsetof(struct options, format), &takes_format_registry},
    ARGS_END,
};
static const struct args_option *const tables[] = {options_table, NULL};

static int run(int argc, char **argv)
{
    struct options opt = {.format = WSC_FORMAT_TABLE};
    int operands;
    int status = args_parse(&command_codes, argc, argv, &opt, &operands);
    if (status >= 0)
        return status;
    struct out out;
    if (!out_open(&out, &(struct out_options){.format = opt.format}))
        return EXIT_FAILED;
    bool ok = out_ok(&out, wsc_report_codes(out.report)) || out.closed;
    return out_close(&out) && ok ? EXIT_DONE : EXIT_FAILED;
}

const struct args_command command_codes = {.name = "codes",
                                           .summary = "the registry of WebSocket close codes",
                                           .tables = tables,
                                           .run = run};
