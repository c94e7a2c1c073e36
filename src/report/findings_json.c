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
    json_object_set_new(o, "product", wsc_json_text(span(l->product)));
    json_object_set_new(o, "setting", wsc_json_text(span(l->setting)));
    json_object_set_new(o, "min_ms", json_real((double)l->min_ns / 1e6));
    json_object_set_new(o, "max_ms", json_real((double)l->max_ns / 1e6));
    json_object_set_new(o, "ends", wsc_json_text(span(l->how)));
    json_object_set_new(o, "source", wsc_json_text(span(l->source)));
    json_object_set_new(o, "verified", json_boolean(l->verified));
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
        json_array_append_new(ids, json_integer((json_int_t)f->ids[i]));
    for (size_t i = 0; i < f->evidence_len; i++)
        json_array_append_new(evidence, wsc_json_text(f->evidence[i]));
    for (size_t i = 0; i < f->candidates_len; i++)
        json_array_append_new(candidates, candidate(f->candidates[i]));
    json_object_set_new(o, "ids", ids);
    json_object_set_new(o, "evidence", evidence);
    json_object_set_new(o, "candidates", candidates);
    json_object_set_new(o, "candidates_more", json_integer((json_int_t)f->candidates_more));
}

json_t *wsc_findings_object(const struct wsc_finding *f, const char *command)
{
    json_t *o = json_object();
    json_object_set_new(o, "kind", json_string(wsc_finding_kind_name(f->kind)));
    json_object_set_new(o, "score", json_real(f->score));
    json_object_set_new(o, "count", json_integer((json_int_t)f->count));
    json_object_set_new(o, "of", json_integer((json_int_t)f->of));
    json_object_set_new(o, "of_what", json_string(f->of_what));
    json_object_set_new(o, "share",
                        f->of > 0 ? json_real((double)f->count / (double)f->of) : json_null());
    json_object_set_new(o, "first", wsc_json_time(f->first_ns));
    json_object_set_new(o, "last", wsc_json_time(f->last_ns));
    json_object_set_new(o, "title", wsc_json_text(f->title));
    set_lists(o, f);
    json_object_set_new(o, "filter", wsc_json_text(f->words));
    json_object_set_new(o, "command", command_line(f, command));
    return o;
}

enum wsc_err wsc_findings_json(struct wsc_report *rep, const struct wsc_finding *f,
                               const char *command)
{
    return wsc_json_put(rep, wsc_findings_object(f, command));
}
