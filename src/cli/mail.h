/*
 * The messages of a maildrop as `yubin mail` sees them: rows page by page,
 * octets part by part, and the words that name messages on a command line.
 */
#ifndef CLI_MAIL_H
#define CLI_MAIL_H

#include "base/buf.h"
#include "cli/work.h"
#include "store/store.h"

struct mail {
	struct work work;
	uint8_t account[16];
	const struct invocation *inv;
};

struct mail_row {
	uint64_t uid, octets, wire_size, header_size;
	int64_t received_ns;
	int64_t deleted_s; /* 0: it is not */
	char uidl[UIDL_MAX + 1];
	char by[STORE_SESSION_TEXT]; /* who deleted it, or "" */
};

/* COMMAND_OK, or the exit code; mail_end() is due in both cases. */
int mail_begin(const struct invocation *inv, struct mail *m);
int mail_end(struct mail *m, int code);

/* Begins a request about the maildrop. */
void mail_request(struct mail *m, enum control_type type);

/* False ends the walk; it may ask for more itself. */
typedef bool mail_row_fn(void *ctx, const struct mail_row *row);

/* All messages in the order of their uids; `deleted`: those that are. */
int mail_walk(struct mail *m, bool deleted, mail_row_fn *each, void *ctx);

/*
 * A part of the message's wire form; `row` may be NULL. NO_MSG is not told of,
 * everything else is.
 */
YB_CHECKED enum yb_err mail_read(struct mail *m, uint64_t uid, uint64_t at,
				 struct mail_row *row, struct span *ret);

/*
 * The uids that words name: "17", "3-9", or a UIDL. Ranges rise and do not
 * touch. An unknown word is told of.
 */
int mail_parse(struct mail *m, const char *const *words, bool deleted,
	       struct buf *ret_ranges);

/* Whether a uid is in such ranges. */
bool mail_is_named(struct span ranges, uint64_t uid);

/* The value of a header field in `head`, unfolded; "" if there is none. */
void mail_field(struct span head, const char *name, char *dst, size_t cap);

/*
 * Foreign octets for a terminal: whatever would not be seen as itself (control
 * characters, what is no UTF-8, marks that turn the direction of text) is
 * shown as \xNN. Line ends become plain ones.
 */
void mail_print_safe(FILE *to, struct span text);

#endif
