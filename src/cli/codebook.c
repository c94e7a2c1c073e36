#include "codebook.h"

#include "out.h"

#include <stdlib.h>
#include <string.h>

bool codebook_parse(const char *command, const char *word, int *code)
{
    size_t digits = strspn(word, "0123456789");
    long n = digits > 0 && digits < 10 && word[digits] == '\0' ? strtol(word, NULL, 10) : -1;
    if (n >= 0 && n <= 65535) {
        *code = (int)n;
        return true;
    }
    out_say("%s: \"%s\" is no close code: expected a number from 0 to 65535", command, word);
    return false;
}

static struct wsc_span span(const char *text)
{
    return (struct wsc_span){.ptr = (const uint8_t *)text, .len = text != NULL ? strlen(text) : 0};
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

void codebook_look_up(struct codebook_code *c, int code, const struct codebook_scope *scope)
{
    struct wsc_span reason = span(scope->reason);
    struct wsc_span subprotocol = span(scope->subprotocol), host = span(scope->host);
    struct wsc_report_code *v = &c->view;
    *v = (struct wsc_report_code){.code = code, .reason = scope->reason};
    v->app = wsc_app_code_find(code, subprotocol, host, reason);
    v->scope = v->app != NULL ? v->app->scope : wsc_app_scope(subprotocol, host);
    v->candidates = c->candidates;
    if (v->scope == NULL && code >= 3000)
        v->candidates_len = wsc_app_code_candidates(code, c->candidates, CODEBOOK_MAX);
    v->software = c->software;
    if (scope->reason != NULL)
        v->software_len = wsc_reason_find(code, reason, c->software, CODEBOOK_MAX);
    else
        v->software_len = wsc_reason_senders(code, c->software, CODEBOOK_MAX);
    v->candidates_len = least(v->candidates_len, CODEBOOK_MAX);
    v->software_len = least(v->software_len, CODEBOOK_MAX);
}

bool codebook_set_format(void *target, const char *value, char why[ARGS_WHY_MAX])
{
    return takes_check(&takes_format_page, value, why, ARGS_WHY_MAX) &&
           args_set_format(target, value, why);
}
