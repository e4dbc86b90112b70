/*
 * The mailbox store: the one narrow door through which the rest reaches mail.
 * All calls are made by one thread, the owner of the store's state; what
 * blocks runs in a pool, and its results come back in store_run(). A callback
 * may run before the call that was given it returns.
 *
 * The invariants I1 to I11 stand at the head of store.c.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"
#include "mime/listing.h"

struct store;
struct store_snapshot;
struct os_storage; /* os/storage.h: the table of calls to the disk */

struct account_id {
	uint8_t octets[16];
};

enum {
	STORE_INBOX = 1,
	STORE_MAIN_DEVICE = 0,
	STORE_DEVICES_MAX = 64,
	/* Of one delivery: the recipients that SMTP takes at most. */
	STORE_PLACES_MAX = 1000,
};

/*
 * Who deletes, as the log of the server names it: "w0.1f2e3d4c.5" is a
 * session of worker 0, "c.1f2e3d4c.5" a command. A kind of 0 is nobody.
 */
struct store_session {
	uint32_t start;  /* of the process; random */
	uint32_t number; /* within it */
	uint8_t worker;
	uint8_t kind; /* enum store_session_kind */
};

enum store_session_kind {
	STORE_NOBODY,
	STORE_WORKER_SESSION,
	STORE_COMMAND,
};

enum { STORE_SESSION_TEXT = 40 };

/* "" for nobody. */
void store_session_print(const struct store_session *session,
			 char ret[STORE_SESSION_TEXT]);
bool store_session_parse(struct span text, struct store_session *ret);

struct store_place {
	struct account_id account;
	uint32_t mailbox; /* STORE_INBOX */
};

/* The clocks that the store looks at. */
struct store_clock {
	int64_t (*real_ns)(void *ctx);  /* since 1970; may jump */
	uint64_t (*mono_ms)(void *ctx); /* never jumps */
	void *ctx;
};

/* Something an administrator should read; one line, no line end. */
typedef void store_report_fn(void *ctx, const char *line);

struct store_config {
	const char *path;            /* of the store's folder, which exists */
	const struct os_storage *os; /* NULL: the real disk */
	unsigned threads;            /* of the pool; 0: run all in the caller */
	size_t cached_mailboxes;     /* kept open while unused; 0: default */
	size_t fds_max;              /* that logs may keep open; 0: default */
	unsigned undelete_days;      /* 0: deleted is gone */
	uint64_t ballast_octets;     /* given up when the disk is full */
	/*
	 * Where so many mailboxes want a sync at once, one of the journal
	 * serves all; it has twice so many octets. 0: there is none.
	 */
	size_t journal_least;
	uint64_t journal_octets;
	bool journal_at_once; /* made at the first wish, for tests */
	/* Messages that an index on the disk may be behind its log, for a
	 * second or so; a start after a crash reads as many. */
	size_t index_lag;
	/*
	 * Unless NULL, called when something is to be synced: the caller
	 * calls store_turn() soon, when more may have come.
	 */
	void (*defer)(void *ctx);
	const struct store_clock *clock; /* NULL: the real ones */
	store_report_fn *report;         /* or NULL */
	void *ctx;
};

/*
 * Takes STORE/lock. BUSY if another process has it; NOT_FOUND, ACCESS, IO.
 */
YB_CHECKED enum yb_err store_open(const struct store_config *config,
				  struct store **ret);

/*
 * Waits for what runs, calls what waits, closes. Snapshots are closed before.
 * Takes NULL.
 */
void store_close(struct store **st);

/* Readable when store_run() has something to do. -1 without threads. */
int store_fd(const struct store *st);

/* Takes finished work from the pool and calls back. */
void store_run(struct store *st);

/* Begins the syncs that config.defer was called for. */
void store_turn(struct store *st);

/*
 * Lets the store see that time passes: about once a second, by whoever runs
 * for long.
 */
