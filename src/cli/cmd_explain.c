#include <wsclose/report.h>

#include "codebook.h"
#include "commands.h"
#include "out.h"

#include <stdlib.h>

struct options {
    struct codebook_scope scope;
    enum wsc_format format;
};

static const struct args_option options_table[] = {
    {"subprotocol", 0, "NAME", "the subprotocol chosen in the handshake: whose codes 3000-4999 are",
     args_set_text, offsetof(struct options, scope.subprotocol), &takes_subprotocol},
    {"host", 0, "NAME", "the host asked for, used where the subprotocol does not tell",
     args_set_text, offsetof(struct options, scope.host), &takes_host},
    {"reason", 0, "TEXT", "the reason in the Close frame: which software writes it", args_set_text,
     offsetof(struct options, scope.reason), NULL},
    {"format", 0, "FORMAT", "table (default), ndjson, json", codebook_set_format,
     offsetof(struct options, format), &takes_format_page},
    ARGS_END,
};
static const struct args_option *const tables[] = {options_table, NULL};

static bool explain(struct out *out, char **words, int n, const struct options *opt)
{
    struct codebook_code c;
    for (int i = 0; i < n; i++) {
        int code;
        if (!codebook_parse(command_explain.name, words[i], &code))
            abort(); /* it was read before */
        codebook_look_up(&c, code, &opt->scope);
        if (!out_ok(out, wsc_report_explain(out->report, &c.view)))
            return out->closed;
    }
    return true;
}

static int run(int argc, char **argv)
{
    struct options opt = {.format = WSC_FORMAT_TABLE};
    int operands, code;
    int status = args_parse(&command_explain, argc, argv, &opt, &operands);
    if (status >= 0)
        return status;
    for (int i = 0; i < operands; i++)
        if (!codebook_parse(command_explain.name, argv[i], &code))
            return EXIT_USAGE;
    if (operands == 0) {
        out_say("explain: which code? For example: wsclose explain 1006");
        return EXIT_USAGE;
    }
    struct out out;
    if (!out_open(&out, &(struct out_options){.format = opt.format}))
        return EXIT_FAILED;
    bool ok = explain(&out, argv, operands, &opt);
    return out_close(&out) && ok ? EXIT_DONE : EXIT_FAILED;
}

const struct args_command command_explain = {.name = "explain",
                                             .operands = "CODE...",
                                             .takes = &takes_code,
                                             .summary =
                                                 "what a code means, when one sees it, what to do",
                                             .tables = tables,
                                             .run = run};
