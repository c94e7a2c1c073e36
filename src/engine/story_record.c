#include <wsclose/story.h>

#include <string.h>

const char *wsc_story_kind_name(enum wsc_story_kind kind)
{
    static const char *const names[WSC_STORY_KIND_COUNT] = {
        [WSC_STORY_SYN] = "syn",
        [WSC_STORY_SYN_ACK] = "syn_ack",
        [WSC_STORY_FIN] = "fin",
        [WSC_STORY_RST] = "rst",
        [WSC_STORY_AGAIN] = "retransmission",
        [WSC_STORY_PROBE] = "keepalive_probe",
        [WSC_STORY_WINDOW_ZERO] = "zero_window",
        [WSC_STORY_WINDOW_OPEN] = "window_open",
        [WSC_STORY_GAP] = "gap",
        [WSC_STORY_DATA] = "data",
        [WSC_STORY_HELLO] = "tls_hello",
        [WSC_STORY_ENCRYPTED] = "tls",
        [WSC_STORY_ALERT] = "tls_alert",
        [WSC_STORY_REQUEST] = "request",
        [WSC_STORY_ANSWER] = "response",
        [WSC_STORY_FRAME] = "frame",
        [WSC_STORY_LOST] = "framing_lost",
        [WSC_STORY_VIOLATION] = "violation",
        [WSC_STORY_STREAM_END] = "end_stream",
        [WSC_STORY_STREAM_RESET] = "rst_stream",
        [WSC_STORY_GOAWAY] = "goaway",
        [WSC_STORY_ESTABLISHED] = "established",
        [WSC_STORY_STARTED] = "started",
    };
    return (unsigned)kind < WSC_STORY_KIND_COUNT ? names[kind] : "unknown";
}

struct list {
    struct wsc_story_event *out;
    size_t len;
};

static struct wsc_story_event *add(struct list *l, enum wsc_story_kind kind, enum wsc_side by,
                                   uint64_t ns, uint64_t packet)
{
    struct wsc_story_event *ev = &l->out[l->len++];
    *ev = (struct wsc_story_event){.kind = (uint8_t)kind,
                                   .code = WSC_UNKNOWN,
                                   .ts_ns = ns,
                                   .since_ns = ns,
                                   .packet = packet,
                                   .dir = by == WSC_SIDE_SERVER ? WSC_DIR_S2C : WSC_DIR_C2S,
                                   .nobody = by != WSC_SIDE_CLIENT && by != WSC_SIDE_SERVER};
    return ev;
}

static void add_close(struct list *l, const struct wsc_closure *rec, enum wsc_dir d)
{
    const struct wsc_close_frame *c = &rec->close[d];
    if (!c->seen)
        return;
    struct wsc_story_event *ev =
        add(l, WSC_STORY_FRAME, wsc_side_of(d), c->at_ns, WSC_REF_NUMBER(c->packet));
    ev->opcode = 8;
    ev->fin = true;
    ev->masked = d == WSC_DIR_C2S;
    ev->code = c->code;
    ev->text = c->reason;
    ev->len = c->code != WSC_UNKNOWN ? 2 + c->reason.len : 0;
}

/* The end of TCP has a packet but no time of its own, unless it is what ended the connection. */
static void add_tcp_end(struct list *l, const struct wsc_closure *rec)
{
    if (rec->tcp_end == WSC_TCP_END_NONE)
        return;
    bool ended = rec->ending == WSC_ENDING_FIN || rec->ending == WSC_ENDING_RESET;
    (void)add(l, rec->tcp_end == WSC_TCP_END_RST ? WSC_STORY_RST : WSC_STORY_FIN, rec->tcp_end_by,
              ended ? rec->ended_ns : 0, WSC_REF_NUMBER(rec->tcp_end_packet));
}

/* By packet where both have one, else as they are. */
static void sort(struct list *l)
{
    for (size_t i = 1; i < l->len; i++)
        for (size_t k = i; k > 0; k--) {
            struct wsc_story_event *a = &l->out[k - 1], *b = &l->out[k], t = *b;
            if (a->packet == 0 || b->packet == 0 || a->packet <= b->packet)
                break;
            *b = *a;
            *a = t;
        }
}

size_t wsc_story_of_record(const struct wsc_closure *rec,
                           struct wsc_story_event out[WSC_STORY_RECORD_MAX])
{
    struct list l = {.out = out};
    (void)add(&l, WSC_STORY_STARTED, WSC_SIDE_NONE, rec->started_ns,
              WSC_REF_NUMBER(rec->first_packet));
    if (rec->established_ns != 0)
        add(&l, WSC_STORY_ESTABLISHED, WSC_SIDE_SERVER, rec->established_ns, 0)->code =
            rec->handshake_status;
    else if (rec->handshake_status > 0)
        add(&l, WSC_STORY_ANSWER, WSC_SIDE_SERVER, 0, 0)->code = rec->handshake_status;
    struct list later = {.out = out + l.len};
    add_close(&later, rec, WSC_DIR_C2S);
    add_close(&later, rec, WSC_DIR_S2C);
    add_tcp_end(&later, rec);
    for (size_t i = 0; i < rec->violations_len && i < WSC_VIOLATIONS_MAX; i++)
        add(&later, WSC_STORY_VIOLATION, rec->violations[i].by, 0,
            WSC_REF_NUMBER(rec->violations[i].packet))
            ->code = (int)rec->violations[i].rule;
    sort(&later);
    return l.len + later.len;
}