void store_tick(struct store *st);

/* Gives up what the store does by itself; deliveries go on. */
void store_stop(struct store *st);

/* Whether nothing is in flight: no append waits for its sync. */
bool store_is_idle(const struct store *st);

/* ---- reading ---- */

/* On YB_OK the snapshot is the callee's to close. */
typedef void store_opened_fn(void *ctx, enum yb_err err,
			     struct store_snapshot *snapshot);

/*
 * Opens what the mailbox holds now, as seen by `device`. A mailbox without
 * files is empty, not an error. CORRUPT, VERSION, IO, NOMEM.
 */
void store_snapshot_open(struct store *st, struct store_place place,
			 uint32_t device, store_opened_fn *opened, void *ctx);

/* The listing; valid until the snapshot is closed. Aligned to 8. */
struct span store_snapshot_listing(const struct store_snapshot *snapshot);

/* Not 0; the same for two snapshots means the same listing. Never used again,
 * but by another opening of the store. */
uint64_t store_snapshot_listing_number(const struct store_snapshot *snapshot);

/*
 * A sealed memfd of the listing, made at the first call and shared by all
 * snapshots of the same state; borrowed until the snapshot is closed.
 */
YB_CHECKED enum yb_err
store_snapshot_memfd(const struct store_snapshot *snapshot, int *ret_fd);

/*
 * The log that the rows point into, read-only, of the snapshot's generation;
 * borrowed until the snapshot is closed. NO_MSG if the mailbox is empty.
 */
YB_CHECKED enum yb_err store_snapshot_log(struct store_snapshot *snapshot,
					  int *ret_fd);

/* Takes NULL. */
void store_snapshot_close(struct store_snapshot **snapshot);

/* ---- deleting ---- */

struct uid_range {
	uint32_t first, last; /* inclusive; first <= last */
};

typedef void store_done_fn(void *ctx, enum yb_err err);

/* What deleting or undeleting did. */
struct store_change {
	uint64_t messages; /* hidden, or brought back */
	uint64_t before;   /* visible ones until then */
};

typedef void store_changed_fn(void *ctx, enum yb_err err,
			      struct store_change change);

/*
 * Hides messages of the snapshot's mailbox: one record, all or none, synced
 * before `done` (I3), which names `by`, unless that is NULL. Ranges rise and
 * do not touch; uids that are gone already are not an error. The snapshot
 * itself does not change and may be closed meanwhile. INVALID for malformed
 * ranges, IO, FULL, READ_ONLY.
 */
void store_expunge(struct store_snapshot *snapshot,
		   const struct store_session *by,
		   const struct uid_range *ranges, size_t n,
		   store_changed_fn *done, void *ctx);

/* The same without a snapshot. */
void store_delete(struct store *st, struct store_place place,
		  const struct store_session *by,
		  const struct uid_range *ranges, size_t n,
		  store_changed_fn *done, void *ctx);

/* Which of the deleted messages: all that fit each of these. */
struct store_undelete {
	const struct uid_range *ranges; /* copied; NULL: of any uid */
	size_t ranges_n;
	int64_t since_s;           /* deleted since; 0: whenever */
	struct store_session from; /* by this one; a kind of 0: by anybody */
	bool expired_too;          /* also those whose time has run out */
};

/*
 * Brings deleted messages back whose time has not run out: each with a new
 * uid and its old UIDL, one record for all, synced before `done`.
 */
void store_undelete(struct store *st, struct store_place place,
		    const struct store_session *by,
		    const struct store_undelete *what, store_changed_fn *done,
		    void *ctx);

/* ---- looking ---- */

struct store_row {
	uint64_t octets; /* as POP3 counts them */
	uint64_t wire_size;
	int64_t received_ns;
	uint32_t uid;
	uint32_t header_size;
	unsigned flags; /* enum wire_flags */
	char uidl[UIDL_MAX + 1];
	bool deleted;
	int64_t deleted_s;       /* when, since 1970 */
	struct store_session by; /* who deleted it */
};

