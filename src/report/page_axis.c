#include "report/page_axis.h"

#include <math.h>
#include <stddef.h>

#define US  UINT64_C(1000)
#define MS  (1000 * US)
#define S   (1000 * MS)
#define MIN (60 * S)
#define H   (60 * MIN)
#define D   (24 * H)

static const uint64_t steps[] = {
    10 * US, 20 * US, 50 * US, 100 * US, 200 * US, 500 * US, MS,       2 * MS,   5 * MS,
    10 * MS, 20 * MS, 50 * MS, 100 * MS, 200 * MS, 500 * MS, S,        2 * S,    5 * S,
    10 * S,  15 * S,  30 * S,  MIN,      2 * MIN,  5 * MIN,  10 * MIN, 15 * MIN, 30 * MIN,
    H,       2 * H,   3 * H,   6 * H,    12 * H,   D,        2 * D,    5 * D,    10 * D,
    20 * D,  50 * D,  100 * D, 200 * D,  500 * D,  1000 * D}; /* 240 of the last are 657 years */

void wsc_page_axis_fit(struct wsc_page_axis *a, uint64_t first_ns, uint64_t last_ns)
{
    size_t last_step = sizeof(steps) / sizeof(steps[0]) - 1, i = 0;
    if (last_ns < first_ns)
        last_ns = first_ns;
    while (i < last_step && last_ns / steps[i] - first_ns / steps[i] >= WSC_PAGE_BINS)
        i++;
    a->step_ns = steps[i];
    a->from_ns = first_ns / steps[i] * steps[i];
    a->n = (unsigned)((last_ns - a->from_ns) / steps[i]) + 1;
}

unsigned wsc_page_axis_bin(const struct wsc_page_axis *a, uint64_t ns)
{
    if (ns <= a->from_ns)
        return 0;
    uint64_t bin = (ns - a->from_ns) / a->step_ns;
    return bin < a->n ? (unsigned)bin : a->n - 1;
}

void wsc_page_edges_log(struct wsc_page_edges *e, int64_t from_ns, unsigned per_decade, unsigned n)
{
    e->n = n <= WSC_PAGE_EDGES ? n : WSC_PAGE_EDGES;
    for (unsigned i = 0; i < e->n; i++)
        e->at_ns[i] = llround((double)from_ns / 1e3 * pow(10, (double)i / per_decade)) * 1000;
}

unsigned wsc_page_edges_bin(const struct wsc_page_edges *e, int64_t ns)
{
    unsigned low = 0, high = e->n - 1; /* edge |low| is not above |ns|, or 0; edge |high| is, or the
                                          last */
    while (high - low > 1) {
        unsigned mid = (low + high) / 2;
        if (e->at_ns[mid] <= ns)
            low = mid;
        else
            high = mid;
    }
    return low;
}
