/*
 * What the files of the store share. All of it belongs to one thread, the
 * caller's of store.h; jobs of the pool get copies and pinned descriptors.
 *
 *	store.c     open, close, the loop that calls back; the invariants
 *	load.c      what the files of a mailbox are worth; recover.c the
 *	            records that the index does not know, damage, torn tails
 *	cache.c     mailboxes in memory: found, loaded, created, given up
 *	logfile.c   descriptors of logs, bounded in number
 *	deliver.c   deliveries; change.c deletes and undeletes
 *	append.c    how they are queued, written, cut back
 *	copy.c      bodies too large for the owner's thread
 *	sync.c      group commit, publishing, failed syncs
 *	journal.c   one sync for many mailboxes; journal_file.c its octets
 *	generation.c  when a log is compacted; compact.c how, compact_copy.c
 *	            what is kept
 *	space.c     full disks
 *	fsck.c      checks a log while it is used
 *	sweep.c     finds what nobody opens; places.c what there is
 *	set_aside.c files of what is no good record
 *	snapshot.c  what sessions see; query.c what commands see
 *	lend.c      logs for backups; add.c messages out of them
 *	clock.c     what time it is, as far as that can be believed
 *	remove.c    accounts that go
 */
#ifndef STORE_PRIVATE_H
#define STORE_PRIVATE_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "mime/wire.h"
#include "store/files.h"
#include "store/index.h"
#include "store/journal_file.h"
#include "store/listing_make.h"
#include "os/pool.h"
#include "store/store.h"

enum {
	/*
	 * Descriptors that logs may keep open, unless configured. More would
	 * only keep warm what nobody has asked for lately.
	 */
	STORE_FDS_DEFAULT = 8192,
	/* Mailboxes kept while nobody uses them, unless configured. */
	STORE_CACHED_DEFAULT = 4096,
	/* And the memory that they may take: about a million messages. */
	STORE_CACHED_OCTETS = 256 * 1024 * 1024,
	/* Larger bodies are copied by the pool: 0.1 ms of the one thread. */
	STORE_INLINE_MAX = 256 * 1024,
	/* Space reserved ahead of a log's end grows between these. */
	STORE_RESERVE_MIN = 64 * 1024,
	STORE_RESERVE_MAX = 1024 * 1024,
	/* A log whose rewriting failed is not tried again before. */
	STORE_RETRY_MS = 1000,
};

/* Something that ended; called when the owner's stack is shallow. */
struct completion {
	struct list link;
	void (*call)(struct completion *c); /* frees it */
};

/* What clock.c knows of the time. */
struct clock_state {
	bool known;       /* a moment was seen */
	int64_t seen_ns;  /* what the clock said then */
	uint64_t seen_ms; /* and the one that never jumps */
	bool held;        /* it is too far ahead of that */
	int64_t held_ns;  /* since then */
	uint64_t held_ms;
	uint64_t saved_ms; /* when STORE/clock was written, or 0 */
};

/* A walk over all mailboxes. */
struct sweep_state {
	bool running; /* a job of it */
	bool first;   /* from the first account on, else behind `after` */
	struct account_id after;
	uint64_t due_ms;   /* the next walk; 0: not set yet */
	uint64_t begun_ms; /* `due_ms` of the walk in progress */
};

/* What space.c knows of the disk. */
struct space_state {
	bool full;       /* something found no room lately */
	bool held;       /* the ballast is there */
	bool given_up;   /* it was there, and no mail is taken */
	bool impossible; /* this file system has none */
	bool filling;    /* a job of it */
	bool checked;    /* whether it is whole */
	unsigned round;  /* how much deleted mail is freed early */
	uint64_t fill_ms;
};

/* What journal.c knows. */
struct journal {
	enum {
		JOURNAL_NONE,
		JOURNAL_MAKING,
		JOURNAL_READY,
		JOURNAL_GIVEN_UP,
	} state;
	struct journal_file file;
	unsigned wishes;   /* how often it would have been of use */
	uint64_t again_ms; /* not made before */
	bool busy;         /* a batch is on its way */
	uint64_t last_ms;  /* when the last one began */
	uint8_t *buffer;   /* of a batch */
	unsigned active;   /* half that takes batches */
	uint64_t used;     /* octets of it */
	uint64_t epoch;    /* of it */
	struct list logs;  /* mailboxes whose logs are not synced */
	size_t logs_n;
	size_t logs_of[JOURNAL_HALVES]; /* with octets in that half */
	unsigned draining;              /* halves whose logs are synced */
	unsigned drains;                /* such syncs on their way */
};

