#include "report/bins.h"

#include <string.h>

#define MS UINT64_C(1000000)
#define S  (1000 * MS)
#define H  (3600 * S)

static const uint64_t steps[] =
    {
        MS,       5 * MS,   10 * MS,  50 * MS,   100 * MS,  500 * MS, S,       5 * S,
        10 * S,   30 * S,   60 * S,   300 * S,   900 * S,   1800 * S, H,       3 * H,
        6 * H,    12 * H,   24 * H,   48 * H,    96 * H,    192 * H,  384 * H, 768 * H,
        1536 * H, 3072 * H, 6144 * H, 12288 * H, 24576 * H, /* 64 bits of ns are 209 of these */
};

uint64_t wsc_time_step(unsigned level)
{
    return steps[level];
}

uint64_t wsc_time_bins_step(const struct wsc_time_bins *b)
{
    return steps[b->level];
}

uint64_t wsc_time_bins_from(const struct wsc_time_bins *b)
{
    return b->first * steps[b->level];
}

void wsc_time_bins_take(struct wsc_time_bins *b, uint64_t at_ns)
{
    uint64_t number = at_ns / steps[b->level];
    if (b->len == 0) {
        b->first = number;
        b->len = 1;
        return;
    }
    uint64_t last = b->first + b->len - 1;
    while ((last > number ? last : number) - (b->first < number ? b->first : number) >=
           WSC_TIME_BINS) {
        uint64_t factor = steps[b->level + 1] / steps[b->level];
        b->level++;
        b->first /= factor;
        last /= factor;
        number /= factor;
    }
    b->first = b->first < number ? b->first : number;
    b->len = (size_t)((last > number ? last : number) - b->first) + 1;
}

static uint32_t sum(uint32_t a, uint32_t b)
{
    return a <= UINT32_MAX - b ? a + b : UINT32_MAX;
}

void wsc_time_row_settle(const struct wsc_time_bins *b, struct wsc_time_row *r)
{
    if (r->in.level != b->level || r->in.first != b->first) {
        uint32_t old[WSC_TIME_BINS];
        memcpy(old, r->counts, sizeof(old));
        memset(r->counts, 0, sizeof(r->counts));
        uint64_t factor = steps[b->level] / steps[r->in.level];
        for (size_t i = 0; i < r->in.len; i++) {
            size_t to = (size_t)((r->in.first + i) / factor - b->first);
            r->counts[to] = sum(r->counts[to], old[i]);
        }
    }
    r->in = *b;
}

void wsc_time_row_add(const struct wsc_time_bins *b, struct wsc_time_row *r, uint64_t at_ns,
                      uint32_t n)
{
    wsc_time_row_settle(b, r);
    uint32_t *count = &r->counts[at_ns / steps[b->level] - b->first];
    *count = sum(*count, n);
}

/* ---- how long ---- */

#define DECADE 10u

/* 10^(n/10 - 0.05), in four digits: what lies halfway between the steps of a tenth of a decade. */
static const uint32_t mantissas[DECADE] = {8913,  11220, 14125, 17783, 22387,
                                           28184, 35481, 44668, 56234, 70795};

int64_t wsc_log_edge(size_t bin)
{
    if (bin == 0)
        return 0;
    int64_t edge = mantissas[(bin - 1) % DECADE];
    for (size_t i = 0; i < 2 + (bin - 1) / DECADE; i++) /* 0.8913 ms is 8913 times 100 ns */
        edge *= 10;
    return edge;
}

size_t wsc_log_bin(int64_t ns)
{
    size_t low = 0, high = WSC_LOG_BINS; /* the edge of |low| is not above |ns| */
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (wsc_log_edge(middle) <= ns)
            low = middle;
        else
            high = middle;
    }
    return low;
}
