#include "report/ladder.h"

#include "base/alloc.h"
#include "report/render.h"
#include "report/story_text.h"
#include "report/text.h"
#include "report/wrap.h"

#include <inttypes.h>
#include <string.h>

#define WIDTH_USUAL 80u
#define WIDTH_MAX   120u /* longer arrows are hard to follow */
#define WIDTH_LEAST 24u
#define AREA_LEAST  34u /* between the two sides; less: a list takes the place of the ladder */
#define CELL_MAX    64u
#define LABEL_MAX   (WSC_STORY_LABEL_MAX + 256u)

static const char bold[] = "\033[1m", dim[] = "\033[2m", red[] = "\033[31m", green[] = "\033[32m",
                  yellow[] = "\033[33m", plain[] = "\033[0m";

struct ladder {
    struct wsc_report *rep;
    const struct wsc_report_story *story;
    const struct wsc_story_event *ev;
    struct wsc_ladder_row *rows;
    size_t rows_len, opening, from; /* rows opening..from-1 are left out */
    uint64_t zero_ns;               /* what times are counted from */
    unsigned digits;                /* of a fraction of a second */
    size_t width, time, packet;     /* columns */
    size_t area;                    /* between the two sides; 0: a list */
    const char *bar, *line, *to_right, *to_left;
};

/* ---- cells ---- */

static void clock_text(const struct ladder *l, uint64_t ns, char out[CELL_MAX])
{
    char utc[WSC_TIME_TEXT_MAX];
    uint64_t zero = l->zero_ns, d = ns > zero ? ns - zero : zero - ns;
    static const uint64_t unit[] = {1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000};
    out[0] = '\0';
    if (ns == 0)
        return;
    if (l->story->clock == WSC_CLOCK_UTC) {
        wsc_time_text(ns, utc);
        (void)snprintf(out, CELL_MAX, "%.*s", 9 + (int)l->digits, utc + 11);
        return;
    }
    d += unit[l->digits] / 2;
    (void)snprintf(out, CELL_MAX, "%s%" PRIu64 ".%0*" PRIu64, ns < zero ? "-" : "", d / 1000000000,
                   (int)l->digits, d % 1000000000 / unit[l->digits]);
}

static void packet_text(const struct ladder *l, const struct wsc_ladder_row *row,
                        char out[CELL_MAX])
{
    uint64_t first = WSC_REF_NUMBER(l->ev[row->first].packet),
             last = WSC_REF_NUMBER(l->ev[row->first + row->n - 1].packet);
    out[0] = '\0';
    if (first != 0 && last > first)
        (void)snprintf(out, CELL_MAX, "%" PRIu64 "-%" PRIu64, first, last);
    else if (first != 0)
        (void)snprintf(out, CELL_MAX, "%" PRIu64, first);
}

/* What a run is, without its count: "text frames", "Pings". */
static void noun_of(const struct wsc_story_event *ev, char out[CELL_MAX])
{
    char name[WSC_OPCODE_NAME_MAX];
    wsc_story_opcode(ev->opcode, name);
    const char *word = ev->kind == WSC_STORY_AGAIN       ? "sent again"
                       : ev->kind == WSC_STORY_PROBE     ? "TCP keep-alive"
                       : ev->kind == WSC_STORY_DATA      ? "segment"
                       : ev->kind == WSC_STORY_ENCRYPTED ? "TLS segment"
                                                         : name;
    (void)snprintf(out, CELL_MAX, "%s", word);
}

static uint64_t bytes_of(const struct ladder *l, const struct wsc_ladder_row *row, size_t turn)
{
    uint64_t n = 0;
    for (size_t i = turn; i < row->n; i += row->period)
        n += l->ev[row->first + i].len;
    return n;
}