struct store {
	struct store_config config;
	struct space_state space;
	struct sweep_state sweep;
	struct clock_state clock;
	struct files files;
	const struct os_storage *os;
	struct pool *pool;
	int lock_fd;
	struct map mailboxes; /* by place */
	struct list unused;   /* mailboxes nobody uses, oldest first */
	size_t unused_n, unused_octets;
	struct list closable; /* log_files with fds to spare, LRU */
	size_t fds_n;
	struct list kicked;   /* mailboxes whose queue may move */
	struct list finished; /* completions */
	struct list removals;
	struct list candidates; /* mailboxes that may be worth compacting */
	size_t compactions;     /* in progress */
	size_t operations;      /* taken and not answered */
	size_t snapshots_n;
	struct list lagging; /* mailboxes whose indexes are behind */
	size_t lagging_n;
	uint64_t listings_made;
	struct list unsynced; /* mailboxes that wait for a sync to begin */
	struct journal journal;
	bool adding;  /* store_add() is at work */
	bool turning; /* syncs are to begin: a turn has ended */
	bool settling;
};

/* One generation of a log. */
struct log_file {
	struct store *st;
	unsigned refs;    /* mailbox, snapshots, jobs */
	unsigned pins;    /* who needs `fd` and `index_fd` now */
	unsigned readers; /* snapshots that lent out `read_fd` */
	int fd, index_fd; /* for the store; -1: closed */
	int read_fd;      /* for workers: cannot write */
	uint64_t trim;    /* blocks reserved behind this size are given back
			   * when `fd` is closed; 0: there are none */
	uint64_t generation;
	bool replaced; /* its name is another's: closing it frees its blocks */
	struct list closable;
};

enum mailbox_state {
	MAILBOX_COLD,   /* nothing known */
	MAILBOX_ABSENT, /* has no files */
	MAILBOX_READY,
};

enum mailbox_work {
	MAILBOX_IDLE,
	MAILBOX_LOADING,
	MAILBOX_CREATING,
	MAILBOX_REOPENING,
	MAILBOX_REWRITING,
	MAILBOX_SWITCHING, /* a compacted log is about to take over */
};

struct removal;
struct compaction;

struct mailbox {
	struct store *st;
	struct store_place place;
	unsigned users; /* parts, openers, snapshots, jobs */
	unsigned jobs;  /* in the pool */
	enum mailbox_state state;
	enum mailbox_work work;
	bool syncing;
	bool removed;      /* its account is going; not in the map */
	bool read_only;    /* a newer program's log */
	bool failed;       /* I11: above `durable` nothing is to be believed */
	bool held;         /* pins its log while it has failed */
	bool distrust;     /* a sync while loading failed */
	bool index_stale;  /* a write failed; rebuilt at the next opening */
	unsigned failures; /* how often `failed` became true */
	uint64_t retry_ms;
	uint64_t changed_ms; /* when something was appended last */
	struct removal *removal;
	struct compaction *compaction; /* in progress, or NULL */
	struct list candidate;         /* in st->candidates */
	struct list link;              /* in st->unused */
	struct list kick;              /* in st->kicked */
	size_t counted;                /* octets, while in st->unused */
	struct list queue;             /* parts not yet written, in order */
	struct list pending; /* parts written, not yet synced, in order */
	uint64_t pending_octets;
	size_t pending_adds; /* entries that these will add to the table */
	struct list openers;
	struct list unsynced;     /* in st->unsynced */
	struct list in_journal;   /* in st->journal.logs */
	struct list lagging;      /* in st->lagging */
	size_t index_n;           /* entries that the index has */
	struct log_file *lag_log; /* pinned while that is behind */
	unsigned in_halves;       /* bits: the log is not synced, but there */
	struct log_file *journal_log; /* pinned as long */
	struct log_head head;
	struct log_file *log;
	struct index_table table; /* what is published */
	uint64_t tail;            /* end of the log */
	uint64_t durable;  /* synced up to here, in the log or the journal */
	uint64_t reserved; /* blocks are reserved up to here */
	uint64_t appended; /* octets since it was opened */
	uint64_t next_uid, next_seq;
	struct listing_block *listing; /* of `table`, or NULL */
	bool listing_grows; /* it lacks messages that came since, only */
};

enum part_state {
	PART_QUEUED,
	PART_COPYING, /* in the queue still, while the pool writes it */
	PART_PENDING,
	PART_DONE,
};

/* One log's share of an operation. */
struct part {
	struct operation *op;
	struct mailbox *mb;
	struct part *twin; /* stands for this one too, or NULL */
	struct list link;  /* in mb->queue or mb->pending */
	enum part_state state;
	enum yb_err err;
	unsigned failures; /* of mb, when it was written */
	uint64_t at, end;
	uint64_t head_sum;
	struct store_quota quota;
	struct log_record record;
};

