#include "report/explain.h"

#include "base/alloc.h"
#include "report/i18n.h"
#include "report/prose.h"
#include "report/text.h"
#include "report/wrap.h"

#include <stdarg.h>
#include <string.h>

/* The labels, in the order of a page. */
enum label {
    MEANING,
    SCOPE,
    IN_GENERAL,
    SEEN,
    ADVICE,
    USE,
    SENDER,
    WIRE,
    BROWSERS,
    CAPTURE,
    CONFUSED,
    SOFTWARE,
    CANDIDATES,
    COUNTS,
    SOURCE,
    DIFFERENCE,
    TELL,
    LABELS
};
static const char *const label_ids[LABELS] = {
    [MEANING] = N_("Meaning"),
    [SCOPE] = N_("Scope"),
    [IN_GENERAL] = N_("In general"),
    [SEEN] = N_("When seen"),
    [ADVICE] = N_("What to do"),
    [USE] = N_("When to use"),
    [SENDER] = N_("Sent by"),
    [WIRE] = N_("On the wire"),
    [BROWSERS] = N_("In browsers"),
    [CAPTURE] = N_("In a capture"),
    [CONFUSED] = N_("Confused with"),
    [SOFTWARE] = N_("Software"),
    [CANDIDATES] = N_("Candidates"),
    [COUNTS] = N_("Database"),
    [SOURCE] = N_("Source"),
    [DIFFERENCE] = N_("What differs"),
    [TELL] = N_("How to tell them apart in a capture"),
};

static const char *label(enum label l)
{
    return tr(label_ids[l]);
}

/* ---- what is said of one code: lists of translated texts ---- */

#define ITEMS_MAX 40u
struct items {
    const char *list[ITEMS_MAX + 1];
    size_t len;
    char text[ITEMS_MAX][SENTENCE_MAX]; /* of those that had to be composed */
};

static void add(struct items *it, const char *text)
{
    if (it->len < ITEMS_MAX)
        it->list[it->len++] = text;
}

