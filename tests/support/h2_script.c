#include "support/h2_script.h"

#include "support/hex.h"

#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
    if (p == NULL)
        abort();
    return p;
}

static void take_line(struct wsc_h2_script *s, const char *line)
{
    struct wsc_h2_step *step = s->count > 0 ? &s->steps[s->count - 1] : NULL;
    if (line[0] != ' ') {
        step = &s->steps[s->count++];
        *step = (struct wsc_h2_step){.at = s->len};
        step->d = line[0] == 'C' || line[0] == 'c' ? WSC_DIR_C2S : WSC_DIR_S2C;
        if (line[0] == 'c' || line[0] == 's') {
            step->gap = strtoull(line + 1, NULL, 10);
            return;
        }
        if (line[0] != 'C' && line[0] != 'S')
            abort();
    }
    must(step);
    size_t n = wsc_test_hex(line + 1, s->bytes + s->len, strlen(line));
    s->len += n;
    step->len += n;
    s->sent[step->d] += n;
}

void wsc_h2_script_init(struct wsc_h2_script *s, const char *text)
{
    char *copy = must(strdup(text)), *rest = copy;
    *s = (struct wsc_h2_script){0};
    s->steps = must(calloc(strlen(text) + 1, sizeof(*s->steps)));
    s->bytes = must(malloc(strlen(text) + 1));
    for (char *line; (line = strsep(&rest, "\n")) != NULL;)
        if (line[0] != '\0')
            take_line(s, line);
    free(copy);
}

void wsc_h2_script_clear(struct wsc_h2_script *s)
{
    free(s->steps);
    free(s->bytes);
    *s = (struct wsc_h2_script){0};
}

static bool feed(struct wsc_h2 *h, enum wsc_dir d, const uint8_t *p, size_t n)
{
    uint8_t *exact = must(malloc(n));
    memcpy(exact, p, n);
    bool ok = wsc_h2_feed(h, d, (struct wsc_span){.ptr = exact, .len = n});
    free(exact);
    return ok;
}

/* Feeds [|from|, |to|) of a step, of which |sent| bytes went before in its direction. */
static bool run_step(const struct wsc_h2_script *s, const struct wsc_h2_step *step, size_t sent,
                     const struct wsc_h2_way *way, struct wsc_h2 *h)
{
    bool ok = true;
    for (size_t at = 0; at < step->len && ok;) {
        size_t n = step->len - at, all = step->at + at, own = sent + at;
        if (way->piece != 0 && n > way->piece)
            n = way->piece;
        if (all < way->split_at && n > way->split_at - all)
            n = way->split_at - all;
        bool cut = step->d == way->cut_dir && way->cut_len != 0;
        size_t end = way->cut_at + way->cut_len;
        if (cut && own >= way->cut_at && own < end) {
            n = n < end - own ? n : end - own;
            wsc_h2_gap(h, step->d, n);
        } else {
            if (cut && own < way->cut_at && n > way->cut_at - own)
                n = way->cut_at - own;
            ok = feed(h, step->d, s->bytes + all, n);
        }
        at += n;
    }
    return ok;
}

void wsc_h2_script_run(const struct wsc_h2_script *s, const struct wsc_h2_options *opt,
                       const struct wsc_h2_way *way, struct wsc_h2_log *log)
{
    struct wsc_h2 *h = must(wsc_h2_new(opt, &wsc_h2_log_ops, log));
    size_t sent[2] = {0};
    bool ok = true;
    for (size_t i = 0; i < s->count && ok; i++) {
        const struct wsc_h2_step *step = &s->steps[i];
        if (step->gap != 0)
            wsc_h2_gap(h, step->d, step->gap);
        ok = run_step(s, step, sent[step->d], way, h);
        sent[step->d] += step->len;
    }
    (void)wsc_h2_log_text(log);
    if (!ok)
        wsc_event_log_line(&log->log, "not h2");
    wsc_h2_free(h);
}
