/*
 * The listing of a mailbox: what a session needs to know of every message,
 * as one block of octets that the store makes once, keeps until the mailbox
 * changes, and shares with all sessions (inline in a message, or as a sealed
 * memfd that workers map). Rows and ready-made text lie side by side:
 *
 *	struct listing_head
 *	struct listing_row rows[count]
 *	UIDL text   "1 uidl\r\n2 uidl\r\n...", what RFC 1939's UIDL answers
 *	LIST text   "1 octets\r\n...", what LIST answers
 *
 * Neither text has the final ".\r\n". Numbers are native: a listing never
 * leaves the machine nor outlives the processes.
 */
#ifndef MIME_LISTING_H
#define MIME_LISTING_H

#include "base/err.h"
#include "base/span.h"

enum {
	LISTING_MAGIC = 0x54534c59, /* "YLST" */
	/* RFC 1939 section 7: a unique-id has 1 to 70 characters. */
	UIDL_MAX = 70,
};

struct listing_head {
	uint32_t magic;
	uint32_t count;   /* messages */
	uint64_t octets;  /* sum over all messages, as POP3's STAT says */
	uint64_t uidl_at; /* offset of the UIDL text in the block */
	uint64_t uidl_n;  /* its octets */
	uint64_t list_at; /* offset of the LIST text in the block */
	uint64_t list_n;
	uint64_t generation; /* of the log that the rows point into */
	uint64_t uidls;      /* sum of listing_uidl_hash() of all messages */
};

struct listing_row {
	uint64_t offset;    /* of the wire form in the log */
	uint64_t wire_size; /* octets of the wire form, ".\r\n" included */
	uint32_t uid;
	uint32_t dots;        /* doubled dots in the wire form */
	uint32_t header_size; /* wire octets up to and with the empty line */
	uint32_t uidl_line;   /* where its line starts in the UIDL text */
	uint32_t flags;       /* enum wire_flags of mime/wire.h */
	uint32_t reserved;
};

/* Borrowed view of a block. */
struct listing {
	const struct listing_head *head;
	const struct listing_row *rows;
	struct span uidl; /* the whole text */
	struct span list;
};

/*
 * Looks at `block`, which must be aligned to 8 and outlive the view. CORRUPT
 * unless every part lies inside it; rows themselves are not looked at.
 */
YB_CHECKED enum yb_err listing_view(struct span block, struct listing *ret);

/* RFC 1939 section 11: size with CRLF line ends, dots not doubled. */
static inline uint64_t listing_octets(const struct listing_row *row)
{
	return row->wire_size - 3 - row->dots;
}

/* The unique-id of message `index` (from 0); empty if the block is wrong. */
struct span listing_uidl(const struct listing *l, uint32_t index);

/*
 * A number for a unique-id, for telling in a log whether two sessions saw the
 * same list: the sum of all does not depend on order, and what is deleted can
 * be taken off it. Ids of ours are random and give their first octets.
 */
uint64_t listing_uidl_hash(struct span uidl);

#endif
