#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum { ARENA_BLOCK = 1024, ARENA_ALIGN = 16 };

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t cap;
	alignas(ARENA_ALIGN) uint8_t data[];
};

void arena_init(struct arena *a, size_t ceiling)
{
	*a = (struct arena){ .ceiling = ceiling };
}

void arena_done(struct arena *a)
{
	struct arena_block *b = a->blocks;

	while (b != NULL) {
		struct arena_block *next = b->next;

		free(b);
		b = next;
	}
	a->blocks = NULL;
	a->used = 0;
}

void arena_reset(struct arena *a)
{
	while (a->blocks != NULL && a->blocks->next != NULL) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
	if (a->blocks != NULL)
		a->blocks->used = 0;
	a->used = 0;
}

static struct arena_block *add_block(struct arena *a, size_t n)
{
	size_t cap = n > ARENA_BLOCK ? n : ARENA_BLOCK;
	struct arena_block *b = malloc(sizeof *b + cap);

	if (b == NULL)
		return NULL;
	b->next = a->blocks;
	b->used = 0;
	b->cap = cap;
	a->blocks = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *b = a->blocks;
	void *p;

	if (n > a->ceiling - a->used)
		return NULL;
	n = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (b == NULL || n > b->cap - b->used)
		b = add_block(a, n);
	if (b == NULL)
		return NULL;
	p = b->data + b->used;
	b->used += n;
	a->used += n < a->ceiling - a->used ? n : a->ceiling - a->used;
	return memset(p, 0, n);
}

char *arena_strndup(struct arena *a, const void *p, size_t n)
{
	char *text = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;

	if (text != NULL && n > 0)
		memcpy(text, p, n);
	return text;
}