/* "12 × text, 3.4 kB", "5 × Ping and Pong, every 20.0 s". */
static void run_label(const struct ladder *l, const struct wsc_ladder_row *row, char *out)
{
    const struct wsc_story_event *ev = &l->ev[row->first];
    char noun[2][CELL_MAX] = {"", ""}, size[2][WSC_SIZE_TEXT_MAX] = {"", ""},
         time[WSC_SIZE_TEXT_MAX];
    size_t turns = row->n / row->period, at;
    uint64_t whole = ev[row->n - 1].ts_ns - ev[0].ts_ns, gap = ev[row->period].ts_ns - ev[0].ts_ns;
    for (size_t i = 0; i < row->period; i++) {
        noun_of(&ev[i], noun[i]);
        if (bytes_of(l, row, i) > 0)
            wsc_story_sum(bytes_of(l, row, i), size[i]);
    }
    at = (size_t)snprintf(out, LABEL_MAX, "%zu %s %s%s%s", turns, l->rep->opt.utf8 ? "×" : "x",
                          noun[0], row->period == 2 ? " and " : "", noun[1]);
    if (size[0][0] != '\0' || size[1][0] != '\0')
        at += (size_t)snprintf(out + at, LABEL_MAX - at, ", %s%s%s", size[0],
                               size[0][0] != '\0' && size[1][0] != '\0' ? " and " : "", size[1]);
    if (gap >= WSC_STORY_LONG_NS && ev->kind != WSC_STORY_AGAIN) {
        wsc_story_duration(gap, time);
        (void)snprintf(out + at, LABEL_MAX - at, ", every %s", time);
    } else if (whole >= WSC_STORY_LONG_NS) {
        wsc_story_duration(whole, time);
        (void)snprintf(out + at, LABEL_MAX - at, ", in %s", time);
    }
}

static void label_of(const struct ladder *l, const struct wsc_ladder_row *row, char *out)
{
    if (row->n > 1)
        run_label(l, row, out);
    else
        wsc_story_label(&l->ev[row->first], l->rep->opt.utf8, out);
}

static const char *style_of(const struct wsc_story_event *ev)
{
    switch ((enum wsc_story_kind)ev->kind) {
    case WSC_STORY_RST:
    case WSC_STORY_VIOLATION:
    case WSC_STORY_STREAM_RESET:
        return red;
    case WSC_STORY_FIN:
    case WSC_STORY_STREAM_END:
    case WSC_STORY_GOAWAY:
    case WSC_STORY_AGAIN:
    case WSC_STORY_GAP:
    case WSC_STORY_LOST:
    case WSC_STORY_WINDOW_ZERO:
        return yellow;
    case WSC_STORY_ALERT:
        return ev->fatal ? red : yellow;
    case WSC_STORY_ANSWER:
    case WSC_STORY_ESTABLISHED:
        return ev->code < 300 ? green : red;
    case WSC_STORY_FRAME:
        return ev->opcode != 8                                        ? ""
               : ev->code == 1000 || ev->code == 1001 || ev->code < 0 ? green
                                                                      : yellow;
    default:
        return "";
    }
}

/* ---- drawing ---- */

static void style(const struct ladder *l, const char *code)
{
    if (l->rep->opt.color && code[0] != '\0')
        fputs(code, l->rep->out);
}

static void blanks(const struct ladder *l, size_t n)
{
    fprintf(l->rep->out, "%*s", (int)n, "");
}

static void repeat(const struct ladder *l, const char *s, size_t n)
{
    while (n-- > 0)
        fputs(s, l->rep->out);
}

static void left_cell(const struct ladder *l, const char *time)
{
    fprintf(l->rep->out, "%*s ", (int)l->time, time);
    style(l, dim);
    fputs(l->bar, l->rep->out);
    style(l, plain);
}

static void right_cell(const struct ladder *l, const char *packet)
{
    style(l, dim);
    fputs(l->bar, l->rep->out);
    style(l, plain);
    if (packet[0] != '\0')
        fprintf(l->rep->out, " %*s", (int)l->packet, packet);
    fputc('\n', l->rep->out);
}

