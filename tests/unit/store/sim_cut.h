/*
 * Power cuts: replays what a sim_disk has recorded and builds, for a cut at
 * any event, disks as they may be found afterwards.
 */
#ifndef TESTS_STORE_SIM_CUT_H
#define TESTS_STORE_SIM_CUT_H

#include "unit/store/sim_disk.h"

/* What became of the writes that were not synced. */
enum cut_policy {
	CUT_LOST,   /* all lost; names too */
	CUT_KEPT,   /* all there; names too */
	CUT_DATA,   /* data kept, names lost */
	CUT_NAMES,  /* names kept, data lost, old garbage in its place */
	CUT_TORN,   /* in order, the last one torn at a sector */
	CUT_RANDOM, /* any of them, torn anywhere, any names */
	CUT_POLICIES,
};

struct cut_inode {
	struct sim_inode synced; /* what is on the disk for certain */
	size_t *todo;            /* events not synced */
	size_t todo_n, todo_cap;
};

struct cut {
	const struct sim_disk *disk;
	struct cut_inode *inodes;
	size_t inodes_n;
	size_t at; /* events replayed */
	uint64_t random;
};

static inline uint64_t cut_random(uint64_t *state)
{
	/* xorshift64*: repeatable from a seed that is printed. */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static void cut_copy_inode(struct sim_inode *dst, const struct sim_inode *src)
{
	*dst = (struct sim_inode){ .folder = src->folder };
	if (src->data.n > 0)
		sim_put(&dst->data, 0, src->data.p, src->data.n);
	for (size_t i = 0; i < src->names_n; i++)
		sim_set_name(dst, src->names[i].name, src->names[i].inode);
}

static void cut_add_inode(struct cut *c, bool folder)
{
	c->inodes = realloc(c->inodes, (c->inodes_n + 1) * sizeof *c->inodes);
	assert(c->inodes != NULL);
	c->inodes[c->inodes_n++] =
		(struct cut_inode){ .synced.folder = folder };
}

/* `base`: the inodes that were there before recording began, all synced. */
static inline void cut_init(struct cut *c, const struct sim_disk *disk,
			    const struct sim_inode *base, size_t base_n,
			    uint64_t seed)
{
	*c = (struct cut){ .disk = disk, .random = seed * 2 + 1 };
	for (size_t i = 0; i < base_n; i++) {
		cut_add_inode(c, base[i].folder);
		cut_copy_inode(&c->inodes[i].synced, &base[i]);
	}
}

static inline void cut_done(struct cut *c)
{
	for (size_t i = 0; i < c->inodes_n; i++) {
		free(c->inodes[i].synced.data.p);
		free(c->inodes[i].synced.names);
		free(c->inodes[i].todo);
	}
	free(c->inodes);
}

static void cut_apply(struct sim_inode *inode, const struct sim_event *e)
{
	if (e->kind == SIM_WRITE)
		sim_put(&inode->data, e->at, e->data.p, e->data.n);
	else if (e->kind == SIM_CUT)
		sim_truncate(&inode->data, e->at);
	else if (e->kind == SIM_LINK)
		sim_set_name(inode, e->name, e->target);
	else if (e->kind == SIM_UNLINK)
		sim_drop_name(inode, e->name);
}

/* Replays one more event; false behind the last. */
static inline bool cut_step(struct cut *c)
{
	const struct sim_event *e;
	struct cut_inode *inode;

	if (c->at >= c->disk->events_n)
		return false;
	e = &c->disk->events[c->at];
	if (e->kind == SIM_NEW) {
		assert(e->inode == c->inodes_n);
		cut_add_inode(c, e->at != 0);
	} else if (e->kind == SIM_SYNC || e->kind == SIM_SYNC_FOLDER) {
		inode = &c->inodes[e->inode];
		for (size_t i = 0; i < inode->todo_n; i++)
			cut_apply(&inode->synced,
				  &c->disk->events[inode->todo[i]]);
		inode->todo_n = 0;
	} else if (e->kind != SIM_MARK) {
		inode = &c->inodes[e->inode];
		if (inode->todo_n == inode->todo_cap) {
			inode->todo_cap = inode->todo_cap * 2 + 8;
			inode->todo =
				realloc(inode->todo,
					inode->todo_cap * sizeof *inode->todo);
			assert(inode->todo != NULL);
		}
		inode->todo[inode->todo_n++] = c->at;
	}
	c->at++;
	return true;
}

/* A write of which only some sectors, or some octets, arrived. */
static void cut_tear(struct cut *c, struct sim_inode *inode,
		     const struct sim_event *e, bool by_sector)
{
	size_t n = e->data.n, at = 0;

	if (!by_sector) {
		n = n > 0 ? cut_random(&c->random) % n : 0;
		sim_put(&inode->data, e->at, e->data.p, n);
		return;
	}
	while (at < n) {
		size_t step = SIM_SECTOR - (e->at + at) % SIM_SECTOR;

		step = step < n - at ? step : n - at;
		if (cut_random(&c->random) % 2 == 0)
			sim_put(&inode->data, e->at + at, e->data.p + at, step);
		at += step;
	}
}

/* The file has its new size, but octets of who knows what. */
static void cut_garbage(struct cut *c, struct sim_inode *inode,
			const struct sim_event *e)
{
	size_t old = inode->data.n;
	uint64_t end = e->at + e->data.n;

	if (e->kind != SIM_WRITE || end <= old)
		return;
	sim_truncate(&inode->data, end);
	for (size_t i = old; i < end; i++)
		/* Older octets of this very file, shifted: the headers of
		 * other records among them. */
		inode->data.p[i] = old > 0 && cut_random(&c->random) % 64 != 0
					   ? inode->data.p[i % old]
					   : (uint8_t)cut_random(&c->random);
}

static void cut_file(struct cut *c, struct sim_inode *inode,
		     const struct cut_inode *from, enum cut_policy policy)
{
	size_t last = from->todo_n > 0
			      ? cut_random(&c->random) % (from->todo_n + 1)
			      : 0;

	for (size_t i = 0; i < from->todo_n; i++) {
		const struct sim_event *e = &c->disk->events[from->todo[i]];
		unsigned dice = (unsigned)(cut_random(&c->random) % 8);

		if (policy == CUT_KEPT || policy == CUT_DATA ||
		    (policy == CUT_TORN && i < last)) {
			cut_apply(inode, e);
		} else if (policy == CUT_NAMES) {
			cut_garbage(c, inode, e);
		} else if (policy == CUT_TORN && i == last) {
			if (e->kind == SIM_WRITE)
				cut_tear(c, inode, e, true);
		} else if (policy == CUT_RANDOM) {
			if (dice < 3)
				cut_apply(inode, e);
			else if (dice < 5 && e->kind == SIM_WRITE)
				cut_tear(c, inode, e, dice == 3);
			else if (dice == 5)
				cut_garbage(c, inode, e);
		}
	}
}

static void cut_folder(struct cut *c, struct sim_inode *inode,
		       const struct cut_inode *from, enum cut_policy policy)
{
	bool keep =
		policy == CUT_KEPT || policy == CUT_NAMES || policy == CUT_TORN;
	size_t n = keep ? from->todo_n : 0;

	/* A journal keeps the order of names within a folder. */
	if (policy == CUT_RANDOM && from->todo_n > 0)
		n = cut_random(&c->random) % (from->todo_n + 1);
	for (size_t i = 0; i < n; i++)
		cut_apply(inode, &c->disk->events[from->todo[i]]);
}

/* A disk as it may be after a cut right here. */
static inline struct sim_disk *cut_build(struct cut *c, enum cut_policy policy)
{
	struct sim_disk *s = sim_new_empty();

	s->inodes = calloc(c->inodes_n, sizeof *s->inodes);
	assert(s->inodes != NULL);
	s->inodes_n = c->inodes_n;
	for (size_t i = 0; i < c->inodes_n; i++) {
		struct cut_inode *from = &c->inodes[i];

		cut_copy_inode(&s->inodes[i], &from->synced);
		if (from->synced.folder)
			cut_folder(c, &s->inodes[i], from, policy);
		else
			cut_file(c, &s->inodes[i], from, policy);
	}
	return s;
}

/* A copy of a disk's inodes, to begin another recording from. */
static inline struct sim_inode *cut_base(const struct sim_disk *s)
{
	struct sim_inode *base = calloc(s->inodes_n + 1, sizeof *base);

	assert(base != NULL);
	for (size_t i = 0; i < s->inodes_n; i++)
		cut_copy_inode(&base[i], &s->inodes[i]);
	return base;
}

#endif