/* A delivery or an expunge. */
struct operation {
	struct completion done;
	struct store *st;
	enum store_delivery_mode mode;
	unsigned type;            /* LOG_MESSAGE, LOG_EXPUNGE, LOG_UNDELETE */
	struct span prefix, wire; /* borrowed until `owned` is set */
	uint8_t *owned;
	int fd; /* or -1 */
	uint64_t wire_at, wire_n;
	struct wire_check check; /* of a whole body in memory */
	int64_t received_ns;
	bool has_id; /* the message had one before */
	uint8_t id[16];
	bool copying;
	struct store_session by; /* of other types than LOG_MESSAGE */
	uint32_t total;          /* messages that an UNDELETE brings back */
	struct store_change change;
	store_delivered_fn *delivered; /* or */
	store_changed_fn *changed;
	void *ctx;
	enum yb_err *errs; /* the answer; behind the parts */
	size_t left;       /* parts not done */
	size_t parts_n;
	struct part parts[];
};

/* Called with a mailbox that is READY or ABSENT, if `err` is YB_OK. */
typedef void opener_then_fn(void *ctx, enum yb_err err, struct mailbox *mb);

/* A snapshot, totals, or a step of the store's own on the way. */
struct opener {
	struct completion done;
	struct list link; /* in mb->openers */
	struct mailbox *mb;
	uint32_t device;
	enum yb_err err;
	store_opened_fn *opened; /* or */
	store_totals_fn *told;   /* or */
	opener_then_fn *then;
	void *ctx;
};

struct store_snapshot {
	struct mailbox *mb;
	struct log_file *log; /* NULL: the mailbox has no files */
	struct listing_block *listing;
	bool reading; /* holds log->read_fd */
};

/* A job that works on one mailbox. */
struct mailbox_job {
	struct pool_job job;
	struct mailbox *mb;
	struct log_file *log; /* pinned, or NULL */
	enum yb_err err;
};

/* ---- store.c ---- */
void store_finish(struct store *st, struct completion *c);
void store_settle(struct store *st);
void store_report(struct store *st, const char *line);

/* ---- cache.c ---- */
/* One use of the mailbox; NOMEM, NO_ACCOUNT while its account is going. */
YB_CHECKED enum yb_err mailbox_get(struct store *st,
				   const struct store_place *place,
				   struct mailbox **ret);
void mailbox_use(struct mailbox *mb);
void mailbox_unuse(struct mailbox **mb);
/* OK: go on. AGAIN: mailbox_kick() comes later. Else: cannot be. */
enum yb_err mailbox_prepare(struct mailbox *mb, bool write);
void mailbox_kick(struct mailbox *mb);
/* Everybody who waits for the mailbox gets `err`. */
void mailbox_fail_waiting(struct mailbox *mb, enum yb_err err);
void mailbox_drop_unused(struct store *st, size_t keep);
/* Takes a use of the mailbox, and a pin of its log unless that is NULL. */
void mailbox_job_enter(struct mailbox_job *job, struct mailbox *mb,
		       struct log_file *log);
/* The same, and gives the job to the pool. */
void mailbox_job_give(struct mailbox_job *job, struct mailbox *mb,
		      struct log_file *log);
/* Gives the pin and the job's count back, not the use. */
void mailbox_job_leave(struct mailbox_job *job);
/* Gives all back and frees it; last thing that a `done` does. */
void mailbox_job_end(struct mailbox_job *job);
void mailbox_forget_listing(struct mailbox *mb);
/* Tells the administrator, a line at a time. */
void mailbox_pass_reports(struct store *st, struct buf *reports);

/* ---- logfile.c ---- */
/* Takes over the descriptors. NULL if out of memory: they are closed. */
struct log_file *log_file_new(struct store *st, uint64_t generation, int fd,
			      int index_fd);
void log_file_unref(struct log_file **log);
void log_file_pin(struct log_file *log);
void log_file_unpin(struct log_file *log);
void log_file_close_index(struct log_file *log);
/* Reopened: takes over the descriptors. */
void log_file_adopt(struct log_file *log, int fd, int index_fd);
void log_file_adopt_reader(struct log_file *log, int read_fd);
void log_file_add_reader(struct log_file *log);
void log_file_drop_reader(struct log_file *log);
/* Opens "log" of the place if it is this generation. */
YB_CHECKED enum yb_err log_file_open(const struct files *f,
				     const struct log_head *head,
				     enum storage_how how, int *ret_fd);
/* Closes unneeded descriptors until the limit is kept; OVERLOAD. */
YB_CHECKED enum yb_err log_file_make_room(struct store *st);