static void compose(struct items *it, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void compose(struct items *it, const char *format, ...)
{
    if (it->len == ITEMS_MAX)
        return;
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(it->text[it->len], SENTENCE_MAX, format, ap);
    va_end(ap);
    add(it, it->text[it->len]);
}

static void translate(struct items *it, const char *const *msgids)
{
    for (; *msgids != NULL; msgids++)
        add(it, tr(*msgids));
}

static void add_scope(struct items *it, const struct wsc_report_code *c)
{
    if (c->app != NULL && c->app->first < c->app->last)
        compose(it, _("%1$s, for all of %2$d-%3$d"), c->app->scope, c->app->first, c->app->last);
    else if (c->app != NULL)
        add(it, c->app->scope);
    else if (c->scope != NULL)
        compose(it, _("%1$s, which does not define %2$d"), c->scope, c->code);
}

static void add_sources(struct items *it, const struct wsc_report_code *c)
{
    if (c->app != NULL && c->app->verified)
        add(it, c->app->source);
    else if (c->app != NULL)
        compose(it, _("%s (not verified there: a candidate)"), c->app->source);
    add(it, wsc_code_page(c->code)->source);
}

static void add_candidates(struct items *it, const struct wsc_report_code *c)
{
    if (c->candidates_len == 0)
        return;
    add(it, _("Whose code this is, is not known. Each of these defines it; none is certain:"));
    for (size_t i = 0; i < c->candidates_len; i++) {
        const struct wsc_app_code *a = c->candidates[i];
        const char *doubt = a->verified ? "" : _(" [not verified]");
        /* Many tables repeat the name as the meaning. */
        if (strcmp(a->name, a->meaning) == 0)
            compose(it, "%s: %s%s", a->scope, tr(a->meaning), doubt);
        else
            compose(it, "%s: %s (%s)%s", a->scope, a->name, tr(a->meaning), doubt);
    }
}

/* The codes it has a pair with, and how to read about one. */
static void add_confused(struct items *it, const struct wsc_report_code *c)
{
    char list[SENTENCE_MAX] = "";
    size_t n, len = 0;
    const struct wsc_code_pair *pairs = wsc_code_pairs(&n);
    for (size_t i = 0; c->app == NULL && i < n && len < sizeof(list); i++) {
        if (pairs[i].a != c->code && pairs[i].b != c->code)
            continue;
        int other = pairs[i].a == c->code ? pairs[i].b : pairs[i].a;
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%d", len > 0 ? ", " : "", other);
    }
    if (len > 0)
        /* TRANSLATORS: codes, then a command line */
        compose(it, _("%1$s (wsclose compare %2$d CODE)"), list, c->code);
}

#define SENDERS_SHOWN 12u

static bool said_before(const struct wsc_report_code *c, size_t i)
{
    const struct wsc_reason_hint *h = c->software[i];
    for (size_t j = 0; j < i; j++)
        if (strcmp(c->software[j]->software, h->software) == 0 &&
            strcmp(c->software[j]->situation, h->situation) == 0)
            return true;
    return false;
}

/* Who sends the code, whatever the reason: each once, and only what is about this very code. */
static void add_senders(struct items *it, const struct wsc_report_code *c)
{
    size_t more = 0;
    for (size_t i = 0; i < c->software_len; i++) {
        const struct wsc_reason_hint *h = c->software[i];
        if (h->code < h->last || said_before(c, i))
            continue;
        if (it->len == SENDERS_SHOWN)
            more++;
        else
            compose(it, "%s: %s%s", h->software, tr(h->situation),
                    h->verified ? "" : _(" [not verified]"));
    }
    if (more > 0)
        compose(it, _("and %zu more (--format json lists all)"), more);
}

static void add_software(struct items *it, const struct wsc_report_code *c)
{
    if (c->reason == NULL) {
        add_senders(it, c);
        return;
    }
    if (c->software_len == 0)
        add(it, _("Nobody is known to write this reason with this code."));
    for (size_t i = 0; i < c->software_len; i++) {
        const struct wsc_reason_hint *h = c->software[i];
        if (h->verified)
            /* TRANSLATORS: software, situation, URL */
            compose(it, _("%1$s writes this reason: %2$s. Source: %3$s"), h->software,
                    tr(h->situation), h->source);
        else
            compose(it, _("%1$s may write this reason (not verified): %2$s. Source: %3$s"),
                    h->software, tr(h->situation), h->source);
    }
}

static void time_of(uint64_t ns, char out[WSC_TIME_TEXT_MAX])
{
    wsc_time_text(ns, out);
    out[10] = ' ';
    (void)memcpy(out + 19, "Z", 2);
}

static void add_counts(struct items *it, const struct wsc_report_code *c)
{
    static const char *const who[] = {N_("nobody known"), N_("client"), N_("server"), N_("both")};
    const struct wsc_report_counts *n = c->counts;
    if (n == NULL)
        return;
    if (n->count == 0) {
        add(it, _("no connection"));
        return;
    }
    compose(it,
            dngettext("wsclose", "%llu connection", "%llu connections", (unsigned long)n->count),
            (unsigned long long)n->count);
    for (int i = 0; i < 4; i++)
        if (n->by[i] > 0)
            compose(it, _("closed by %1$s: %2$llu"), tr(who[i]), (unsigned long long)n->by[i]);
    char first[WSC_TIME_TEXT_MAX], last[WSC_TIME_TEXT_MAX];
    time_of(n->first_ns, first);
    time_of(n->last_ns, last);
    compose(it, _("first seen %s"), first);
    compose(it, _("last seen %s"), last);
}

/* Everything under one label. */
static void fill(struct items *it, const struct wsc_report_code *c, enum label l)
{
    const struct wsc_code_page *p = wsc_code_page(c->code);
    bool app = c->app != NULL;
    bool asks_back = app && p->retry == WSC_RETRY_ASK; /* the page says only: look it up */
    memset(it->list, 0, sizeof(it->list));
    it->len = 0;
    switch (l) {
    case MEANING:
        add(it, tr(app ? c->app->meaning : p->meaning));
        break;
    case SCOPE:
        add_scope(it, c);
        break;
    case IN_GENERAL:
        if (app)
            add(it, tr(p->meaning));
        break;
    case SEEN:
        if (!asks_back)
            translate(it, p->seen);
        break;
    case ADVICE:
        if (!asks_back)
            translate(it, p->todo);
        break;
    case USE:
        if (!asks_back)
            add(it, tr(p->use));
        break;
    case SENDER:
        add(it, tr(p->sender));
        break;
    case WIRE:
        add(it, tr(p->wire));
        break;
    case BROWSERS:
        add(it, tr(p->browsers));
        break;
    case CAPTURE:
        add(it, tr(p->capture));
        break;
    case CONFUSED:
        add_confused(it, c);
        break;
    case SOFTWARE:
        add_software(it, c);
        break;
    case CANDIDATES:
        add_candidates(it, c);
        break;
    case COUNTS:
        add_counts(it, c);
        break;
    case SOURCE:
        add_sources(it, c);
        break;
    case DIFFERENCE:
    case TELL:
    case LABELS:
        break;
    }
}

/* "1006 Abnormal Closure", with the name in the reader's language where that is another. */
static void title(const struct wsc_report_code *c, char out[SENTENCE_MAX])
{
    const struct wsc_code_page *p = wsc_code_page(c->code);
    const char *name = c->app != NULL ? c->app->name : p->name;
    const char *translated = tr(name);
    int n = snprintf(out, SENTENCE_MAX, "%d ", c->code);
    if (c->app == NULL && p->first < p->last)
        n += snprintf(out + n, SENTENCE_MAX - (size_t)n, "(%d-%d) ", p->first, p->last);
    if (strcmp(name, translated) == 0)
        (void)snprintf(out + n, SENTENCE_MAX - (size_t)n, "%s", name);
    else
        (void)snprintf(out + n, SENTENCE_MAX - (size_t)n, "%s (%s)", name, translated);
}

static void init(struct prose *p, const struct wsc_report *rep)
{
    const char *labels[LABELS + 1] = {NULL};
    size_t n = 0;
    for (int l = 0; l < LABELS; l++)
        if (l != TELL) /* as long as a line: it always stands alone */
            labels[n++] = label((enum label)l);
    wsc_prose_init(p, rep, labels);
}

enum wsc_err wsc_explain_prose(struct wsc_report *rep, const struct wsc_report_code *c)
{
    struct items *it = wsc_alloc(sizeof(*it));
    if (it == NULL)
        return WSC_ERR_NOMEM;
    struct prose p;
    char heading[SENTENCE_MAX];
    init(&p, rep);
    title(c, heading);
    if (rep->rows > 0)
        fputc('\n', rep->out);
    wsc_prose_title(&p, heading);
    for (int l = MEANING; l <= SOURCE; l++) {
        fill(it, c, (enum label)l);
        wsc_prose_entry(&p, label((enum label)l), it->list);
    }
    wsc_free(it);
    return wsc_render_written(rep);
}

/* ---- two of them ---- */

void wsc_explain_difference(const struct wsc_report_code c[2], struct derived *difference,
                            struct derived *tell)
{
    const struct wsc_code_pair *pair = NULL;
    if (c[0].app == NULL && c[1].app == NULL)
        pair = wsc_code_pair_find(c[0].code, c[1].code);
    if (pair == NULL) {
        wsc_derive_difference(c, difference);
        wsc_derive_tell(c, tell);
        return;
    }
    difference->len = 1;
    (void)snprintf(difference->text[0], SENTENCE_MAX, "%s", tr(pair->difference));
    for (tell->len = 0; pair->tell[tell->len] != NULL; tell->len++)
        (void)snprintf(tell->text[tell->len], SENTENCE_MAX, "%s", tr(pair->tell[tell->len]));
}

static void put_derived(const struct prose *p, const char *label_text, const struct derived *d)
{
    const char *list[DERIVED_MAX + 1] = {NULL};
    for (size_t i = 0; i < d->len; i++)
        list[i] = d->text[i];
    /* The same on both sides: it is put once, under its label, over the whole width. */
    wsc_prose_pair(p, label_text, (const char *const[2]){"", ""},
                   (const char *const *const[2]){list, list});
}

static void put_pairs(const struct prose *p, const struct wsc_report_code c[2],
                      const char *const heads[2], struct items it[2])
{
    for (int l = MEANING; l <= SOURCE; l++) {
        if (l == SOFTWARE || l == CONFUSED)
            continue; /* explain lists them; here they would hide what differs */
        fill(&it[0], &c[0], (enum label)l);
        fill(&it[1], &c[1], (enum label)l);
        wsc_prose_pair(p, label((enum label)l), heads,
                       (const char *const *const[2]){it[0].list, it[1].list});
    }
}

enum wsc_err wsc_compare_prose(struct wsc_report *rep, const struct wsc_report_code c[2])
{
    struct items *it = wsc_alloc(2 * sizeof(*it));
    struct derived *d = wsc_alloc(2 * sizeof(*d));
    if (it != NULL && d != NULL) {
        struct prose p;
        char heads[2][SENTENCE_MAX], heading[2 * SENTENCE_MAX + 4];
        init(&p, rep);
        title(&c[0], heads[0]);
        title(&c[1], heads[1]);
        (void)snprintf(heading, sizeof(heading), "%s / %s", heads[0], heads[1]);
        wsc_prose_title(&p, heading);
        wsc_explain_difference(c, &d[0], &d[1]);
        put_derived(&p, label(DIFFERENCE), &d[0]);
        put_derived(&p, label(TELL), &d[1]);
        fputc('\n', rep->out);
        const char *const names[2] = {heads[0], heads[1]};
        wsc_prose_heads(&p, names);
        put_pairs(&p, c, names, it);
    }
    bool ok = it != NULL && d != NULL;
    wsc_free(it);
    wsc_free(d);
    return ok ? wsc_render_written(rep) : WSC_ERR_NOMEM;
}