/* How many columns the widest line of |text| takes at |width|. */
static size_t widest(const char *text, size_t width)
{
    size_t most = 0, columns;
    for (const char *next; *text != '\0'; text = next) {
        (void)wsc_wrap_line(text, width, true, &next, &columns);
        most = columns > most ? columns : most;
    }
    return most;
}

/* Which way a row's arrow points. */
enum arrow { RIGHT, LEFT, BOTH, NONE };

static enum arrow arrow_of(const struct ladder *l, const struct wsc_ladder_row *row)
{
    const struct wsc_story_event *ev = &l->ev[row->first];
    if (ev->nobody || ev->kind == WSC_STORY_GAP || ev->kind == WSC_STORY_LOST ||
        ev->kind == WSC_STORY_VIOLATION)
        return NONE;
    if (row->period == 2)
        return BOTH;
    return ev->dir == WSC_DIR_C2S ? RIGHT : LEFT;
}

/* The first line of an arrow: |before| columns, the label, the rest. */
static void put_arrow(const struct ladder *l, enum arrow a, const char *color, size_t before,
                      const char *text, size_t len, size_t columns)
{
    size_t behind = l->area - before - columns - 2, head = a == LEFT || a == BOTH;
    style(l, color);
    if (head)
        fputs(l->to_left, l->rep->out);
    repeat(l, l->line, before - head);
    fprintf(l->rep->out, " %.*s ", (int)len, text);
    head = a == RIGHT || a == BOTH;
    repeat(l, l->line, behind - head);
    if (head)
        fputs(l->to_right, l->rep->out);
    style(l, color[0] != '\0' ? plain : "");
}

/* Two columns of line, and its head, stand on both sides of the label. */
#define ARROW_ENDS 4u

static void put_ladder_row(const struct ladder *l, const struct wsc_ladder_row *row)
{
    char time[CELL_MAX], packet[CELL_MAX], label[LABEL_MAX];
    const struct wsc_story_event *ev = &l->ev[row->first];
    const enum arrow a = arrow_of(l, row);
    const size_t room = l->area - ARROW_ENDS - 2;
    bool first = true;
    clock_text(l, ev->ts_ns, time);
    packet_text(l, row, packet);
    label_of(l, row, label);
    size_t block = widest(label, room), columns;
    bool from_right = ev->dir == WSC_DIR_S2C && !ev->nobody && a != BOTH;
    size_t before = a == BOTH || ev->nobody ? (l->area - 2 - block) / 2
                    : from_right            ? l->area - 4 - block
                                            : 2;
    for (const char *at = label, *next; first || *at != '\0'; at = next) {
        size_t n = wsc_wrap_line(at, room, true, &next, &columns);
        left_cell(l, first ? time : "");
        if (first && a != NONE) {
            put_arrow(l, a, style_of(ev), before, at, n, columns);
        } else {
            blanks(l, before + 1);
            style(l, style_of(ev));
            fprintf(l->rep->out, "%.*s", (int)n, at);
            style(l, style_of(ev)[0] != '\0' ? plain : "");
            blanks(l, l->area - before - 1 - columns);
        }
        right_cell(l, first ? packet : "");
        first = false;
    }
}

/* As a list: time, packet, arrow, and the label on as many lines as it takes. */
static void put_list_row(const struct ladder *l, const struct wsc_ladder_row *row)
{
    char time[CELL_MAX], packet[CELL_MAX], label[LABEL_MAX];
    const struct wsc_story_event *ev = &l->ev[row->first];
    const enum arrow a = arrow_of(l, row);
    size_t indent = l->time + 1 + l->packet + 4, columns;
    bool first = true;
    clock_text(l, ev->ts_ns, time);
    packet_text(l, row, packet);
    label_of(l, row, label);
    const char *word = a == BOTH ? "<>" : a == RIGHT ? "->" : a == LEFT ? "<-" : "  ";
    for (const char *at = label, *next; first || *at != '\0'; at = next) {
        size_t n = wsc_wrap_line(at, l->width - indent, true, &next, &columns);
        if (first)
            fprintf(l->rep->out, "%*s %*s %s ", (int)l->time, time, (int)l->packet, packet, word);
        else
            blanks(l, indent);
        style(l, style_of(ev));
        fprintf(l->rep->out, "%.*s", (int)n, at);
        style(l, style_of(ev)[0] != '\0' ? plain : "");
        fputc('\n', l->rep->out);
        first = false;
    }
}

