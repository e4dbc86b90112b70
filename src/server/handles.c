#include "server/handles.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { HANDLES_FIRST = 64 };

struct handle_slot {
	struct store_snapshot *snapshot; /* NULL: free */
	struct handle_tag tag;
	uint32_t next_free; /* plus 1 */
	uint32_t uses;      /* the high half of its number */
};

static bool grow(struct handles *h)
{
	uint32_t n = h->n == 0 ? HANDLES_FIRST : h->n * 2;
	struct handle_slot *more;

	if (n > HANDLES_MAX)
		return false;
	more = realloc(h->slots, n * sizeof *more);
	if (more == NULL)
		return false;
	for (uint32_t i = h->n; i < n; i++)
		more[i] = (struct handle_slot){
			.next_free = i + 1 < n ? i + 2 : 0,
		};
	h->free = h->n + 1;
	h->slots = more;
	h->n = n;
	return true;
}

uint64_t handles_add(struct handles *h, struct store_snapshot *snapshot,
		     const struct handle_tag *tag)
{
	struct handle_slot *slot;
	uint32_t at;

	if (h->free == 0 && !grow(h))
		return 0;
	at = h->free;
	slot = &h->slots[at - 1];
	h->free = slot->next_free;
	slot->snapshot = snapshot;
	slot->tag = *tag;
	slot->uses++;
	h->used++;
	return (uint64_t)slot->uses << 32 | at;
}

static struct handle_slot *slot_of(const struct handles *h, uint64_t handle)
{
	uint32_t at = (uint32_t)handle;

	if (at == 0 || at > h->n || h->slots[at - 1].uses != handle >> 32 ||
	    h->slots[at - 1].snapshot == NULL)
		return NULL;
	return &h->slots[at - 1];
}

struct store_snapshot *handles_find(const struct handles *h, uint64_t handle)
{
	struct handle_slot *slot = slot_of(h, handle);

	return slot == NULL ? NULL : slot->snapshot;
}

const struct handle_tag *handles_tag(const struct handles *h, uint64_t handle)
{
	struct handle_slot *slot = slot_of(h, handle);

	return slot == NULL ? NULL : &slot->tag;
}

uint64_t handles_next_of(const struct handles *h, const uint8_t account[16],
			 uint64_t devices, uint32_t *at)
{
	while (*at < h->n) {
		const struct handle_slot *slot = &h->slots[(*at)++];

		if (slot->snapshot != NULL &&
		    (devices & 1ull << slot->tag.device) != 0 &&
		    memcmp(slot->tag.account, account, 16) == 0)
			return (uint64_t)slot->uses << 32 | *at;
	}
	return 0;
}

struct store_snapshot *handles_take(struct handles *h, uint64_t handle)
{
	struct handle_slot *slot = slot_of(h, handle);
	struct store_snapshot *snapshot;

	if (slot == NULL)
		return NULL;
	snapshot = slot->snapshot;
	slot->snapshot = NULL;
	slot->next_free = h->free;
	h->free = (uint32_t)(slot - h->slots) + 1;
	h->used--;
	return snapshot;
}

uint32_t handles_count(const struct handles *h)
{
	return h->used;
}

struct store_snapshot *handles_take_any(struct handles *h)
{
	while (h->n > 0)
		if (h->slots[--h->n].snapshot != NULL)
			return h->slots[h->n].snapshot;
	free(h->slots);
	*h = (struct handles){ 0 };
	return NULL;
}
