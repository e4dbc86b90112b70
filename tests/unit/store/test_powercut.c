/*
 * Simulated power cuts. A random workload runs on a recording disk; then, for
 * a cut behind every recorded call, disks are built as they may be found, the
 * real store opens them, and a model that knows only what was acknowledged
 * checks I1 to I7, I9 and I10. Every second seed keeps deleted mail, brings
 * it back, and checks that it can be; the others free it by compaction.
 *
 * YUBIN_POWERCUT_SEEDS=n runs n workloads, YUBIN_POWERCUT_SEED=s begins with
 * that of seed s. A failure names seed, cut and policy.
 */
#include "unit/store/sim_cut.h"
#include "unit/store/store_help.h"

#include <sys/mman.h>

#include "base/codec.h"
#include <sys/wait.h>

#include "os/fd.h"
#include "os/memfd.h"
#include "store/files.h"
#include "store/log.h"

enum {
	ACCOUNTS = 3,
	MESSAGES_MAX = 160,
	CHANGES_MAX = 200,
	UIDS_MAX = 4000,
	TAKEN_MAX = 8,
	STEPS = 36,
	OPEN_CHANGES_MAX = 12, /* not acknowledged at one cut */
	SEEDS_DEFAULT = 10,
	/* Full after a few messages, so that both halves are used again. */
	JOURNAL_OCTETS = 16 * 1024,
};

#define NEVER SIZE_MAX

struct message {
	struct world *w;
	unsigned id;
	unsigned to; /* bits of accounts */
	char *wire;
	int fd;
	size_t issued;
	/* When it was acknowledged, or shown to a session. */
	size_t acked[ACCOUNTS];
	/* As first seen in each account's mailbox. */
	uint32_t uid[ACCOUNTS];
	char uidl[ACCOUNTS][BUFSIZ / 64];
};

/* A delete, or an undelete: the messages that it hides or shows. */
struct change {
	struct world *w;
	unsigned account;
	bool shows;
	bool names[MESSAGES_MAX];
	size_t issued, acked;
};

/* What a backup took: the start of one generation of a log. */
struct taken {
	struct world *w;
	unsigned account;
	uint64_t generation;
	uint8_t *octets;
	uint64_t n;
	size_t mark;
};

/* A uid that a session saw, and when. */
struct shown_uid {
	unsigned account;
	uint32_t uid;
	size_t mark;
};

struct world {
	struct sim_disk *disk;
	struct store *st;
	uint64_t random;
	struct message messages[MESSAGES_MAX];
	unsigned messages_n;
	unsigned days; /* undelete_days */
	bool journal;  /* syncs of several mailboxes at once go there */
	struct change changes[CHANGES_MAX];
	unsigned changes_n;
	struct taken taken[TAKEN_MAX];
	unsigned taken_n;
	struct shown_uid uids[UIDS_MAX];
	unsigned uids_n;
	char why[256]; /* the first thing that is wrong */
};

