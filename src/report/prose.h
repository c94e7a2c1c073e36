/* Labelled paragraphs and lists for a terminal of any width, alone or two side by side. */
#ifndef WSC_REPORT_PROSE_H
#define WSC_REPORT_PROSE_H

#include <wsclose/report.h>

struct prose {
    FILE *out;
    size_t width;  /* columns of a line */
    size_t labels; /* columns of the widest label; 0: labels have lines of their own */
    bool color;
};

/* |labels|: all labels that will be used, already translated; a NULL ends. */
void wsc_prose_init(struct prose *p, const struct wsc_report *rep, const char *const *labels);

void wsc_prose_title(const struct prose *p, const char *title);

/* One labelled entry. |items| ends with a NULL; several items are a list. Already translated. */
void wsc_prose_entry(const struct prose *p, const char *label, const char *const *items);

/* The heads of two columns, where the width allows columns. */
void wsc_prose_heads(const struct prose *p, const char *const heads[2]);

/* Two of them beside each other under a label, or below each other, each after its |heads| entry,
 * where the width does not allow that. Once for both where they are the same. */
void wsc_prose_pair(const struct prose *p, const char *label, const char *const heads[2],
                    const char *const *const items[2]);

#endif
