/* One connection told packet by packet, and what is said of it. */
#ifndef WSC_TEST_TALK_H
#define WSC_TEST_TALK_H

#include <wsclose/analyzer.h>

#include "decode/packet.h"

struct talk {
    struct wsc_analyzer *an;
    struct wsc_packet pkt;
    uint32_t seq[2]; /* of the next byte, by sender */
    size_t records;
    enum wsc_outcome outcome; /* of the last record, as what follows */
    enum wsc_ending ending;
    int code;
    enum wsc_side by;
};

/* A new analyzer; aborts without memory. */
void talk_begin(struct talk *t);
/* Ends the capture, frees the analyzer. */
void talk_end(struct talk *t);

/* One segment, a millisecond after the one before, acknowledging all of the other side. */
void talk_say(struct talk *t, enum wsc_dir from, uint8_t flags, const char *bytes, size_t len);

/* Bytes of a string literal. */
#define TALK(t, from, bytes) talk_say(t, from, WSC_TCP_ACK, bytes, sizeof(bytes) - 1)

#endif
