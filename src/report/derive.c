#include "report/derive.h"

#include "report/i18n.h"

#include <stdarg.h>
#include <string.h>

static void say(struct derived *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct derived *d, const char *format, ...)
{
    if (d->len == DERIVED_MAX)
        return;
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(d->text[d->len++], SENTENCE_MAX, format, ap);
    va_end(ap);
}

static bool is_private(int code)
{
    return wsc_code_on_wire(code) && wsc_code_page(code)->retry == WSC_RETRY_ASK;
}

/* What a client does afterwards, as the end of a sentence. */
static const char *retry_text(enum wsc_code_retry retry)
{
    switch (retry) {
    case WSC_RETRY_AS_NEEDED:
        return _("connect again when there is something to do.");
    case WSC_RETRY_DELAYED:
        return _("reconnect after a short random delay.");
    case WSC_RETRY_BACKOFF:
        return _("reconnect with growing random delays.");
    case WSC_RETRY_AFTER_FIX:
        return _("a reconnect alone does not help: the same ends the same way.");
    case WSC_RETRY_ASK:
        break;
    }
    return _("only the application's documentation says whether to reconnect.");
}

static void differ_by_owner(const struct wsc_report_code c[2], struct derived *out)
{
    for (int i = 0; i < 2; i++) {
        const struct wsc_app_code *app = c[i].app;
        if (app != NULL)
            /* TRANSLATORS: code, scope, name, meaning */
            say(out, _("%1$d to %2$s: %3$s (%4$s)."), c[i].code, app->scope, app->name,
                tr(app->meaning));
        else if (is_private(c[i].code) && !is_private(c[!i].code))
            say(out,
                _("%1$d means what the application says; %2$d has the same meaning everywhere."),
                c[i].code, c[!i].code);
    }
}

static void differ_by_wire(const struct wsc_report_code c[2], struct derived *out)
{
    bool on[2] = {wsc_code_on_wire(c[0].code), wsc_code_on_wire(c[1].code)};
    if (on[0] == on[1])
        return;
    int a = on[0] ? c[0].code : c[1].code, b = on[0] ? c[1].code : c[0].code;
    if (b == 1005 || b == 1006 || b == 1015)
        say(out,
            _("%1$d stands in a Close frame; %2$d never does: it is what an endpoint tells its own "
              "program."),
            a, b);
    else
        say(out,
            _("%1$d may stand in a Close frame; %2$d may not: a Close frame with it is a "
              "violation by its sender."),
            a, b);
}

void wsc_derive_difference(const struct wsc_report_code c[2], struct derived *out)
{
    const struct wsc_code_page *p[2] = {wsc_code_page(c[0].code), wsc_code_page(c[1].code)};
    out->len = 0;
    differ_by_owner(c, out);
    differ_by_wire(c, out);
    if (p[0]->sent_by != p[1]->sent_by)
        say(out, _("Who sends it: %1$d: %2$s %3$d: %4$s"), c[0].code, tr(p[0]->sender), c[1].code,
            tr(p[1]->sender));
    if (p[0]->retry != p[1]->retry)
        say(out, _("Afterwards: %1$d: %2$s %3$d: %4$s"), c[0].code, retry_text(p[0]->retry),
            c[1].code, retry_text(p[1]->retry));
    if (out->len > 0)
        return;
    if (p[0] == p[1])
        say(out,
            _("Both lie in the range %1$d-%2$d and follow the same rules; only their owner "
              "knows what tells them apart."),
            p[0]->first, p[0]->last);
    else
        say(out, _("Both may be sent by the same side and ask for the same reaction; what differs "
                   "is the meaning, below."));
}

void wsc_derive_tell(const struct wsc_report_code c[2], struct derived *out)
{
    unsigned a = (unsigned)c[0].code, b = (unsigned)c[1].code;
    out->len = 0;
    if (wsc_code_on_wire(c[0].code) && wsc_code_on_wire(c[1].code))
        say(out,
            _("By the first two bytes of the first Close frame: %1$02X %2$02X is %3$d, %4$02X "
              "%5$02X is %6$d (Wireshark: websocket.payload.close.status_code)."),
            a >> 8, a & 0xff, c[0].code, b >> 8, b & 0xff, c[1].code);
    for (int i = 0; i < 2; i++)
        if (!is_private(c[i].code))
            say(out, "%d: %s", c[i].code, tr(wsc_code_page(c[i].code)->capture));
    if (is_private(c[0].code) || is_private(c[1].code))
        say(out, _("Whose code it is stands in the handshake: the subprotocol chosen in the 101 "
                   "response, else the host asked for; else only the reason text can tell."));
}