/* `more`: there are others behind the last. */
typedef void store_rows_fn(void *ctx, enum yb_err err,
			   const struct store_row *rows, size_t n, bool more);

enum {
	/* A page of a command's answer has fewer. */
	STORE_ROWS_MAX = 512,
};

/*
 * Up to `max` messages with uids above `after`: visible ones, or, with
 * `deleted`, those that store_undelete() could bring back.
 */
void store_list(struct store *st, struct store_place place, uint32_t after,
		bool deleted, size_t max, store_rows_fn *told, void *ctx);

/* `octets` are borrowed until the return. */
typedef void store_octets_fn(void *ctx, enum yb_err err,
			     const struct store_row *row, struct span octets);

/*
 * Up to `n` octets at `at` of a message's wire form, deleted ones too; fewer
 * at its end. NO_MSG if there is no such message.
 */
void store_read(struct store *st, struct store_place place, uint32_t uid,
		uint64_t at, size_t n, store_octets_fn *told, void *ctx);

/* Damaged octets that were set aside. */
struct store_aside {
	char name[48];   /* of the file in the mailbox's folder */
	uint64_t offset; /* in the log, where they were */
	uint32_t uid;    /* of the message that they were; 0: not known */
};

typedef void store_aside_fn(void *ctx, enum yb_err err,
			    const struct store_aside *aside,
			    struct span octets);

/*
 * Up to `n` octets at `at` of what was set aside as number `number`, from 0:
 * of a message's wire form if its record's header is good. NO_MSG behind the
 * last.
 */
void store_read_aside(struct store *st, struct store_place place, size_t number,
		      uint64_t at, size_t n, store_aside_fn *told, void *ctx);

/* ---- copying ---- */

struct store_totals {
	uint64_t messages, octets;
};

/* A mailbox log as it stands, for a backup. */
struct store_log {
	int fd;                     /* read-only; borrowed until the return */
	uint64_t upto;              /* all below is synced, and never changes */
	uint64_t generation;        /* another one is another file */
	struct store_totals totals; /* what a session would see of it */
};

/* `log` is NULL unless `err` is YB_OK. */
typedef void store_lent_fn(void *ctx, enum yb_err err,
			   const struct store_log *log);

/* Lends the log of a mailbox. NO_MSG if it has no files. */
void store_lend(struct store *st, struct store_place place, store_lent_fn *lent,
		void *ctx);

/* ---- delivering ---- */

enum store_delivery_mode {
	STORE_ALL_OR_NONE, /* SMTP: one outcome for all (I10) */
	STORE_EACH,        /* LMTP: an outcome a recipient */
};

/* What a mailbox may hold; 0 is no limit. Deleted mail does not count. */
struct store_quota {
	uint64_t octets, messages;
};

/*
 * A message in wire form: `prefix` (trace fields), then either `wire` in
 * memory or `wire_n` octets at `wire_at` of `fd`. The store copies or reads
 * them once, checking the form; INVALID or BARE_LINE_END if it is wrong.
 */
struct store_delivery {
	enum store_delivery_mode mode;
	const struct store_place *places;
	const struct store_quota *quotas; /* of each place; NULL: none */
	size_t places_n;                  /* at most STORE_PLACES_MAX */
	struct span prefix; /* whole lines of wire form; may be empty */
	struct span wire;   /* used if fd < 0 */
	int fd;             /* or -1; borrowed until `delivered` */
	uint64_t wire_at, wire_n;
	int64_t received_ns; /* UTC since 1970 */
	const uint8_t *id;   /* 16 octets; NULL: a new one (I4) */
};

/*
 * `errs` has an outcome for each place, in order. A place that is named twice
 * gets one copy, and its outcome twice.
 */
typedef void store_delivered_fn(void *ctx, const enum yb_err *errs, size_t n);