static bool wrong(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool wrong(struct world *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (w->why[0] == 0)
		(void)vsnprintf(w->why, sizeof w->why, format, args);
	va_end(args);
	return false;
}

static unsigned roll(struct world *w, unsigned n)
{
	return (unsigned)(cut_random(&w->random) % n);
}

/* ---- the workload ---- */

static char *make_wire(struct world *w, unsigned id)
{
	size_t lines = roll(w, 10) == 0 ? 40 + roll(w, 200) : roll(w, 12);
	size_t cap = 64 + lines * 48;
	char *wire = malloc(cap);
	size_t n;

	assert_non_null(wire);
	n = (size_t)snprintf(wire, cap, "X-Id: %u\r\n\r\n", id);
	for (size_t i = 0; i < lines; i++)
		n += (size_t)snprintf(wire + n, cap - n,
				      "%sline %zu of %u %08x\r\n",
				      roll(w, 6) == 0 ? ".." : "", i, id,
				      roll(w, UINT32_MAX));
	(void)snprintf(wire + n, cap - n, ".\r\n");
	return wire;
}

static void on_delivered(void *ctx, const enum yb_err *errs, size_t n)
{
	struct message *m = ctx;

	size_t mark = sim_mark(m->w->disk), at = 0;

	for (unsigned a = 0; a < ACCOUNTS; a++)
		if ((m->to >> a & 1) != 0 && errs[at++] == YB_OK)
			m->acked[a] = mark;
	assert_int_equal(at, n);
}

static void deliver(struct world *w)
{
	struct message *m = &w->messages[w->messages_n];
	struct store_place places[ACCOUNTS];
	struct store_delivery d = { .places = places,
				    .fd = -1,
				    .received_ns = 7 };
	int fd = -1;

	if (w->messages_n == MESSAGES_MAX)
		return;
	*m = (struct message){ .w = w,
			       .id = w->messages_n++,
			       .fd = -1,
			       .acked = { NEVER, NEVER, NEVER } };
	m->to = 1 + roll(w, (1 << ACCOUNTS) - 1);
	m->wire = make_wire(w, m->id);
	m->issued = sim_mark(w->disk);
	for (uint8_t i = 0; i < ACCOUNTS; i++)
		if ((m->to >> i & 1) != 0)
			places[d.places_n++] = help_place(i);
	d.mode = roll(w, 2) == 0 ? STORE_ALL_OR_NONE : STORE_EACH;
	d.wire = span_str(m->wire);
	if (roll(w, 4) == 0) {
		assert_ok(memfd_make("body", d.wire, &fd));
		d.fd = fd;
		d.wire_n = d.wire.n;
		d.wire = SPAN_NONE;
	}
	store_deliver(w->st, &d, on_delivered, m);
	m->fd = fd; /* open until the store is idle */
}

static void on_changed(void *ctx, enum yb_err err, struct store_change change)
{
	struct change *e = ctx;

	(void)change;
	if (err == YB_OK)
		e->acked = sim_mark(e->w->disk);
}

/* The message that a row holds, or NULL if there is no such message. */
static const struct message *identify(const struct world *w, const char *text)
{
	unsigned id;

	if (sscanf(text, "X-Id: %u\r\n", &id) != 1 || id >= w->messages_n ||
	    strcmp(w->messages[id].wire, text) != 0)
		return NULL;
	return &w->messages[id];
}

/* NULL if there were enough. */
static struct change *new_change(struct world *w, unsigned account, bool shows)
{
	struct change *e = &w->changes[w->changes_n];

	if (w->changes_n == CHANGES_MAX)
		return NULL;
	*e = (struct change){
		.w = w, .account = account, .shows = shows, .acked = NEVER
	};
	return e;
}

static void expunge(struct world *w, struct store_snapshot *s, unsigned account)
{
	struct change *e = new_change(w, account, false);
	struct listing l = help_listing(s);
	struct uid_range ranges[MESSAGES_MAX];
	/* Sometimes all: the log shrinks to its header. */
	bool all = roll(w, 4) == 0;
	size_t n = 0;

	if (e == NULL)
		return;
	for (uint32_t i = 0; i < l.head->count; i++) {
		uint32_t uid = l.rows[i].uid;
		char *text;

		if (!all && roll(w, 3) != 0)
			continue;
		if (n > 0 && ranges[n - 1].last + 1 == uid)
			ranges[n - 1].last = uid;
		else
			ranges[n++] = (struct uid_range){ uid, uid };
		text = help_read(&w->disk->table, s, i);
		e->names[identify(w, text)->id] = true;
		free(text);
	}
	if (n == 0)
		return;
	w->changes_n++;
	e->issued = sim_mark(w->disk);
	store_expunge(s, NULL, ranges, n, on_changed, e);
}

/* The message of that UIDL; every one was shown before it was deleted. */
static int by_uidl(const struct world *w, unsigned account, const char *uidl)
{
	for (unsigned i = 0; i < w->messages_n; i++)
		if (strcmp(w->messages[i].uidl[account], uidl) == 0)
			return (int)i;
	return -1;
}

/* Brings back all that is deleted now; what that is, is known from here. */
static void on_deleted(void *ctx, enum yb_err err, const struct store_row *rows,
		       size_t n, bool more)
{
	struct change *e = ctx;
	struct world *w = e->w;
	const struct store_undelete all = { 0 };

	(void)more;
	if (err != YB_OK || n == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		int id = by_uidl(w, e->account, rows[i].uidl);

		assert_true(id >= 0);
		e->names[id] = true;
	}
	e->issued = sim_mark(w->disk);
	store_undelete(w->st, help_place((uint8_t)e->account), NULL, &all,
		       on_changed, e);
}

static void undelete(struct world *w, unsigned account)
{
	struct change *e = new_change(w, account, true);

	if (e == NULL)
		return;
	w->changes_n++;
	e->issued = NEVER; /* until it is known what it names */
	store_list(w->st, help_place((uint8_t)account), 0, true, MESSAGES_MAX,
		   on_deleted, e);
}

/* ---- into a backup, and out of it ---- */

static void on_lent(void *ctx, enum yb_err err, const struct store_log *log)
{
	struct taken *t = ctx;
	const struct os_storage *os = &t->w->disk->table;
	size_t got;

	if (err != YB_OK)
		return;
	t->octets = malloc(log->upto);
	assert_non_null(t->octets);
	if (os->read(os->ctx, log->fd, t->octets, log->upto, 0, &got) !=
	    YB_OK) {
		free(t->octets);
		return; /* it dies just now */
	}
	assert_int_equal(got, log->upto);
	t->n = log->upto;
	t->generation = log->generation;
	t->mark = sim_mark(t->w->disk);
	t->w->taken_n++;
}

static void lend(struct world *w, uint8_t account)
{
	struct taken *t = &w->taken[w->taken_n];

	if (w->taken_n == TAKEN_MAX)
		return;
	*t = (struct taken){ .w = w, .account = account };
	store_lend(w->st, help_place(account), on_lent, t);
}

enum { ADDED_MAX = 4 };

struct adding {
	struct change *of[ADDED_MAX];
	size_t n;
	int fd;
};

static void on_added(void *ctx, const enum yb_err *errs, size_t n)
{
	struct adding *a = ctx;

	for (size_t i = 0; i < n; i++) {
		if (errs[i] == YB_OK)
			a->of[i]->acked = sim_mark(a->of[i]->w->disk);
		else if (errs[i] == YB_EXISTS || errs[i] == YB_BUSY)
			a->of[i]->issued = NEVER;
	}
	fd_close(&a->fd);
	free(a);
}

/*
 * Messages that were seen come back under their ids, wherever they are now:
 * shown, deleted, or freed. Each is a change of its own.
 */
static void add(struct world *w, uint8_t account)
{
	struct adding *a = calloc(1, sizeof *a);
	struct store_copy copies[ADDED_MAX] = { 0 };
	unsigned from = w->messages_n > 0 ? roll(w, w->messages_n) : 0;
	uint64_t at = 0;

	assert_non_null(a);
	a->fd = memfd_create("backup", 0);
	for (unsigned i = from; i < w->messages_n && a->n < ADDED_MAX; i++) {
		const struct message *m = &w->messages[i];
		struct store_copy *c = &copies[a->n];
		struct change *e;

		if (m->uidl[account][0] == 0 || m->acked[account] == NEVER)
			continue;
		e = new_change(w, account, true);
		if (e == NULL)
			break;
		w->changes_n++;
		e->names[m->id] = true;
		e->issued = sim_mark(w->disk);
		a->of[a->n++] = e;
		assert_true(base32_parse_id(span_str(m->uidl[account]), c->id));
		c->received_ns = 7;
		c->at = at;
		c->n = strlen(m->wire);
		assert_int_equal(pwrite(a->fd, m->wire, c->n, (off_t)at), c->n);
		at += c->n;
	}
	if (a->n == 0) {
		fd_close(&a->fd);
		free(a);
		return;
	}
	store_add(w->st, help_place(account), a->fd, copies, a->n, on_added, a);
}

static void on_compacted(void *ctx, enum yb_err err, struct store_compacted c)
{
	(void)ctx, (void)err, (void)c;
}

/* More mail while a sync is on its way: it is not covered by it. */
static void on_sync(void *ctx)
{
	deliver(ctx);
}

/* More mail, and deletes, while a log is being compacted. */
static void on_compaction_sync(void *ctx)
{
	struct world *w = ctx;

	deliver(w);
	if (roll(w, 3) == 0)
		undelete(w, 0);
	if (roll(w, 2) == 0) {
		w->disk->behind_sync = on_compaction_sync;
		w->disk->behind_ctx = w;
	}
}

static void compact(struct world *w, uint8_t account)
{
	if (roll(w, 2) == 0) {
		w->disk->behind_sync = on_compaction_sync;
		w->disk->behind_ctx = w;
	}
	store_compact(w->st, help_place(account), on_compacted, w);
}

/* Several at once, out of a callback: they share syncs. */
static void on_burst(void *ctx, enum yb_err err, struct store_snapshot *s)
{
	struct world *w = ctx;
	unsigned n = 2 + roll(w, 4);
	unsigned account = 0;

	if (err != YB_OK)
		return; /* of a process that is about to die */
	if (roll(w, 2) == 0) {
		w->disk->behind_sync = on_sync;
		w->disk->behind_ctx = w;
	}
	while (n-- > 0) {
		if (roll(w, 4) == 0)
			expunge(w, s, account);
		else
			deliver(w);
	}
	store_snapshot_close(&s);
}

static enum yb_err try_open(const struct world *w, struct sim_disk *disk,
			    struct store **ret)
{
	struct store_config config = { .path = "/",
				       .os = &disk->table,
				       .undelete_days = w->days };

	if (w->journal) {
		config.journal_least = 1 + (unsigned)w->random % 2;
		config.journal_octets = JOURNAL_OCTETS;
		config.journal_at_once = true;
		config.index_lag = 3;
	}
	return store_open(&config, ret);
}

static struct store *open_on(const struct world *w, struct sim_disk *disk)
{
	struct store *st;

	assert_ok(try_open(w, disk, &st));
	return st;
}

static void revive(struct sim_disk *disk)
{
	disk->dead = false;
	disk->lifetime = 0;
}

static void open_store(struct world *w)
{
	/* A process may die while it recovers what another one left. */
	if (try_open(w, w->disk, &w->st) == YB_OK)
		return;
	assert_true(w->disk->dead);
	revive(w->disk);
	w->st = open_on(w, w->disk);
}

/* Whether an undelete that may have happened names the message. */
static bool may_be_back(const struct world *w, unsigned account, unsigned id)
{
	for (unsigned i = 0; i < w->changes_n; i++)
		if (w->changes[i].shows && w->changes[i].account == account &&
		    w->changes[i].names[id])
			return true;
	return false;
}

/* Notes uid and UIDL of each message; they may never change. */
static bool note_names(struct world *w, const struct message *seen,
		       unsigned account, uint32_t uid, struct span uidl)
{
	struct message *m = &w->messages[seen->id];
	char text[UIDL_MAX + 1];

	assert_true(span_to_str(uidl, text, sizeof text));
	if (m->uid[account] == 0) {
		m->uid[account] = uid;
		(void)snprintf(m->uidl[account], sizeof m->uidl[account], "%s",
			       text);
	}
	/* Brought back, it has a new uid, which is higher. */
	if (strcmp(m->uidl[account], text) != 0 ||
	    (m->uid[account] != uid &&
	     (!may_be_back(w, account, m->id) || uid < m->uid[account])))
		return wrong(w, "message %u has uid %u %s, had %u %s", m->id,
			     uid, text, m->uid[account], m->uidl[account]);
	for (unsigned i = 0; i < w->messages_n; i++) {
		const struct message *o = &w->messages[i];

		for (unsigned a = 0; a < ACCOUNTS; a++)
			if ((o != m || a != account) &&
			    strcmp(o->uidl[a], text) == 0)
				return wrong(w, "%u and %u share %s", o->id,
					     m->id, text);
		/* Only what was shown by the live store owns its uid. */
		if (o != m && o->acked[account] != NEVER &&
		    m->acked[account] != NEVER && m->uid[account] == uid &&
		    o->uid[account] == uid)
			return wrong(w, "%u and %u share uid %u", o->id, m->id,
				     uid);
	}
	return true;
}

static void note_uid(struct world *w, unsigned account, uint32_t uid)
{
	for (unsigned i = 0; i < w->uids_n; i++)
		if (w->uids[i].account == account && w->uids[i].uid == uid)
			return;
	assert_true(w->uids_n < UIDS_MAX);
	w->uids[w->uids_n++] =
		(struct shown_uid){ account, uid, sim_mark(w->disk) };
}

/*
 * Changes that a dying process left open: what is shown now says whether they
 * were made. The last one that names a message decides about it, and all that
 * follow it are known already.
 */
static void settle_changes(struct world *w, unsigned account, const bool *shown)
{
	for (unsigned i = w->changes_n; i-- > 0;) {
		struct change *e = &w->changes[i];
		bool done = false, undone = false;

		if (e->account != account || e->acked != NEVER ||
		    e->issued == NEVER)
			continue;
		for (unsigned m = 0; m < w->messages_n; m++) {
			bool later = false;

			for (unsigned k = i + 1; k < w->changes_n; k++)
				later |= w->changes[k].account == account &&
					 w->changes[k].names[m] &&
					 w->changes[k].issued != NEVER;
			if (!e->names[m] || later)
				continue;
			done |= shown[m] == e->shows;
			undone |= shown[m] != e->shows;
		}
		/* What it would have changed is not so: it was not made. If
		 * others decide about all of it, it stays open. */
		if (undone)
			e->issued = NEVER;
		else if (done)
			e->acked = sim_mark(w->disk);
	}
}

/* What a session has seen is as good as acknowledged. */
static void note_all(struct world *w)
{
	for (uint8_t a = 0; a < ACCOUNTS; a++) {
		struct store_snapshot *s;
		struct listing l;
		bool shown[MESSAGES_MAX] = { 0 };

		assert_ok(help_open(w->st, help_place(a), &s));
		l = help_listing(s);
		for (uint32_t i = 0; i < l.head->count; i++) {
			char *text = help_read(&w->disk->table, s, i);
			const struct message *m = identify(w, text);

			assert_true(note_names(w, m, a, l.rows[i].uid,
					       listing_uidl(&l, i)));
			free(text);
			shown[m->id] = true;
			note_uid(w, a, l.rows[i].uid);
			if (m->acked[a] == NEVER)
				w->messages[m->id].acked[a] = sim_mark(w->disk);
		}
		store_snapshot_close(&s);
		settle_changes(w, a, shown);
	}
}

static void work(struct world *w)
{
	unsigned what = roll(w, 20);
	uint8_t account = (uint8_t)roll(w, ACCOUNTS);
	struct store_snapshot *s;
	bool dies = roll(w, 6) == 0;

	/* Killed in the middle; the kernel keeps what was written. */
	if (dies)
		w->disk->lifetime = 1 + roll(w, 12);
	if (what == 0) {
		store_close(&w->st);
		open_store(w);
	} else if (what < 6) {
		deliver(w);
	} else if (what < 9) {
		store_snapshot_open(w->st, help_place(0), 0, on_burst, w);
	} else if (what < 11) {
		compact(w, account);
	} else if (what < 13) {
		undelete(w, account);
	} else if (what < 15) {
		add(w, account);
	} else if (what < 17) {
		lend(w, account);
	} else {
		/* A log may have to be read in a process about to die. */
		if (help_open(w->st, help_place(account), &s) == YB_OK)
			expunge(w, s, account);
		store_snapshot_close(&s);
	}
	w->disk->behind_sync = NULL;
	if (dies) {
		store_close(&w->st);
		revive(w->disk);
		open_store(w);
	}
	assert_true(store_is_idle(w->st));
	for (unsigned i = 0; i < w->messages_n; i++)
		fd_close(&w->messages[i].fd);
	note_all(w);
}

static struct world *run_workload(uint64_t seed, enum sim_fault fault)
{
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	w->random = seed * 2654435761u + 88172645463325252u;
	w->disk = sim_new();
	w->disk->fault = fault;
	w->days = seed % 2 == 0 ? 7 : 0;
	w->journal = seed % 3 == 1;
	open_store(w);
	for (int i = 0; i < STEPS; i++)
		work(w);
	store_close(&w->st);
	assert_int_equal(w->disk->open_fds, 0);
	return w;
}

static void free_world(struct world **at)
{
	struct world *w = *at;

	*at = NULL;
	for (unsigned i = 0; i < w->messages_n; i++)
		free(w->messages[i].wire);
	for (unsigned i = 0; i < w->taken_n; i++)
		free(w->taken[i].octets);
	sim_free(&w->disk);
	free(w);
}

/* ---- the checks ---- */

/* Whether a message was certainly there, before anybody deleted it. */
static bool was_there(const struct world *w, unsigned account, size_t cut,
		      unsigned id)
{
	if (w->messages[id].acked[account] < cut)
		return true;
	for (unsigned i = 0; i < w->changes_n; i++)
		/* It was visible, so it was synced. */
		if (w->changes[i].account == account &&
		    w->changes[i].issued < cut && w->changes[i].names[id])
			return true;
	return false;
}

/* Which messages are hidden if of the open changes those of `set` are made. */
static void apply_changes(const struct world *w, unsigned account, size_t cut,
			  unsigned set, bool *hidden)
{
	unsigned open_n = 0;

	memset(hidden, 0, MESSAGES_MAX * sizeof *hidden);
	for (unsigned i = 0; i < w->changes_n; i++) {
		const struct change *e = &w->changes[i];

		if (e->account != account || e->issued >= cut)
			continue;
		if (e->acked >= cut && (set >> open_n++ & 1) == 0)
			continue;
		for (unsigned m = 0; m < w->messages_n; m++)
			if (e->names[m])
				hidden[m] = !e->shows;
	}
}

/* I3: all of a change or nothing; those that were acknowledged, all. */
static bool check_changes(struct world *w, unsigned account, size_t cut,
			  const bool *seen)
{
	bool hidden[MESSAGES_MAX];
	unsigned open_n = 0;

	for (unsigned i = 0; i < w->changes_n; i++)
		open_n += w->changes[i].account == account &&
			  w->changes[i].issued < cut &&
			  w->changes[i].acked >= cut;
	assert_true(open_n < OPEN_CHANGES_MAX);
	for (unsigned set = 0; set < 1u << open_n; set++) {
		bool fits = true;

		apply_changes(w, account, cut, set, hidden);
		for (unsigned m = 0; m < w->messages_n && fits; m++)
			fits = seen[m] ? !hidden[m]
				       : hidden[m] ||
						 !was_there(w, account, cut, m);
		if (fits)
			return true;
	}
	apply_changes(w, account, cut, 0, hidden);
	for (unsigned m = 0; m < w->messages_n; m++)
		if (open_n == 0 && was_there(w, account, cut, m) &&
		    seen[m] == hidden[m])
			return wrong(w, "message %u of account %u is %s", m,
				     account, hidden[m] ? "back" : "missing");
	return wrong(w, "account %u: mail missing, or half a change", account);
}

/* What is deleted can be brought back, all of it, with its octets. */
static bool check_undelete(struct world *w, struct sim_disk *disk,
			   struct store *st, uint8_t account, size_t cut)
{
	const struct store_undelete all = { 0 };
	struct help_answer a = { 0 };
	bool seen[MESSAGES_MAX] = { 0 };
	struct store_snapshot *s;
	struct listing l;

	store_undelete(st, help_place(account), NULL, &all, help_on_changed,
		       &a);
	help_wait(st, &a.done);
	assert_ok(a.err);
	assert_ok(help_open(st, help_place(account), &s));
	l = help_listing(s);
	for (uint32_t i = 0; i < l.head->count; i++) {
		char *text = help_read(&disk->table, s, i);
		const struct message *m = identify(w, text);

		free(text);
		if (m == NULL)
			return wrong(w, "what came back is not its mail");
		seen[m->id] = true;
	}
	store_snapshot_close(&s);
	for (unsigned m = 0; m < w->messages_n; m++)
		if (was_there(w, account, cut, m) && !seen[m])
			return wrong(w, "message %u of %u does not come back",
				     m, account);
	return true;
}

static bool check_rows(struct world *w, struct sim_disk *disk,
		       struct store_snapshot *s, unsigned account, size_t cut,
		       bool *seen)
{
	struct listing l = help_listing(s);
	uint64_t octets = 0;

	for (uint32_t i = 0; i < l.head->count; i++) {
		char *text = help_read(&disk->table, s, i);
		const struct message *m = identify(w, text);
		size_t dots = 0;

		for (const char *p = text; (p = strstr(p, "\r\n.")) != NULL;
		     p += 3)
			dots += p[3] == '.';
		octets += strlen(text) - 3 - dots;
		free(text);
		if (m == NULL || m->issued >= cut ||
		    (m->to >> account & 1) == 0)
			return wrong(w, "row %u of account %u is not its mail",
				     i, account);
		if (seen[m->id])
			return wrong(w, "message %u is there twice", m->id);
		seen[m->id] = true;
		if (!note_names(w, m, account, l.rows[i].uid,
				listing_uidl(&l, i)))
			return false;
	}
	if (octets != l.head->octets)
		return wrong(w, "octets %llu, listing says %llu",
			     (unsigned long long)octets,
			     (unsigned long long)l.head->octets);
	return true;
}

static bool check_account(struct world *w, struct sim_disk *disk,
			  struct store *st, uint8_t account, size_t cut)
{
	bool seen[MESSAGES_MAX] = { 0 };
	struct store_totals totals;
	struct store_snapshot *s;
	struct listing l;
	bool good;

	if (help_open(st, help_place(account), &s) != YB_OK)
		return wrong(w, "account %u does not open", account);
	l = help_listing(s);
	assert_ok(help_totals(st, help_place(account), &totals));
	good = check_rows(w, disk, s, account, cut, seen);
	if (good && (totals.messages != l.head->count ||
		     totals.octets != l.head->octets))
		good = wrong(w, "totals of account %u differ", account);
	store_snapshot_close(&s);
	return good && check_changes(w, account, cut, seen);
}

/* I5: the listing out of the kept index and out of the log are the same. */
static bool check_rebuilt(struct world *w, struct sim_disk *disk,
			  struct store **st, uint8_t account)
{
	struct store_place place = help_place(account);
	struct store_snapshot *s;
	struct span block;
	uint8_t *kept;
	char path[80];
	size_t n;
	bool same;

	assert_ok(help_open(*st, place, &s));
	block = store_snapshot_listing(s);
	n = block.n;
	kept = malloc(n);
	assert_non_null(kept);
	memcpy(kept, block.p, n);
	store_snapshot_close(&s);
	store_close(st);
	(void)snprintf(path, sizeof path,
		       "%02x/%02x/%02x%02x%02x%02x%02x%02x"
		       "%02x%02x%02x%02x%02x%02x%02x%02x%02x%02x/1/index",
		       account, account, account, account, account, account,
		       account, account, account, account, account, account,
		       account, account, account, account, account, account);
	if (sim_file(disk, path) != NULL)
		sim_truncate(sim_file(disk, path), account * 50u);
	*st = open_on(w, disk);
	if (help_open(*st, place, &s) != YB_OK) {
		free(kept);
		return wrong(w, "account %u does not open anew", account);
	}
	block = store_snapshot_listing(s);
	same = block.n == n && memcmp(block.p, kept, n) == 0;
	free(kept);
	store_snapshot_close(&s);
	return same || wrong(w, "the rebuilt index of %u differs", account);
}

/* I4: what comes after gets a uid above all that were ever shown. */
static bool check_next(struct world *w, struct store *st, uint8_t account,
		       size_t cut)
{
	struct store_snapshot *s;
	struct listing l;
	uint32_t uid, before;

	assert_ok(help_open(st, help_place(account), &s));
	before = help_listing(s).head->count;
	store_snapshot_close(&s);
	if (help_deliver(st, help_place(account), "new\r\n.\r\n") != YB_OK)
		return wrong(w, "account %u takes no mail", account);
	assert_ok(help_open(st, help_place(account), &s));
	l = help_listing(s);
	uid = l.rows[l.head->count - 1].uid;
	store_snapshot_close(&s);
	if (l.head == NULL || before == UINT32_MAX)
		return false;
	for (unsigned i = 0; i < w->uids_n; i++)
		if (w->uids[i].account == account && w->uids[i].mark < cut &&
		    w->uids[i].uid >= uid)
			return wrong(w, "uid %u of %u was given again", uid,
				     account);
	return true;
}

/*
 * I1: what a backup took of a log is the start of that generation for ever,
 * so that a copy never holds what a power cut took back, and the next run can
 * go on where it ended.
 */
static bool check_taken(struct world *w, struct sim_disk *disk, size_t cut)
{
	for (unsigned i = 0; i < w->taken_n; i++) {
		const struct taken *t = &w->taken[i];
		const struct sim_data *log;
		struct log_head head;
		char path[FILES_PATH_MAX];
		struct store_place place = help_place((uint8_t)t->account);

		if (t->mark >= cut)
			continue;
		files_path(&place, "log", path);
		log = sim_file(disk, path);
		if (log == NULL || log_head_decode(log->p, &head) != YB_OK)
			return wrong(w, "a log that was lent is gone");
		if (head.generation == t->generation &&
		    (log->n < t->n || memcmp(log->p, t->octets, t->n) != 0))
			return wrong(w, "a log of %u is not what was lent",
				     t->account);
	}
	return true;
}

static bool check_disk(struct world *w, struct sim_disk *disk, size_t cut)
{
	struct store *st = open_on(w, disk);
	bool good = check_taken(w, disk, cut);

	for (uint8_t a = 0; a < ACCOUNTS && good; a++)
		good = check_account(w, disk, st, a, cut);
	store_close(&st);
	return good;
}

static bool check_more(struct world *w, struct sim_disk *disk, size_t cut)
{
	struct store *st = open_on(w, disk);
	bool good = true;

	for (uint8_t a = 0; a < ACCOUNTS && good; a++)
		good = check_rebuilt(w, disk, &st, a) &&
		       (w->days == 0 || check_undelete(w, disk, st, a, cut)) &&
		       check_next(w, st, a, cut);
	store_close(&st);
	return good;
}

/* Recovers, cuts the power during the recovery, and recovers again. */
static bool check_twice(struct world *w, struct sim_disk *disk,
			struct sim_inode *base, size_t base_n, size_t cut)
{
	struct cut again;
	struct sim_disk *second;
	size_t steps;
	bool good;

	cut_init(&again, disk, base, base_n, cut_random(&w->random));
	steps = roll(w, (unsigned)disk->events_n + 1);
	while (steps-- > 0)
		(void)cut_step(&again);
	second = cut_build(&again, roll(w, CUT_POLICIES));
	good = check_disk(w, second, cut);
	sim_free(&second);
	cut_done(&again);
	return good;
}

/* Now and then in a process of its own, that knows nothing of before. */
static bool check_afresh(struct world *w, struct sim_disk *disk, size_t cut)
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(check_disk(w, disk, cut) ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	return check_disk(w, disk, cut)
		       ? wrong(w, "only a fresh process finds fault with it")
		       : false;
}

static bool check_state(struct world *w, struct cut *c, unsigned policy)
{
	struct sim_disk *disk = cut_build(c, policy);
	struct sim_inode *base = cut_base(disk);
	size_t base_n = disk->inodes_n;
	bool good = roll(w, 16) != 0 || check_afresh(w, disk, c->at);

	good = good && check_disk(w, disk, c->at);
	if (good && roll(w, 4) == 0)
		good = check_twice(w, disk, base, base_n, c->at);
	if (good && roll(w, 4) == 0)
		good = check_more(w, disk, c->at);
	sim_free_inodes(base, base_n);
	sim_free(&disk);
	return good;
}

/* Cuts behind every event; how many states were built, *ret_bad if wrong. */
static size_t cut_everywhere(struct world *w, uint64_t seed, bool *ret_bad)
{
	struct sim_disk *disk = w->disk;
	struct sim_inode root = { .folder = true };
	size_t states = 0;
	struct cut c;

	cut_init(&c, disk, &root, 1, seed);
	*ret_bad = false;
	while (cut_step(&c) && !*ret_bad) {
		/* Every policy at each event in turn, two at a time. */
		for (unsigned i = 0; i < 2 && !*ret_bad; i++) {
			unsigned policy = (unsigned)(states++ % CUT_POLICIES);

			*ret_bad = !check_state(w, &c, policy);
			if (*ret_bad)
				(void)snprintf(w->why + strlen(w->why),
					       sizeof w->why - strlen(w->why),
					       " (seed %llu, cut %zu, policy "
					       "%u)",
					       (unsigned long long)seed, c.at,
					       policy);
		}
	}
	cut_done(&c);
	return states;
}

static const char first_mail[] = "first\r\n.\r\n";

/* What a mailbox of this disk holds after a cut behind everything. */
static void expect_after_cut(const struct sim_disk *disk,
			     enum cut_policy policy, const char *want)
{
	struct sim_inode root = { .folder = true };
	struct sim_disk *after;
	struct store *st;
	struct cut c;
	char *all;

	cut_init(&c, disk, &root, 1, 1);
	while (cut_step(&c))
		;
	after = cut_build(&c, policy);
	st = help_store(&after->table, NULL, NULL);
	all = help_all(st, &after->table, help_place(0));
	assert_non_null(strstr(all, want));
	free(all);
	store_close(&st);
	sim_free(&after);
	cut_done(&c);
}

/*
 * I2: a process is killed at each call of a mailbox's first delivery. The
 * next one finds folders and a log whose names may never have been synced,
 * acknowledges mail into them, and then the power fails.
 */
static void test_killed_while_creating(void **state)
{
	(void)state;
	for (size_t lifetime = 1; lifetime < 40; lifetime++) {
		struct sim_disk *disk = sim_new();
		struct store *st = help_store(&disk->table, NULL, NULL);

		disk->lifetime = lifetime;
		(void)!help_deliver(st, help_place(0), ".\r\n");
		store_close(&st);
		disk->lifetime = 0;
		disk->dead = false;
		st = help_store(&disk->table, NULL, NULL);
		assert_ok(help_deliver(st, help_place(0), first_mail));
		store_close(&st);
		for (unsigned p = 0; p < CUT_POLICIES; p++)
			expect_after_cut(disk, p, first_mail);
		sim_free(&disk);
	}
}

struct late {
	struct store *st;
	bool done;
};

static void on_late(void *ctx, const enum yb_err *errs, size_t n)
{
	(void)errs, (void)n;
	((struct late *)ctx)->done = true;
}

/* Written while another record's sync is on its way: not covered by it. */
static void deliver_late(void *ctx)
{
	struct store_place place = help_place(0);
	struct store_delivery d = { .places = &place,
				    .places_n = 1,
				    .fd = -1,
				    .wire = SPAN_LIT("late\r\n.\r\n") };

	store_deliver(((struct late *)ctx)->st, &d, on_late, ctx);
}

/*
 * I2: what the index says of syncs holds only for what they covered. Killed
 * at each call; the next process shows what it finds; then the power fails.
 */
static void test_shown_is_durable(void **state)
{
	(void)state;
	for (size_t lifetime = 1; lifetime < 20; lifetime++) {
		struct sim_disk *disk = sim_new();
		struct late late = {
			.st = help_store(&disk->table, NULL, NULL),
		};
		char *shown;

		assert_ok(help_deliver(late.st, help_place(0), ".\r\n"));
		disk->behind_sync = deliver_late;
		disk->behind_ctx = &late;
		disk->lifetime = lifetime;
		(void)!help_deliver(late.st, help_place(0), first_mail);
		store_close(&late.st);
		disk->behind_sync = NULL;
		disk->lifetime = 0;
		disk->dead = false;
		late.st = help_store(&disk->table, NULL, NULL);
		shown = help_all(late.st, &disk->table, help_place(0));
		for (unsigned p = 0; p < CUT_POLICIES; p++)
			expect_after_cut(disk, p, shown);
		free(shown);
		store_close(&late.st);
		sim_free(&disk);
	}
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void test_cut_everywhere(void **state)
{
	uint64_t first = number_from("YUBIN_POWERCUT_SEED", 1);
	uint64_t seeds = number_from("YUBIN_POWERCUT_SEEDS", SEEDS_DEFAULT);
	size_t states = 0;

	(void)state;
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		struct world *w = run_workload(seed, SIM_NO_FAULT);
		bool bad;

		states += cut_everywhere(w, seed, &bad);
		if (bad)
			fail_msg("%s", w->why);
		free_world(&w);
	}
	print_message("%zu states after power cuts\n", states);
}

/* A simulator that cannot fail proves nothing. */
static void must_find(enum sim_fault fault)
{
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct world *w = run_workload(seed, fault);
		bool bad;

		(void)cut_everywhere(w, seed, &bad);
		if (bad)
			print_message("found: %s\n", w->why);
		free_world(&w);
		if (bad)
			return;
	}
	fail_msg("the planted fault %d was not found", (int)fault);
}

static void test_finds_sync_left_out(void **state)
{
	(void)state;
	must_find(SIM_SYNC_LIES);
}

static void test_finds_answer_before_sync(void **state)
{
	(void)state;
	must_find(SIM_SYNC_LATE);
}

static void test_finds_folder_sync_left_out(void **state)
{
	(void)state;
	must_find(SIM_FOLDER_SYNC_LIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_killed_while_creating),
		cmocka_unit_test(test_shown_is_durable),
		cmocka_unit_test(test_finds_sync_left_out),
		cmocka_unit_test(test_finds_answer_before_sync),
		cmocka_unit_test(test_finds_folder_sync_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
