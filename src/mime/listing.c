#include "mime/listing.h"

#include "base/codec.h"
#include "base/map.h"
#include "base/num.h"

/* Whether `n` octets at `at` lie inside a block of `size`. */
static bool is_inside(uint64_t at, uint64_t n, size_t size)
{
	return at <= size && n <= size - at;
}

enum yb_err listing_view(struct span block, struct listing *ret)
{
	const struct listing_head *head = (const void *)block.p;
	uint64_t rows_n;

	if (block.n < sizeof *head || (uintptr_t)block.p % 8 != 0)
		return YB_CORRUPT;
	/* 2^32 rows of 40 octets cannot overflow 64 bits. */
	rows_n = (uint64_t)head->count * sizeof(struct listing_row);
	if (head->magic != LISTING_MAGIC ||
	    !is_inside(sizeof *head, rows_n, block.n) ||
	    !is_inside(head->uidl_at, head->uidl_n, block.n) ||
	    !is_inside(head->list_at, head->list_n, block.n))
		return YB_CORRUPT;
	*ret = (struct listing){
		.head = head,
		.rows = (const void *)(block.p + sizeof *head),
		.uidl = span_of(block.p + head->uidl_at, head->uidl_n),
		.list = span_of(block.p + head->list_at, head->list_n),
	};
	return YB_OK;
}

struct span listing_uidl(const struct listing *l, uint32_t index)
{
	struct span line;

	if (index >= l->head->count)
		return SPAN_NONE;
	line = span_skip(l->uidl, l->rows[index].uidl_line);
	(void)span_cut(&line, ' ');
	/* Bounds the search in a block whose line ends are missing. */
	line = span_head(line, UIDL_MAX + 1);
	line.n = span_find(line, '\r');
	return line.n <= UIDL_MAX ? line : SPAN_NONE;
}

uint64_t listing_uidl_hash(struct span uidl)
{
	uint8_t id[16];

	if (base32_parse_id(uidl, id))
		return get_le64(id);
	return hash_octets(uidl, 0);
}