/*
 * Delivers; a place whose quota it would pass gets QUOTA, or OVER_QUOTA if
 * it can never fit. `delivered` comes once every copy is synced or has failed.
 * The memory of `delivery`, its places and spans, is not used after the return.
 */
void store_deliver(struct store *st, const struct store_delivery *delivery,
		   store_delivered_fn *delivered, void *ctx);

/* A message of a backup, in wire form at `at` of a file. */
struct store_copy {
	uint8_t id[16];
	int64_t received_ns;
	uint64_t at, n;
};

enum {
	/* As many as one request of a command holds. */
	STORE_COPIES_MAX = 512,
};

/*
 * Brings messages back under the ids, and so the UIDLs, that they had: what is
 * deleted is undeleted, also if its time has run out; what is gone is taken
 * from `fd`, borrowed until `added`. `errs` has an outcome for each: EXISTS
 * if the mailbox shows it already. BUSY for all while another call is at it,
 * since ids must not come twice (I4).
 */
void store_add(struct store *st, struct store_place place, int fd,
	       const struct store_copy *copies, size_t n,
	       store_delivered_fn *added, void *ctx);

/*
 * An unnamed file on the store's disk for a body that is too large for
 * memory; the caller closes it. FULL, IO.
 */
YB_CHECKED enum yb_err store_spool(struct store *st, int *ret_fd);

/* ---- space ---- */

struct store_compacted {
	uint64_t before, after; /* octets of the log */
};

typedef void store_compacted_fn(void *ctx, enum yb_err err,
				struct store_compacted compacted);

/*
 * Writes the mailbox's log anew without what is dead in it, while mail comes
 * and goes. BUSY if that is being done already, or files are being opened.
 */
void store_compact(struct store *st, struct store_place place,
		   store_compacted_fn *told, void *ctx);

/* Octets of a log that are no good record. */
struct store_fault {
	uint64_t at, end;
	uint32_t uid; /* of the message whose body it is; 0: not known */
};

struct store_checked {
	uint64_t octets;   /* of the log */
	uint64_t records;  /* good ones */
	uint64_t messages; /* visible ones */
	uint64_t damaged;  /* octets */
	bool index_wrong;  /* sessions see something else than the log says */
	const struct store_fault *faults; /* the first of them */
	size_t faults_n;
};

typedef void store_checked_fn(void *ctx, enum yb_err err,
			      const struct store_checked *checked);

/*
 * Reads all of a mailbox's log and checks every sum, and what sessions see
 * against it, while mail comes and goes. A mailbox without files is whole.
 * CORRUPT if it cannot be opened at all; SNAPSHOT_GONE if its log was
 * replaced meanwhile.
 */
void store_check(struct store *st, struct store_place place, bool slowly,
		 store_checked_fn *told, void *ctx);

/*
 * Makes log and index anew from what is good, as store_compact() does even
 * where there is nothing to give back; damage is kept in files damaged.*
 * beside the log.
 */
void store_repair(struct store *st, struct store_place place,
		  store_compacted_fn *told, void *ctx);

typedef void store_numbers_fn(void *ctx, enum yb_err err,
			      const uint32_t *numbers, size_t n);

/* Which mailboxes of an account have files. */
void store_mailboxes(struct store *st, struct account_id account,
		     store_numbers_fn *told, void *ctx);

/* ---- accounts ---- */

typedef void store_totals_fn(void *ctx, enum yb_err err,
			     struct store_totals totals);

/* What a mailbox holds, without opening a snapshot for a session. */
void store_totals(struct store *st, struct store_place place,
		  store_totals_fn *told, void *ctx);

/*
 * Removes all mail of an account: the folder is renamed out of the way and
 * the name synced before `done`; its files are deleted behind it. An account
 * without files is not an error.
 */
void store_remove_account(struct store *st, struct account_id account,
			  store_done_fn *done, void *ctx);

#endif
