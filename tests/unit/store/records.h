/* Records and imports for the tests of the store. */
#ifndef WSC_TEST_STORE_RECORDS_H
#define WSC_TEST_STORE_RECORDS_H

#include <wsclose/store.h>

#include <stddef.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
/* 2026-01-02T03:04:05Z, by `date -u -d 2026-01-02T03:04:05Z +%s`. */
#define T0 (UINT64_C(1767323045) * SECOND)

static inline struct wsc_span text(const char *s)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = strlen(s)};
}

static inline struct wsc_span bytes(const char *s, size_t n)
{
    return (struct wsc_span){.ptr = (const uint8_t *)s, .len = n};
}

/* A closed connection of which only what must be known is known: it ended at |ended_ns| in packet
 * |packet| of capture 0. */
struct wsc_closure record_plain(uint64_t ended_ns, uint64_t packet);

/* Every field set, each to a value of its own, packets in captures 0 and 1. */
struct wsc_closure record_full(void);

/* Open in |mode|, or fail the test. */
struct wsc_store *open_store(const char *path, enum wsc_store_mode mode);

/* One import of |n| captures; fingerprints[i] is that of the i-th, which is named "i.pcap". Puts
 * |records| and commits. */
enum wsc_import_result import(struct wsc_store *s, const char *const *fingerprints, size_t n,
                              const char *options, const struct wsc_closure *records, size_t count);

/* How many records pass |f|. */
size_t count_records(struct wsc_store *s, const struct wsc_filter *f);
/* First packets of the records that pass, "1 2 3", in the order they come. */
const char *list_records(struct wsc_store *s, const struct wsc_filter *f, char *out, size_t cap);

#endif
