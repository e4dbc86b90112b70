/*
 * A doubly linked list whose links live inside the elements. The head is a
 * link too; an element on no list points to itself, so that removing twice
 * is harmless. Nothing is owned.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev;
	struct list *next;
};

/* The element of type `type` whose link `member` is at `link`. */
#define list_entry(link, type, member) \
	((type *)(void *)(((char *)(link)) - offsetof(type, member)))

#define list_for_each(at, head) \
	for (struct list *at = (head)->next; at != (head); at = at->next)

/* The element under `at` may be removed within the body. */
#define list_for_each_safe(at, head)                                \
	for (struct list *at = (head)->next, *at##_next = at->next; \
	     at != (head); at = at##_next, at##_next = at->next)

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/* Puts `link` before `at`; with the head for `at`, at the end. */
static inline void list_add_before(struct list *at, struct list *link)
{
	link->prev = at->prev;
	link->next = at;
	at->prev->next = link;
	at->prev = link;
}

static inline void list_push(struct list *head, struct list *link)
{
	list_add_before(head, link);
}

static inline void list_push_front(struct list *head, struct list *link)
{
	list_add_before(head->next, link);
}

static inline void list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/* The first link, removed; NULL from an empty list. */
static inline struct list *list_pop(struct list *head)
{
	struct list *first = head->next;

	if (first == head)
		return NULL;
	list_remove(first);
	return first;
}

#endif
