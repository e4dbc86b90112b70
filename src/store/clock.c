/*
 * What time it is, as far as that can be believed. Deleted mail is freed by
 * the clock; a clock that jumps ahead must not free it early. So the store
 * remembers a moment: what the clock said, and, while it runs, how long ago
 * that was. STORE/clock keeps the moment over a restart. When the clock is
 * more than a day ahead of it nothing is freed by its age, until the clock is
 * back or has gone on steadily for a day.
 */
#include "store/private.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "os/clock.h"

/* "YUBINCLK" as it stands in the file. */
#define CLOCK_MAGIC 0x4b4c434e49425559ull

#define DAY_NS ((int64_t)24 * 3600 * 1000000000)
#define DAY_MS ((uint64_t)24 * 3600 * 1000)

enum {
	CLOCK_FILE_SIZE = 24,
	/* What a crash loses of it only makes the store more careful. */
	CLOCK_SAVE_MS = 10 * 60 * 1000,
};

static int64_t real_ns(void *ctx)
{
	(void)ctx;
	return clock_real_ns();
}

static uint64_t boot_ms(void *ctx)
{
	(void)ctx;
	return clock_boot_ms();
}

static const struct store_clock system_clock = { real_ns, boot_ms, NULL };

static const struct store_clock *clock_of(const struct store *st)
{
	return st->config.clock != NULL ? st->config.clock : &system_clock;
}

int64_t store_now_ns(const struct store *st)
{
	return clock_of(st)->real_ns(clock_of(st)->ctx);
}

uint64_t store_mono_ms(const struct store *st)
{
	return clock_of(st)->mono_ms(clock_of(st)->ctx);
}

/* ---- the moment on the disk ---- */

static bool load_mark(struct store *st, int64_t *ret_ns)
{
	const struct os_storage *os = st->os;
	uint8_t octets[CLOCK_FILE_SIZE];
	size_t n = 0;
	int fd;

	if (os->open(os->ctx, st->files.root, "clock", STORAGE_READ, &fd) !=
	    YB_OK)
		return false;
	if (os->read(os->ctx, fd, octets, sizeof octets, 0, &n) != YB_OK)
		n = 0;
	os->close(os->ctx, fd);
	if (n < sizeof octets || get_le64(octets) != CLOCK_MAGIC ||
	    get_le64(octets + 16) != log_sum(span_of(octets, 16), 0))
		return false;
	*ret_ns = (int64_t)get_le64(octets + 8);
	return true;
}

/* Without it the next start is only more careful. */
static void save_mark(struct store *st, int64_t now_ns)
{
	const struct os_storage *os = st->os;
	uint8_t octets[CLOCK_FILE_SIZE];
	struct iovec iov = { octets, sizeof octets };
	int fd;
	enum yb_err err;

	put_le64(octets, CLOCK_MAGIC);
	put_le64(octets + 8, (uint64_t)now_ns);
	put_le64(octets + 16, log_sum(span_of(octets, 16), 0));
	err = os->open(os->ctx, st->files.root, "clock", STORAGE_WRITE, &fd);
	if (err == YB_NOT_FOUND)
		err = os->open(os->ctx, st->files.root, "clock", STORAGE_CREATE,
			       &fd);
	if (err != YB_OK)
		return;
	(void)!os->write(os->ctx, fd, &iov, 1, 0);
	os->close(os->ctx, fd);
}

/* ---- whether to believe it ---- */

static void hold(struct store *st, int64_t now_ns, uint64_t now_ms,
		 int64_t ahead_ns)
{
	char line[192];

	st->clock.held = true;
	st->clock.held_ns = now_ns;
	st->clock.held_ms = now_ms;
	if (!st->clock.known)
		return; /* a store that is new: there is nothing to say */
	(void)snprintf(line, sizeof line,
		       "the clock is %" PRId64 " hours ahead of what the store "
		       "has seen: no deleted mail is freed by its age until "
		       "the clock is back, or has run steadily for a day",
		       ahead_ns / DAY_NS * 24 +
			       ahead_ns % DAY_NS * 24 / DAY_NS);
	store_report(st, line);
}

static void believe(struct store *st, int64_t now_ns, uint64_t now_ms)
{
	if (st->clock.held && st->clock.known)
		store_report(st, "the clock is believed again; deleted mail "
				 "is freed by its age");
	st->clock.held = false;
	st->clock.known = true;
	st->clock.seen_ns = now_ns;
	st->clock.seen_ms = now_ms;
}

/* How far `now` is ahead of a moment and the time since. */
static int64_t ahead_of(int64_t seen_ns, uint64_t seen_ms, int64_t now_ns,
			uint64_t now_ms)
{
	return now_ns - seen_ns - (int64_t)(now_ms - seen_ms) * 1000000;
}

void store_clock_open(struct store *st)
{
	int64_t mark;

	st->clock.known = load_mark(st, &mark);
	if (!st->clock.known)
		return;
	st->clock.seen_ns = mark;
	st->clock.seen_ms = store_mono_ms(st);
}

bool store_clock_is_held(struct store *st)
{
	int64_t now_ns = store_now_ns(st), ahead;
	uint64_t now_ms = store_mono_ms(st);
	struct clock_state *c = &st->clock;

	ahead = c->known ? ahead_of(c->seen_ns, c->seen_ms, now_ns, now_ms)
			 : INT64_MAX;
	if (ahead <= DAY_NS) {
		/* Forward it is only followed by its own pace, so that many
		 * small jumps are as one large. */
		if (ahead < 0 || c->held)
			believe(st, now_ns, now_ms);
		return false;
	}
	if (!c->held) {
		hold(st, now_ns, now_ms, ahead);
	} else {
		int64_t drift =
			ahead_of(c->held_ns, c->held_ms, now_ns, now_ms);

		if (drift > DAY_NS || drift < -DAY_NS)
			hold(st, now_ns, now_ms, ahead);
		else if (now_ms - c->held_ms >= DAY_MS)
			believe(st, now_ns, now_ms);
	}
	return c->held;
}

void store_clock_tick(struct store *st)
{
	struct clock_state *c = &st->clock;
	uint64_t now_ms = store_mono_ms(st);

	if (store_clock_is_held(st) && c->known)
		return;
	if (c->saved_ms != 0 && now_ms - c->saved_ms < CLOCK_SAVE_MS)
		return;
	c->saved_ms = now_ms > 0 ? now_ms : 1;
	save_mark(st, store_now_ns(st));
}

/* ---- deleted mail ---- */

bool store_may_return(struct store *st, const struct index_entry *e)
{
	int64_t now_s = store_now_ns(st) / 1000000000;

	if (st->config.undelete_days == 0)
		return false;
	return store_clock_is_held(st) ||
	       e->gone_s + (int64_t)st->config.undelete_days * 86400 > now_s;
}
