#include "report/json.h"

#include <stdio.h>
#include <string.h>

static struct wsc_span span(const char *s)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = strlen(s)};
}

static json_t *candidate(const struct wsc_limit *l)
{
    json_t *o = json_object();
    wsc_json_set(o, "product", wsc_json_text(span(l->product)));
    wsc_json_set(o, "setting", wsc_json_text(span(l->setting)));
    wsc_json_set(o, "min_ms", json_real((double)l->min_ns / 1e6));
    wsc_json_set(o, "max_ms", json_real((double)l->max_ns / 1e6));
    wsc_json_set(o, "ends", wsc_json_text(span(l->how)));
    wsc_json_set(o, "source", wsc_json_text(span(l->source)));
    wsc_json_set(o, "verified", json_boolean(l->verified));
    return o;
}

static json_t *command_line(const struct wsc_finding *f, const char *command)
{
    char line[20000];
    int n = snprintf(line, sizeof(line), "%s %.*s", command, (int)f->words.len,
                     (const char *)f->words.ptr);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
    return wsc_json_text((struct wsc_span){.ptr = (const uint8_t *)line, .len = len});
}

static void set_lists(json_t *o, const struct wsc_finding *f)
{
    json_t *ids = json_array(), *evidence = json_array(), *candidates = json_array();
    for (size_t i = 0; i < f->ids_len; i++)
        wsc_json_append(ids, json_integer((json_int_t)f->ids[i]));
    for (size_t i = 0; i < f->evidence_len; i++)
        wsc_json_append(evidence, wsc_json_text(f->evidence[i]));
    for (size_t i = 0; i < f->candidates_len; i++)
        wsc_json_append(candidates, candidate(f->candidates[i]));
    wsc_json_set(o, "ids", ids);
    wsc_json_set(o, "evidence", evidence);
    wsc_json_set(o, "candidates", candidates);
    wsc_json_set(o, "candidates_more", json_integer((json_int_t)f->candidates_more));
}

json_t *wsc_findings_object(const struct wsc_finding *f, const char *command)
{
    json_t *o = json_object();
    wsc_json_set(o, "kind", json_string(wsc_finding_kind_name(f->kind)));
    wsc_json_set(o, "score", json_real(f->score));
    wsc_json_set(o, "count", json_integer((json_int_t)f->count));
    wsc_json_set(o, "of", json_integer((json_int_t)f->of));
    wsc_json_set(o, "of_what", json_string(f->of_what));
    wsc_json_set(o, "share", f->of > 0 ? json_real((double)f->count / (double)f->of) : json_null());
    wsc_json_set(o, "first", wsc_json_time(f->first_ns));
    wsc_json_set(o, "last", wsc_json_time(f->last_ns));
    wsc_json_set(o, "title", wsc_json_text(f->title));
    set_lists(o, f);
    wsc_json_set(o, "filter", wsc_json_text(f->words));
    wsc_json_set(o, "command", command_line(f, command));
    return o;
}

enum wsc_err wsc_findings_json(struct wsc_report *rep, const struct wsc_finding *f,
                               const char *command)
{
    return wsc_json_put(rep, wsc_findings_object(f, command));
}
