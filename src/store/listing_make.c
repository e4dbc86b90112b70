#include "store/listing_make.h"

#include <stdlib.h>

#include "base/codec.h"
#include "base/num.h"
#include "mime/listing.h"
#include "os/fd.h"
#include "os/memfd.h"

enum {
	/* Larger ones are handed over as memfds by all who do. */
	SMALL_MAX = 64 * 1024,
};

/* Numbers the lines: adding one to digits is cheaper than dividing. */
struct counter {
	uint8_t digits[NUM_U64_DIGITS];
	size_t first; /* of the digits in use */
};

static void count_from(struct counter *c, uint64_t n)
{
	uint8_t digits[NUM_U64_DIGITS];
	size_t len = n == 0 ? 0 : num_put(digits, n);

	c->first = sizeof c->digits - len;
	memcpy(c->digits + c->first, digits, len);
}

static void count_up(struct counter *c)
{
	size_t i = sizeof c->digits;

	while (i > c->first) {
		if (c->digits[--i] < '9') {
			c->digits[i]++;
			return;
		}
		c->digits[i] = '0';
	}
	c->digits[--c->first] = '1';
}

static size_t put_count(uint8_t *dst, const struct counter *c)
{
	size_t n = sizeof c->digits - c->first;

	memcpy(dst, c->digits + c->first, n);
	return n;
}

static bool sees(const struct index_entry *e, uint32_t device)
{
	return (e->hidden >> device & 1) == 0;
}

/* What is listed, and what was listed before. */
struct making {
	const struct index_table *t;
	uint32_t device;
	size_t from;                    /* the first entry that is new */
	const struct listing_head *old; /* or NULL */
};

/* The sizes of all parts, before anything is written. */
static void measure(const struct making *m, struct listing_head *head)
{
	const struct index_table *t = m->t;
	uint64_t numbers = 0, sizes = 0, added;
	uint64_t digits = num_len(head->count), next_longer = 1;

	for (uint64_t i = 0; i < digits; i++)
		next_longer *= 10;
	added = head->count;
	for (size_t i = m->from; i < t->count; i++) {
		const struct index_entry *e = &t->entries[i];
		uint64_t octets;

		if (!sees(e, m->device))
			continue;
		if (++head->count == next_longer) {
			digits++;
			next_longer *= 10;
		}
		octets = e->wire_size - 3 - e->dots;
		head->octets += octets;
		numbers += digits;
		sizes += num_len(octets);
	}
	added = head->count - added;
	/* "1 uidl\r\n" and "1 octets\r\n" */
	head->uidl_n += numbers + added * (BASE32_ID_LEN + 3);
	head->list_n += numbers + sizes + added * 3;
}

static uint8_t *put_end(uint8_t *p)
{
	p[0] = '\r';
	p[1] = '\n';
	return p + 2;
}

/* Rows point into the UIDL text from its start, so that they stay right. */
static void copy_old(const struct listing_head *old, uint8_t *block)
{
	const struct listing_head *head = (void *)block;
	const uint8_t *from = (const void *)old;

	memcpy(block + sizeof *head, from + sizeof *old,
	       old->count * sizeof(struct listing_row));
	memcpy(block + head->uidl_at, from + old->uidl_at, old->uidl_n);
	memcpy(block + head->list_at, from + old->list_at, old->list_n);
}

static void fill(const struct making *m, uint8_t *block)
{
	const struct index_table *t = m->t;
	struct listing_head *head = (void *)block;
	struct listing_row *row = (void *)(block + sizeof *head);
	uint8_t *uidl = block + head->uidl_at, *list = block + head->list_at;
	const uint8_t *uidl_start = uidl;
	struct counter number;

	count_from(&number, m->old == NULL ? 0 : m->old->count);
	if (m->old != NULL) {
		copy_old(m->old, block);
		row += m->old->count;
		uidl += m->old->uidl_n;
		list += m->old->list_n;
	}
	for (size_t i = m->from; i < t->count; i++) {
		const struct index_entry *e = &t->entries[i];

		if (!sees(e, m->device))
			continue;
		count_up(&number);
		*row = (struct listing_row){
			.offset = e->offset,
			.wire_size = e->wire_size,
			.uid = e->uid,
			.dots = e->dots,
			.header_size = e->header_size,
			.uidl_line = (uint32_t)(uidl - uidl_start),
			.flags = e->flags,
		};
		uidl += put_count(uidl, &number);
		*uidl++ = ' ';
		base32_put_id(uidl, e->id);
		head->uidls += get_le64(e->id); /* listing_uidl_hash() */
		uidl = put_end(uidl + BASE32_ID_LEN);
		list += put_count(list, &number);
		*list++ = ' ';
		list += num_put(list, listing_octets(row));
		list = put_end(list);
		row++;
	}
}

