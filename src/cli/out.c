#include "out.h"

#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

unsigned out_columns(void)
{
    const char *columns = getenv("COLUMNS");
    unsigned long n = columns != NULL ? strtoul(columns, NULL, 10) : 0;
    return n > 0 && n < 10000 ? (unsigned)n : 80;
}

unsigned out_width(int fd)
{
    struct winsize ws;
    if (!isatty(fd))
        return 0;
    if (ioctl(fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
        return ws.ws_col;
    return out_columns();
}

void out_say(const char *format, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
    fputs("wsclose: ", stderr);
    wsc_report_put_safe(stderr, (struct wsc_span){.ptr = (const uint8_t *)text, .len = len});
    fputc('\n', stderr);
}

void out_safe(FILE *out, const char *text)
{
    wsc_report_put_safe(out, (struct wsc_span){.ptr = (const uint8_t *)text, .len = strlen(text)});
}

/* The user's pager, or less if there is one; it must leave short output and colours alone. */
static FILE *open_pager(void)
{
    const char *pager = getenv("PAGER");
    if (pager == NULL && system("command -v less >/dev/null 2>&1") == 0)
        pager = "less";
    if (pager == NULL)
        return NULL;
    if (pager[0] == '\0' || strcmp(pager, "cat") == 0)
        return NULL;
    (void)setenv("LESS", "FRSX", 0);
    fflush(stdout);
    return popen(pager, "w");
}

bool out_open(struct out *o, const struct out_options *want)
{
    *o = (struct out){.stream = stdout};
    bool terminal = isatty(STDOUT_FILENO) && want->format == WSC_FORMAT_TABLE;
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    struct wsc_report_options opt = {
        .format = want->format,
        .color = terminal && (no_color == NULL || no_color[0] == '\0') &&
                 (term == NULL || strcmp(term, "dumb") != 0),
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .width = terminal ? out_width(STDOUT_FILENO) : 0,
        .live = want->live,
        .why = want->why,
    };
    o->look = opt;
    if (terminal && !want->live) {
        FILE *pager = open_pager();
        if (pager != NULL) {
            o->stream = pager;
            o->pager = true;
        }
    }
    if (wsc_report_new(&opt, o->stream, &o->report) == WSC_OK)
        return true;
    out_say("out of memory");
    return false;
}

bool out_ok(struct out *o, enum wsc_err e)
{
    if (e == WSC_OK)
        return true;
    if (e == WSC_ERR_IO && errno == EPIPE)
        o->closed = true;
    else if (!o->said)
        out_say("cannot write the output: %s",
                e == WSC_ERR_NOMEM ? "out of memory" : strerror(errno));
    o->said = true;
    return false;
}

bool out_close(struct out *o)
{
    bool ok = o->closed || out_ok(o, wsc_report_end(o->report)) || o->closed;
    wsc_report_free(o->report);
    if (o->pager)
        (void)pclose(o->stream);
    return ok;
}
