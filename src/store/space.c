/*
 * A full disk (I8). STORE/ballast holds space that nothing else can take. When
 * a delete finds no room, or a compaction does, the ballast is given up for
 * it, and from then on no mail is taken until the ballast is whole again: what
 * was freed is for deletes and compactions, not for the next message.
 *
 *	WELL -> FULL           something found no room  [space_note]
 *	FULL -> GIVEN UP       a delete or a compaction needs it [space_give_up]
 *	FULL or GIVEN UP -> WELL   there is room again   [fill_done]
 *
 * Until then logs are compacted, smallest live part first, and deleted mail
 * is freed before its time, oldest first: an eighth of undelete_days with each
 * walk over all mailboxes that did not help.
 */
#include "store/private.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	/* How often a full disk is tried again. */
	FILL_MS = 1000,
	/* Steps in which deleted mail is freed early. */
	SPACE_ROUNDS = 8,
};

struct fill_job {
	struct pool_job job;
	struct store *st;
	enum yb_err err;
};

static enum yb_err open_ballast(struct store *st, int *ret_fd)
{
	const struct os_storage *os = st->os;
	enum yb_err err = os->open(os->ctx, st->files.root, "ballast",
				   STORAGE_WRITE, ret_fd);

	if (err == YB_NOT_FOUND)
		err = os->open(os->ctx, st->files.root, "ballast",
			       STORAGE_CREATE, ret_fd);
	return err;
}

/* An earlier process has left it; whether whole the first tick sees. */
void space_open(struct store *st)
{
	const struct os_storage *os = st->os;
	int fd;

	if (st->config.ballast_octets == 0 ||
	    os->open(os->ctx, st->files.root, "ballast", STORAGE_READ, &fd) !=
		    YB_OK)
		return;
	os->close(os->ctx, fd);
	st->space.held = true;
}

/* What it holds already is not taken twice. */
static void fill_run(struct pool_job *job)
{
	struct fill_job *j = list_entry(job, struct fill_job, job);
	struct store *st = j->st;
	const struct os_storage *os = st->os;
	int fd;

	j->err = open_ballast(st, &fd);
	if (j->err != YB_OK)
		return;
	j->err = os->reserve(os->ctx, fd, 0, st->config.ballast_octets);
	/* A part of it would be in nobody's use. */
	if (j->err == YB_FULL)
		(void)!os->cut(os->ctx, fd, 0);
	os->close(os->ctx, fd);
}

static void fill_done(struct pool_job *job)
{
	struct fill_job *j = list_entry(job, struct fill_job, job);
	struct store *st = j->st;
	struct space_state *s = &st->space;

	s->filling = false;
	s->checked = true;
	s->fill_ms = store_mono_ms(st) + FILL_MS;
	if (j->err == YB_OK) {
		if (s->given_up)
			store_report(st, "there is room on the disk again: "
					 "mail is taken");
		s->held = true;
		s->given_up = s->full = false;
		s->round = 0;
	} else if (j->err == YB_FULL) {
		s->held = false;
		if (!s->given_up)
			store_report(st, "there is no room for the ballast: no "
					 "mail is taken until there is");
		s->given_up = s->full = true;
	} else if (j->err == YB_UNSUPPORTED && !s->impossible) {
		s->impossible = true;
		store_report(st, "the store's file system cannot reserve "
				 "space: there is no ballast");
	}
	free(j);
}

static void fill(struct store *st)
{
	struct fill_job *j = calloc(1, sizeof *j);

	if (j == NULL)
		return;
	j->job.run = fill_run;
	j->job.done = fill_done;
	j->job.is_long = true;
	j->st = st;
	st->space.filling = true;
	pool_give(st->pool, &j->job);
}

void space_note(struct store *st)
{
	if (!st->space.full)
		store_report(st, "the disk is full, or nearly: deleting "
				 "works, and space of deleted mail is being "
				 "freed");
	st->space.full = true;
}

bool space_give_up(struct store *st)
{
	const struct os_storage *os = st->os;
	struct space_state *s = &st->space;
	int fd;
	enum yb_err err;

	space_note(st);
	if (!s->held || s->filling)
		return false;
	if (open_ballast(st, &fd) != YB_OK)
		return false;
	err = os->cut(os->ctx, fd, 0);
	os->close(os->ctx, fd);
	if (err != YB_OK)
		return false;
	s->held = false;
	s->given_up = true;
	s->fill_ms = store_mono_ms(st) + FILL_MS;
	store_report(st, "the ballast is given up for deletes and compaction; "
			 "no mail is taken until it is back");
	return true;
}

void space_taken(struct store *st)
{
	if (st->space.given_up || !st->space.full)
		return;
	st->space.full = false;
	st->space.round = 0;
}

void space_freed(struct store *st)
{
	/* Mail may try again; if it finds no room more is freed. */
	if (!st->space.given_up)
		st->space.full = false;
}

void space_swept(struct store *st)
{
	if (st->space.full && st->space.round < SPACE_ROUNDS)
		st->space.round++;
}

/* The share of undelete_days that is still kept, in seconds. */
int64_t space_keep_s(const struct store *st)
{
	int64_t whole = (int64_t)st->config.undelete_days * 86400;

	if (!st->space.full)
		return whole;
	return whole / SPACE_ROUNDS * (SPACE_ROUNDS - st->space.round);
}

/* Bodies that wait in files fill the disk before a log does. */
static void look(struct store *st)
{
	uint64_t room;

	if (st->os->room(st->os->ctx, st->files.root, &room) != YB_OK)
		return;
	if (room < st->config.ballast_octets)
		space_note(st);
	else if (!st->space.given_up && room / 2 > st->config.ballast_octets)
		space_taken(st);
}

void space_tick(struct store *st)
{
	struct space_state *s = &st->space;

	if (st->config.ballast_octets == 0 || s->impossible || s->filling)
		return;
	if (s->checked)
		look(st);
	/* What it was given up for comes first. */
	if (s->given_up &&
	    (st->compactions > 0 || !list_empty(&st->candidates)))
		return;
	if ((!s->checked || !s->held) && store_mono_ms(st) >= s->fill_ms)
		fill(st);
}