static struct listing_block *block_new(size_t small)
{
	struct listing_block *block = malloc(sizeof *block + small);

	if (block != NULL)
		*block = (struct listing_block){ .refs = 1, .memfd = -1 };
	return block;
}

static void write_block(const struct making *m, const struct listing_head *head,
			uint8_t *dst)
{
	memcpy(dst, head, sizeof *head);
	if (m->t != NULL)
		fill(m, dst);
}

static enum yb_err make_small(const struct making *m,
			      const struct listing_head *head, size_t n,
			      struct listing_block **ret)
{
	struct listing_block *block = block_new(n);

	if (block == NULL)
		return YB_NOMEM;
	write_block(m, head, block->small);
	block->octets = block->small;
	block->n = n;
	*ret = block;
	return YB_OK;
}

/* Made where the workers read it: there is one copy, whoever looks. */
static enum yb_err make_large(const struct making *m,
			      const struct listing_head *head, size_t n,
			      struct listing_block **ret)
{
	struct listing_block *block = block_new(0);
	uint8_t *draft;
	enum yb_err err;

	if (block == NULL)
		return YB_NOMEM;
	err = memfd_draft("yubin-listing", n, &block->memfd, &draft);
	if (err == YB_OK) {
		write_block(m, head, draft);
		err = memfd_publish(block->memfd, draft, n, &block->mapping);
	}
	if (err != YB_OK) {
		listing_block_unref(&block);
		return err;
	}
	block->octets = block->mapping.p;
	block->n = n;
	*ret = block;
	return YB_OK;
}

enum yb_err listing_make(const struct index_table *t, uint64_t generation,
			 uint32_t device, const struct listing_block *before,
			 struct listing_block **ret)
{
	struct listing_head head = { 0 };
	struct making m = { .t = t, .device = device };
	struct listing_block *block = NULL;
	enum yb_err err;
	uint64_t n;

	if (before != NULL) {
		m.from = before->entries;
		m.old = (const void *)before->octets;
		head = *m.old;
	}
	head.magic = LISTING_MAGIC;
	head.generation = generation;
	if (t != NULL)
		measure(&m, &head);
	if (head.uidl_n > UINT32_MAX)
		return YB_TOO_BIG;
	head.uidl_at =
		sizeof head + head.count * (uint64_t)sizeof(struct listing_row);
	head.list_at = head.uidl_at + head.uidl_n;
	n = head.list_at + head.list_n;
	err = n <= SMALL_MAX ? make_small(&m, &head, n, &block)
			     : make_large(&m, &head, n, &block);
	if (err != YB_OK)
		return err;
	block->entries = t == NULL ? 0 : t->count;
	*ret = block;
	return YB_OK;
}

struct listing_block *listing_block_ref(struct listing_block *block)
{
	block->refs++;
	return block;
}

void listing_block_unref(struct listing_block **block_at)
{
	struct listing_block *block = *block_at;

	*block_at = NULL;
	if (block == NULL || --block->refs > 0)
		return;
	memfd_unmap(&block->mapping);
	fd_close(&block->memfd);
	free(block);
}

enum yb_err listing_block_memfd(struct listing_block *block, int *ret_fd)
{
	enum yb_err err = YB_OK;

	if (block->memfd < 0)
		err = memfd_make("yubin-listing",
				 span_of(block->octets, block->n),
				 &block->memfd);
	if (err == YB_OK)
		*ret_fd = block->memfd;
	return err;
}
