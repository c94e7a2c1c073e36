/* Private to report: an event of a story in few words. */
#ifndef WSC_REPORT_STORY_TEXT_H
#define WSC_REPORT_STORY_TEXT_H

#include <wsclose/story.h>

#define WSC_STORY_LABEL_MAX 2048u

/* "Close 1001 Going Away", safe for a terminal. */
void wsc_story_label(const struct wsc_story_event *ev, bool utf8, char out[WSC_STORY_LABEL_MAX]);

/* "text", "Ping", "opcode 11". */
#define WSC_OPCODE_NAME_MAX 16u
void wsc_story_opcode(uint8_t opcode, char out[WSC_OPCODE_NAME_MAX]);

/* "1,234 B", each byte counted; "3.4 kB" where it is a sum. */
#define WSC_SIZE_TEXT_MAX 32u
void wsc_story_bytes(uint64_t n, char out[WSC_SIZE_TEXT_MAX]);
void wsc_story_sum(uint64_t n, char out[WSC_SIZE_TEXT_MAX]);

/* "12.3 ms", "60.0 s", "2.0 h". */
void wsc_story_duration(uint64_t ns, char out[WSC_SIZE_TEXT_MAX]);

/* What takes longer, or is silent for longer, is worth saying. */
#define WSC_STORY_LONG_NS UINT64_C(1000000000)

#endif
