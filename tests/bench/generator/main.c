/* Writes a capture with exactly known truth: deterministic, by its arguments alone.
 *
 *     generate SHAPE [NAME=NUMBER]... > out.pcap 2> truth.json
 *
 * The shapes and their numbers are the table below. The truth: how many records of each kind there
 * are (`sure`), and how many the capture may not show for what is missing (`may`). */
#include "noise.h"
#include "websocket.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum number {
    CONNECTIONS, /* WebSockets in all */
    AT_A_TIME,   /* of them */
    MESSAGES,    /* of each, the client's and the server's in turns */
    SIZE,        /* bytes of a message, on average */
    FLOWS,       /* that are not WebSocket, at a time */
    REORDER,     /* of 10,000 segments with payload, as are the next two */
    REPEAT,
    MISS,
    NUMBERS,
};

static const char *const names[NUMBERS] = {"connections", "at_a_time", "messages", "size",
                                           "flows",       "reorder",   "repeat",   "miss"};

struct shape {
    const char *name;
    uint32_t n[NUMBERS];
};

static const struct shape shapes[] = {
    {"dense", {2000, 1000, 112, 4000, 0, 0, 0, 0}},
    {"noise", {2000, 1000, 6, 4000, 19000, 0, 0, 0}},
    {"many", {1000000, 1000, 4, 120, 0, 0, 0, 0}},
    {"concurrent", {300000, 300000, 4, 120, 0, 0, 0, 0}},
    {"lossy", {2000, 1000, 112, 4000, 0, 200, 100, 10}},
};

#define WEBSOCKET_SHARE 20 /* where there is noise: one packet in so many is of a WebSocket */

struct run {
    struct wire wire;
    struct text text;
    struct websocket_plan plan;
    struct tcp_damage damage;
    struct noise *noise;
    uint32_t flows, noise_number;
};

static void *many(size_t n, size_t size)
{
    void *p = calloc(n > 0 ? n : 1, size);
    if (p == NULL) {
        perror("generate");
        exit(1);
    }
    return p;
}

static void begin_noise(struct run *r)
{
    r->noise = many(r->flows, sizeof(*r->noise));
    for (; r->noise_number < r->flows; r->noise_number++) /* every fourth was there before */
        noise_init(&r->noise[r->noise_number], &r->wire, r->noise_number, r->noise_number % 4 == 0);
}

/* Others have their turn until the WebSockets have had no more than their share. */
static void make_noise(struct run *r)
{
    while (r->flows > 0 && r->plan.truth.packets * WEBSOCKET_SHARE > r->wire.packets) {
        struct noise *f = &r->noise[wire_random(&r->wire, r->flows)];
        if (!noise_step(f, &r->wire, &r->text))
            noise_init(f, &r->wire, r->noise_number++, false);
    }
}

/* Connections take turns; one that is over makes room for the next. */
static void take_turns(struct run *r, uint32_t connections, uint32_t at_a_time)
{
    uint32_t open = connections < at_a_time ? connections : at_a_time, next = 0;
    struct websocket *c = many(open, sizeof(*c));
    while (next < open) {
        websocket_init(&c[next], next);
        next++;
    }
    while (open > 0) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < open; i++) {
            bool more = websocket_step(&c[i], &r->wire, &r->plan);
            if (!more && next < connections) {
                websocket_init(&c[i], next++);
                more = true;
            }
            if (more) {
                if (kept != i)
                    c[kept] = c[i];
                kept++;
            }
            make_noise(r);
        }
        open = kept;
    }
    free(c);
}

static void print_truth(const struct run *r)
{
    fprintf(stderr,
            "{\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"websocket_packets\": %" PRIu64
            ",\n \"segments\": %" PRIu64 ", \"reordered\": %" PRIu64 ", \"repeated\": %" PRIu64
            ", \"missed\": %" PRIu64 ", \"no_request\": %" PRIu64 ",\n \"records\": ",
            r->wire.packets, r->wire.bytes, r->plan.truth.packets, r->damage.segments,
            r->damage.reordered, r->damage.repeated, r->damage.missed, r->plan.truth.no_request);
    websocket_print(&r->plan.truth, stderr);
    fputs("}\n", stderr);
}

static int usage(void)
{
    fputs("usage: generate SHAPE [NAME=NUMBER]... > out.pcap 2> truth.json\n", stderr);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        fprintf(stderr, "  %-10s", shapes[i].name);
        for (int k = 0; k < NUMBERS; k++)
            fprintf(stderr, " %s=%u", names[k], shapes[i].n[k]);
        fputc('\n', stderr);
    }
    return 2;
}

/* Returns whether |text| is NAME=NUMBER. */
static bool set_number(struct shape *shape, const char *text)
{
    const char *equals = strchr(text, '=');
    for (int k = 0; equals != NULL && k < NUMBERS; k++)
        if (strlen(names[k]) == (size_t)(equals - text) &&
            strncmp(text, names[k], (size_t)(equals - text)) == 0) {
            char *end;
            shape->n[k] = (uint32_t)strtoul(equals + 1, &end, 10);
            return end != equals + 1 && *end == '\0';
        }
    return false;
}

int main(int argc, char **argv)
{
    struct shape shape = {.name = NULL};
    for (size_t i = 0; argc > 1 && i < sizeof(shapes) / sizeof(shapes[0]); i++)
        if (strcmp(argv[1], shapes[i].name) == 0)
            shape = shapes[i];
    for (int i = 2; i < argc; i++)
        if (!set_number(&shape, argv[i]))
            return usage();
    if (shape.name == NULL)
        return usage();
    struct run *r = many(1, sizeof(*r));
    setvbuf(stdout, NULL, _IOFBF, 1 << 20);
    wire_begin(&r->wire, stdout);
    text_init(&r->text, &r->wire);
    r->damage = (struct tcp_damage){
        .reorder = shape.n[REORDER], .repeat = shape.n[REPEAT], .miss = shape.n[MISS]};
    r->plan = (struct websocket_plan){.text = &r->text,
                                      .damage = &r->damage,
                                      .messages = shape.n[MESSAGES],
                                      .size = shape.n[SIZE]};
    r->flows = shape.n[FLOWS];
    begin_noise(r);
    take_turns(r, shape.n[CONNECTIONS], shape.n[AT_A_TIME]);
    print_truth(r);
    free(r->noise);
    free(r);
    if (fclose(stdout) != 0) {
        perror("generate");
        return 1;
    }
    return 0;
}