/* A line between the events: a silence, or what is left out. */
static void put_between(const struct ladder *l, const char *text)
{
    const char *dots = l->rep->opt.utf8 ? "…" : "...";
    char all[CELL_MAX * 4];
    size_t columns;
    const char *next;
    (void)snprintf(all, sizeof(all), "%s %s %s", dots, text, dots);
    size_t room = l->area > 0 ? l->area : l->width;
    for (const char *at = all; *at != '\0'; at = next) {
        size_t n = wsc_wrap_line(at, room, true, &next, &columns), pad = (room - columns) / 2;
        if (l->area > 0)
            left_cell(l, "");
        blanks(l, pad);
        style(l, dim);
        fprintf(l->rep->out, "%.*s", (int)n, at);
        style(l, plain);
        if (l->area == 0) {
            fputc('\n', l->rep->out);
            continue;
        }
        blanks(l, room - pad - columns);
        right_cell(l, "");
    }
}

static void put_silence(const struct ladder *l, uint64_t ns)
{
    char time[WSC_SIZE_TEXT_MAX], text[CELL_MAX];
    wsc_story_duration(ns, time);
    (void)snprintf(text, sizeof(text), "%s of silence", time);
    put_between(l, text);
}

static void put_left_out(const struct ladder *l)
{
    char text[CELL_MAX * 2], time[WSC_SIZE_TEXT_MAX];
    const struct wsc_story_event *first = &l->ev[l->rows[l->opening].first],
                                 *last = &l->ev[l->rows[l->from].first];
    uint64_t n = (uint64_t)(last - first) + l->story->left_out;
    wsc_story_duration(last->ts_ns > first->ts_ns ? last->ts_ns - first->ts_ns : 0, time);
    (void)snprintf(text, sizeof(text), "%" PRIu64 " events in %s: --all shows %s", n, time,
                   l->story->left_out == 0 ? "them" : "the last of them");
    put_between(l, text);
}

static void put_forgotten(const struct ladder *l)
{
    char text[CELL_MAX * 2];
    (void)snprintf(text, sizeof(text), "%" PRIu64 " events do not fit into memory",
                   l->story->left_out);
    put_between(l, text);
}

static void put_heads(const struct ladder *l)
{
    char client[WSC_ENDPOINT_TEXT_MAX], server[WSC_ENDPOINT_TEXT_MAX];
    if (l->area == 0)
        return;
    (void)wsc_endpoint_text(&l->story->rec->client, client);
    (void)wsc_endpoint_text(&l->story->rec->server, server);
    bool fits = strlen(client) + strlen(server) + 16 <= l->area;
    char left[CELL_MAX * 2], right[CELL_MAX * 2];
    (void)snprintf(left, sizeof(left), "client%s%s", fits ? " " : "", fits ? client : "");
    (void)snprintf(right, sizeof(right), "%s%sserver", fits ? server : "", fits ? " " : "");
    style(l, bold);
    fprintf(l->rep->out, "%*s %-*s%*s %*s\n", (int)l->time,
            l->story->clock == WSC_CLOCK_UTC ? "UTC" : "s", (int)(l->area + 2 - strlen(right)),
            left, (int)strlen(right), right, (int)l->packet, "packet");
    style(l, plain);
}

/* ---- the whole ---- */

static bool is_shown(const struct ladder *l, size_t row)
{
    return row < l->opening || row >= l->from;
}

