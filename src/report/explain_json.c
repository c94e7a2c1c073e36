#include "report/explain.h"

#include "base/alloc.h"
#include "report/i18n.h"
#include "report/json.h"
#include "report/text.h"

#include <string.h>

/* Keys are English and fixed; prose is in the language of LC_MESSAGES. */

static void set(json_t *o, const char *key, json_t *v)
{
    (void)json_object_set_new(o, key, v);
}

static void set_text(json_t *o, const char *key, const char *msgid)
{
    set(o, key, json_string(tr(msgid)));
}

static void set_list(json_t *o, const char *key, const char *const *msgids)
{
    json_t *list = json_array();
    for (; *msgids != NULL; msgids++)
        (void)json_array_append_new(list, json_string(tr(*msgids)));
    set(o, key, list);
}

static json_t *app_code(const struct wsc_app_code *a)
{
    if (a == NULL)
        return json_null();
    json_t *o = json_object();
    set(o, "scope", json_string(a->scope));
    set(o, "first", json_integer(a->first));
    set(o, "last", json_integer(a->last));
    set(o, "name", json_string(a->name));
    set_text(o, "meaning", a->meaning);
    set(o, "source", json_string(a->source));
    set(o, "verified", json_boolean(a->verified));
    return o;
}

static json_t *candidates(const struct wsc_report_code *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->candidates_len; i++)
        (void)json_array_append_new(list, app_code(c->candidates[i]));
    return list;
}

static json_t *software(const struct wsc_report_code *c)
{
    json_t *list = json_array();
    for (size_t i = 0; i < c->software_len; i++) {
        const struct wsc_reason_hint *h = c->software[i];
        json_t *o = json_object();
        set(o, "software", json_string(h->software));
        set_text(o, "situation", h->situation);
        set(o, "source", json_string(h->source));
        set(o, "verified", json_boolean(h->verified));
        (void)json_array_append_new(list, o);
    }
    return list;
}

static json_t *counts(const struct wsc_report_counts *n)
{
    if (n == NULL)
        return json_null();
    json_t *o = json_object(), *by = json_object();
    set(o, "count", json_integer((json_int_t)n->count));
    set(by, "client", json_integer((json_int_t)n->by[WSC_SIDE_CLIENT]));
    set(by, "server", json_integer((json_int_t)n->by[WSC_SIDE_SERVER]));
    set(by, "both", json_integer((json_int_t)n->by[WSC_SIDE_BOTH]));
    set(by, "unknown", json_integer((json_int_t)n->by[WSC_SIDE_NONE]));
    set(o, "closed_by", by);
    char time[WSC_TIME_TEXT_MAX];
    wsc_time_text(n->first_ns, time);
    set(o, "first", n->count > 0 ? json_string(time) : json_null());
    wsc_time_text(n->last_ns, time);
    set(o, "last", n->count > 0 ? json_string(time) : json_null());
    return o;
}

static json_t *code(const struct wsc_report_code *c)
{
    const struct wsc_code_page *p = wsc_code_page(c->code);
    json_t *o = json_object();
    set(o, "code", json_integer(c->code));
    set(o, "name", json_string(c->app != NULL ? c->app->name : p->name));
    set(o, "first", json_integer(p->first));
    set(o, "last", json_integer(p->last));
    set(o, "registered_name", json_string(p->name));
    set(o, "on_wire", json_boolean(wsc_code_on_wire(c->code)));
    set_text(o, "meaning", p->meaning);
    set_list(o, "when_seen", p->seen);
    set_list(o, "what_to_do", p->todo);
    set_text(o, "when_to_use", p->use);
    set_text(o, "sent_by", p->sender);
    set_text(o, "wire", p->wire);
    set_text(o, "browsers", p->browsers);
    set_text(o, "capture", p->capture);
    set(o, "source", json_string(p->source));
    set(o, "scope", c->scope != NULL ? json_string(c->scope) : json_null());
    set(o, "app_code", app_code(c->app));
    set(o, "candidates", candidates(c));
    set(o, "software", software(c));
    set(o, "counts", counts(c->counts));
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
        (void)json_array_append_new(list, json_string(d->text[i]));
    return list;
}

enum wsc_err wsc_compare_json(struct wsc_report *rep, const struct wsc_report_code c[2])
{
    struct derived *d = wsc_alloc(2 * sizeof(*d));
    if (d == NULL)
        return WSC_ERR_NOMEM;
    wsc_explain_difference(c, &d[0], &d[1]);
    json_t *o = json_object(), *list = json_array();
    set(o, "difference", derived(&d[0]));
    set(o, "tell_apart", derived(&d[1]));
    wsc_free(d);
    (void)json_array_append_new(list, code(&c[0]));
    (void)json_array_append_new(list, code(&c[1]));
    set(o, "codes", list);
    return wsc_json_put(rep, o);
}
