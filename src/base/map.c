/*
 * Open addressing with linear probing. A removed slot keeps its place with a
 * tombstone, and the table is rebuilt when three quarters of it are used.
 */
#include "base/map.h"

#include <stdlib.h>

enum { MAP_FIRST = 16 };

struct map_slot {
	uint8_t *key; /* NULL: never used, or a tombstone if `dead` */
	size_t key_n;
	uint64_t hash;
	void *value;
	bool dead;
};

static inline uint64_t rotl(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

uint64_t hash_octets(struct span s, uint64_t seed)
{
	uint64_t v[4] = { seed ^ 0x736f6d6570736575u,
			  ~seed ^ 0x646f72616e646f6du,
			  seed ^ 0x6c7967656e657261u,
			  ~seed ^ 0x7465646279746573u };
	uint64_t last = (uint64_t)s.n << 56;
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		uint64_t word;

		memcpy(&word, s.p + i, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t shift = 0; i < s.n; i++, shift += 8)
		last |= (uint64_t)s.p[i] << shift;
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int round = 0; round < 3; round++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_init(struct map *m, uint64_t seed)
{
	*m = (struct map){ .seed = seed };
}

void map_done(struct map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		free(m->slots[i].key);
	free(m->slots);
	*m = (struct map){ .seed = m->seed };
}

/* The slot of `key`, or NULL. */
static struct map_slot *find(const struct map *m, struct span key,
			     uint64_t hash)
{
	if (m->cap == 0)
		return NULL;
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *slot = &m->slots[i];

		if (slot->key == NULL && !slot->dead)
			return NULL;
		if (slot->key != NULL && slot->hash == hash &&
		    span_eq(span_of(slot->key, slot->key_n), key))
			return slot;
	}
}

void *map_get(const struct map *m, struct span key)
{
	struct map_slot *slot = find(m, key, hash_octets(key, m->seed));

	return slot == NULL ? NULL : slot->value;
}

static void put_moved(struct map_slot *slots, size_t cap,
		      const struct map_slot *moved)
{
	size_t i = moved->hash & (cap - 1);

	while (slots[i].key != NULL)
		i = (i + 1) & (cap - 1);
	slots[i] = *moved;
}

static enum yb_err grow(struct map *m)
{
	size_t cap = m->cap == 0 ? MAP_FIRST : m->cap;
	struct map_slot *slots;

	while (m->count + 1 > cap / 2)
		cap *= 2;
	slots = calloc(cap, sizeof *slots);
	if (slots == NULL)
		return YB_NOMEM;
	for (size_t i = 0; i < m->cap; i++)
		if (m->slots[i].key != NULL)
			put_moved(slots, cap, &m->slots[i]);
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
	m->used = m->count;
	return YB_OK;
}

enum yb_err map_put(struct map *m, struct span key, void *value)
{
	uint64_t hash = hash_octets(key, m->seed);
	struct map_slot *slot = find(m, key, hash);
	struct map_slot fresh = { .key_n = key.n,
				  .hash = hash,
				  .value = value };

	if (slot != NULL) {
		slot->value = value;
		return YB_OK;
	}
	if (m->used + 1 > m->cap / 4 * 3 && grow(m) != YB_OK)
		return YB_NOMEM;
	fresh.key = malloc(key.n > 0 ? key.n : 1);
	if (fresh.key == NULL)
		return YB_NOMEM;
	if (key.n > 0)
		memcpy(fresh.key, key.p, key.n);
	put_moved(m->slots, m->cap, &fresh);
	m->count++;
	m->used++;
	return YB_OK;
}

void *map_remove(struct map *m, struct span key)
{
	struct map_slot *slot = find(m, key, hash_octets(key, m->seed));
	void *value;

	if (slot == NULL)
		return NULL;
	value = slot->value;
	free(slot->key);
	*slot = (struct map_slot){ .dead = true };
	m->count--;
	return value;
}

void *map_next(const struct map *m, size_t *at)
{
	while (*at < m->cap) {
		const struct map_slot *slot = &m->slots[(*at)++];

		if (slot->key != NULL)
			return slot->value;
	}
	return NULL;
}