static void choose_rows(struct ladder *l)
{
    l->opening = wsc_ladder_opening(l->ev, l->rows, l->rows_len);
    l->from = l->opening;
    size_t last = l->story->last;
    if (last != 0 && l->rows_len - l->opening > last + 1) /* one row is no shorter than the line */
        l->from = l->rows_len - last;
}

/* A connection of less than two seconds wants microseconds. */
static void choose_clock(struct ladder *l)
{
    uint64_t first = 0, last = 0;
    for (size_t i = 0; i < l->story->events_len; i++) {
        uint64_t ns = l->ev[i].ts_ns;
        first = first == 0 ? ns : first;
        last = ns > last ? ns : last;
    }
    const struct wsc_closure *rec = l->story->rec;
    l->zero_ns = l->story->clock == WSC_CLOCK_END && rec->ended_ns != 0 ? rec->ended_ns : first;
    if (l->story->clock == WSC_CLOCK_END && rec->ended_ns == 0)
        l->zero_ns = last;
    l->digits = last - first < UINT64_C(2000000000) ? 6 : 3;
}

static void measure(struct ladder *l)
{
    char text[CELL_MAX];
    l->time = l->story->clock == WSC_CLOCK_UTC ? 9 : 5;
    l->packet = strlen("packet");
    for (size_t i = 0; i < l->rows_len; i++) {
        if (!is_shown(l, i))
            continue;
        clock_text(l, l->ev[l->rows[i].first].ts_ns, text);
        l->time = strlen(text) > l->time ? strlen(text) : l->time;
        packet_text(l, &l->rows[i], text);
        l->packet = strlen(text) > l->packet ? strlen(text) : l->packet;
    }
    size_t width = l->rep->opt.width != 0 ? l->rep->opt.width : WIDTH_USUAL;
    l->width = width > WIDTH_MAX ? WIDTH_MAX : width < WIDTH_LEAST ? WIDTH_LEAST : width;
    size_t fixed = l->time + l->packet + 4;
    l->area = l->width >= fixed + AREA_LEAST ? l->width - fixed : 0;
    if (l->area == 0 && l->width < l->time + l->packet + 15)
        l->width = l->time + l->packet + 15;
}

static void draw(const struct ladder *l)
{
    uint64_t seen = 0;
    put_heads(l);
    for (size_t i = 0; i < l->rows_len && !ferror(l->rep->out); i++) {
        const struct wsc_ladder_row *row = &l->rows[i];
        const struct wsc_story_event *ev = &l->ev[row->first];
        if (!is_shown(l, i)) {
            put_left_out(l);
            i = l->from;
            row = &l->rows[i];
            seen = 0;
        } else if (i == l->opening && l->story->left_out > 0) {
            put_forgotten(l);
            seen = 0;
        }
        ev = &l->ev[row->first];
        if (seen != 0 && ev->since_ns > seen + WSC_STORY_LONG_NS)
            put_silence(l, ev->since_ns - seen);
        if (l->area > 0)
            put_ladder_row(l, row);
        else
            put_list_row(l, row);
        for (size_t k = 0; k < row->n; k++)
            seen = ev[k].ts_ns > seen ? ev[k].ts_ns : seen;
    }
}

enum wsc_err wsc_ladder_draw(struct wsc_report *rep, const struct wsc_report_story *story)
{
    bool utf8 = rep->opt.utf8;
    struct ladder l = {.rep = rep,
                       .story = story,
                       .ev = story->events,
                       .bar = utf8 ? "│" : "|",
                       .line = utf8 ? "─" : "-",
                       .to_right = utf8 ? "▶" : ">",
                       .to_left = utf8 ? "◀" : "<"};
    if (story->events_len == 0)
        return WSC_OK;
    l.rows_len = wsc_ladder_fold(story->events, story->events_len, &l.rows);
    if (l.rows == NULL)
        return WSC_ERR_NOMEM;
    choose_rows(&l);
    choose_clock(&l);
    measure(&l);
    draw(&l);
    wsc_free(l.rows);
    return wsc_render_written(rep);
}
