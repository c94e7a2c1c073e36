/* An intrusive doubly linked list with a head node; node and head are the same type. */
#ifndef WSC_BASE_LIST_H
#define WSC_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct wsc_list {
    struct wsc_list *prev, *next;
};

#define WSC_LIST_OF(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void wsc_list_init(struct wsc_list *head)
{
    head->prev = head->next = head;
}

static inline bool wsc_list_empty(const struct wsc_list *head)
{
    return head->next == head;
}

static inline void wsc_list_append(struct wsc_list *head, struct wsc_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void wsc_list_remove(struct wsc_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    wsc_list_init(node);
}

#endif