/* ---- append.c ---- */
/* Its parts have no mailboxes yet. NULL if out of memory. */
struct operation *operation_new(struct store *st, unsigned type,
				size_t parts_n);
/* With its mailboxes and body set: queues it, writes it if that can be. */
void operation_start(struct operation *op);
/* Lets an operation go on; whether it left its queues. */
bool operation_try(struct operation *op);
void part_fail(struct part *part, enum yb_err err);
/* Written: into mb->pending. */
void part_written(struct part *part);
void part_done(struct part *part, enum yb_err err);
size_t part_adds(const struct part *part);
/* It is no longer on the way: published, or failed. */
void part_forget_pending(struct part *part);
/* Numbers and place of the next record; QUOTA, NOMEM. */
YB_CHECKED enum yb_err part_begin(struct part *part);
void part_cut_back(struct part *part);
void mailbox_reserve(struct mailbox *mb, uint64_t end);
/* After the parts were written or failed: I10, then syncs. */
void operation_written(struct operation *op);

/* ---- copy.c ---- */
/* NOMEM: nothing was begun. */
YB_CHECKED enum yb_err operation_copy(struct operation *op);

/* ---- sync.c ---- */
/* What is pending is to be synced: from the turn's end on. */
void mailbox_sync(struct mailbox *mb);
/* The log's own sync, now; `drains`: for the journal's sake. */
void mailbox_sync_alone(struct mailbox *mb, bool drains);
/* A sync that covers all below `upto` has ended. */
void mailbox_synced(struct mailbox *mb, uint64_t upto, bool good);
void syncs_begin(struct store *st);
void mailbox_write_index(struct mailbox *mb);
/* Its index is not to be written: another one has taken its place. */
void mailbox_stop_lagging(struct mailbox *mb);
/* Writes indexes that are behind, oldest first, until only `left` are. */
void indexes_catch_up(struct store *st, size_t left);
void mailbox_fail(struct mailbox *mb);
void mailbox_rewrite(struct mailbox *mb);

/* ---- journal.c ---- */
/* Brings what is left of a crash into the logs, before any is opened. */
YB_CHECKED enum yb_err journal_open(struct store *st);
/* Has the journal sync those that wait; false if each has to by itself. */
bool journal_sync(struct store *st);
/* The log is synced, or no longer counts. */
void journal_forget(struct mailbox *mb);
/* Syncs logs so that a half can be used again. */
void journal_drain(struct store *st);
void journal_tick(struct store *st);
void journal_close(struct store *st);

/* ---- generation.c ---- */
/* Deleted messages are freed that were deleted before this second. */
uint32_t store_free_before(struct store *st);
/* Its log has changed: it may have become worth compacting. */
void mailbox_consider(struct mailbox *mb);
/* What a compaction waited for may have ended. */
void compaction_go_on(struct mailbox *mb);
void compaction_tick(struct store *st);
/* Removes what has lain about in the folder for long. */
void compaction_clean(struct mailbox *mb);

/* ---- space.c ---- */
void space_open(struct store *st);
/* Something found no room on the disk. */
void space_note(struct store *st);
/* The same; gives the ballast up. Whether there is more room now. */
bool space_give_up(struct store *st);
/* A message found room. */
void space_taken(struct store *st);
/* A compaction gave space back. */
void space_freed(struct store *st);
/* A walk over all mailboxes has ended. */
void space_swept(struct store *st);
/* How long deleted mail is kept at present. */
int64_t space_keep_s(const struct store *st);
void space_tick(struct store *st);

/* ---- sweep.c ---- */
void sweep_tick(struct store *st);

/* ---- snapshot.c ---- */
void opener_finish(struct opener *o, enum yb_err err);
/* Loads the mailbox if need be, then calls; the mailbox is its own only until
 * `then` returns. */
void mailbox_open_then(struct store *st, struct store_place place,
		       opener_then_fn *then, void *ctx);

/* ---- clock.c ---- */
int64_t store_now_ns(const struct store *st);
uint64_t store_mono_ms(const struct store *st);
/* Whether a deleted message may still be brought back. */
bool store_may_return(struct store *st, const struct index_entry *e);
void store_clock_open(struct store *st);
/* Whether the clock is too far ahead to free anything by it. */
bool store_clock_is_held(struct store *st);
void store_clock_tick(struct store *st);

/* ---- remove.c ---- */
bool removal_covers(const struct store *st, const struct account_id *account);
/* A job of a mailbox that is going has ended. */
void removal_check(struct mailbox *mb);
/* Deletes what earlier removals left behind. */
void removal_clean(struct store *st);

#endif
