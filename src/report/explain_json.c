#include "report/explain.h"

#include "base/alloc.h"
#include "report/i18n.h"
#include "report/json.h"
#include "report/text.h"

#include <string.h>

/* Keys are English and fixed; prose is in the language of LC_MESSAGES. */

static void set_text(json_t *o, const char *key, const char *msgid)
{
    wsc_json_set(o, key, json_string(tr(msgid)));
}

static void set_list(json_t *o, const char *key, const char *const *msgids)
{
    json_t *list = json_array();
    for (; *msgids != NULL; msgids++)
        wsc_json_append(list, json_string(tr(*msgids)));
    wsc_json_set(o, key, list);
}

static json_t *app_code(const struct wsc_app_code *a)
{
    if (a == NULL)
        return json_null();
    json_t *o = json_object();
    wsc_json_set(o, "scope", json_string(a->scope));
    wsc_json_set(o, "first", json_integer(a->first));
    wsc_json_set(o, "last", json_integer(a->last));
    wsc_json_set(o, "name", json_string(a->name));
    set_text(o, "meaning", a->meaning);
    wsc_json_set(o, "source", json_string(a->source));
    wsc_json_set(o, "verified", json_boolean(a->verified));
    return o;
}

static json_t *candidates(const struct wsc_report_code *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->candidates_len; i++)
        wsc_json_append(list, app_code(c->candidates[i]));
    return list;
}

static json_t *software(const struct wsc_report_code *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->software_len; i++) {
        const struct wsc_reason_hint *h = c->software[i];
        json_t *o = json_object();
        wsc_json_set(o, "software", json_string(h->software));
        set_text(o, "situation", h->situation);
        wsc_json_set(o, "source", json_string(h->source));
        wsc_json_set(o, "verified", json_boolean(h->verified));
        wsc_json_append(list, o);
    }
    return list;
}

static json_t *counts(const struct wsc_report_counts *n)
{
    if (n == NULL)
        return json_null();
    json_t *o = json_object(), *by = json_object();
    wsc_json_set(o, "count", json_integer((json_int_t)n->count));
    wsc_json_set(by, "client", json_integer((json_int_t)n->by[WSC_SIDE_CLIENT]));
    wsc_json_set(by, "server", json_integer((json_int_t)n->by[WSC_SIDE_SERVER]));
    wsc_json_set(by, "both", json_integer((json_int_t)n->by[WSC_SIDE_BOTH]));
    wsc_json_set(by, "unknown", json_integer((json_int_t)n->by[WSC_SIDE_NONE]));
    wsc_json_set(o, "closed_by", by);
    char time[WSC_TIME_TEXT_MAX];
    wsc_time_text(n->first_ns, time);
    wsc_json_set(o, "first", n->count > 0 ? json_string(time) : json_null());
    wsc_time_text(n->last_ns, time);
    wsc_json_set(o, "last", n->count > 0 ? json_string(time) : json_null());
    return o;
}

static json_t *code(const struct wsc_report_code *c)
{
    const struct wsc_code_page *p = wsc_code_page(c->code);
    json_t *o = json_object();
    wsc_json_set(o, "code", json_integer(c->code));
    wsc_json_set(o, "name", json_string(c->app != NULL ? c->app->name : p->name));
    wsc_json_set(o, "first", json_integer(p->first));
    wsc_json_set(o, "last", json_integer(p->last));
    wsc_json_set(o, "registered_name", json_string(p->name));
    wsc_json_set(o, "on_wire", json_boolean(wsc_code_on_wire(c->code)));
    set_text(o, "meaning", p->meaning);
    set_list(o, "when_seen", p->seen);
    set_list(o, "what_to_do", p->todo);
    set_text(o, "when_to_use", p->use);
    set_text(o, "sent_by", p->sender);
    set_text(o, "wire", p->wire);
    set_text(o, "browsers", p->browsers);
    set_text(o, "capture", p->capture);
    wsc_json_set(o, "source", json_string(p->source));
    wsc_json_set(o, "scope", c->scope != NULL ? json_string(c->scope) : json_null());
    wsc_json_set(o, "app_code", app_code(c->app));
    wsc_json_set(o, "candidates", candidates(c));
    wsc_json_set(o, "software", software(c));
    wsc_json_set(o, "counts", counts(c->counts));
    return o;
}

enum wsc_err wsc_explain_json(struct wsc_report *rep, const struct wsc_report_code *c)
{
    return wsc_json_put(rep, code(c));
}

static json_t *derived(const struct derived *d)
{
    json_t *list = json_array();
    for (size_t i = 0; i < d->len; i++)
        wsc_json_append(list, json_string(d->text[i]));
    return list;
}

enum wsc_err wsc_compare_json(struct wsc_report *rep, const struct wsc_report_code c[2])
{
    struct derived *d = wsc_alloc(2 * sizeof(*d));
    if (d == NULL)
        return WSC_ERR_NOMEM;
    wsc_explain_difference(c, &d[0], &d[1]);
    json_t *o = json_object(), *list = json_array();
    wsc_json_set(o, "difference", derived(&d[0]));
    wsc_json_set(o, "tell_apart", derived(&d[1]));
    wsc_free(d);
    wsc_json_append(list, code(&c[0]));
    wsc_json_append(list, code(&c[1]));
    wsc_json_set(o, "codes", list);
    return wsc_json_put(rep, o);
}
