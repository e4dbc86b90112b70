/*
 * A maildrop for engine tests: wire forms one behind the other, as a mailbox
 * log has them, and the listing that a store would make.
 */
#ifndef TESTS_UNIT_PROTO_MAILDROP_H
#define TESTS_UNIT_PROTO_MAILDROP_H

#include "unit/unit.h"

#include "base/buf.h"
#include "mime/listing.h"
#include "mime/wire.h"

enum {
	MAILDROP_MESSAGES_MAX = 4096,
	MAILDROP_LOG_MAX = 16 * 1024 * 1024,
};

struct maildrop {
	struct buf log, uidl, list, block;
	struct listing_row *rows;
	uint32_t count;
	uint64_t octets;
	struct listing listing;
};

static inline void maildrop_init(struct maildrop *m)
{
	*m = (struct maildrop){ .count = 0 };
	buf_init(&m->log, MAILDROP_LOG_MAX);
	buf_init(&m->uidl, MAILDROP_LOG_MAX);
	buf_init(&m->list, MAILDROP_LOG_MAX);
	buf_init(&m->block, MAILDROP_LOG_MAX);
	m->rows = calloc(MAILDROP_MESSAGES_MAX, sizeof *m->rows);
	assert_non_null(m->rows);
}

static inline void maildrop_done(struct maildrop *m)
{
	buf_done(&m->log);
	buf_done(&m->uidl);
	buf_done(&m->list);
	buf_done(&m->block);
	free(m->rows);
}

/* Adds a message of these octets; its unique-id is "uidl-N". */
static inline void maildrop_add(struct maildrop *m, struct span message)
{
	struct listing_row *row = &m->rows[m->count];
	struct wire_check c;

	assert_true(m->count < MAILDROP_MESSAGES_MAX);
	row->offset = m->log.n;
	assert_ok(wire_encode_all(message, &m->log));
	row->wire_size = m->log.n - row->offset;
	wire_check_init(&c);
	wire_check_feed(&c, span_skip(buf_span(&m->log), row->offset));
	assert_ok(wire_check_finish(&c));
	row->dots = (uint32_t)c.dots;
	row->header_size = (uint32_t)c.header_size;
	row->uid = ++m->count;
	row->uidl_line = (uint32_t)m->uidl.n;
	row->flags = c.flags;
	m->octets += listing_octets(row);
	assert_ok(buf_addf(&m->uidl, "%u uidl-%u\r\n", m->count, m->count));
	assert_ok(buf_addf(&m->list, "%u %llu\r\n", m->count,
			   (unsigned long long)listing_octets(row)));
}

/* Makes the listing, once all messages are in. */
static inline void maildrop_seal(struct maildrop *m)
{
	size_t rows_n = m->count * sizeof *m->rows;
	struct listing_head head = {
		.magic = LISTING_MAGIC,
		.count = m->count,
		.octets = m->octets,
		.uidl_at = sizeof head + rows_n,
		.uidl_n = m->uidl.n,
		.list_at = sizeof head + rows_n + m->uidl.n,
		.list_n = m->list.n,
		.generation = 1,
	};

	assert_ok(buf_add(&m->block, span_of(&head, sizeof head)));
	assert_ok(buf_add(&m->block, span_of(m->rows, rows_n)));
	assert_ok(buf_add(&m->block, buf_span(&m->uidl)));
	assert_ok(buf_add(&m->block, buf_span(&m->list)));
	assert_ok(listing_view(buf_span(&m->block), &m->listing));
}

#endif
