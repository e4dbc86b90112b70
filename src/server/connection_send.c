/*
 * Sending what an engine has queued: pieces are collected, ranges of the log
 * read into the worker's buffers, and all of it leaves in one call.
 */
#include "server/connection.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "server/wire.h"
#include "server/worker.h"

enum {
	/* Of small messages, 256 and their answers: with half as many a call
	 * each was measured to cost a sixteenth more. */
	PIECES_AT_ONCE = 512,
	/*
	 * Octets offered to a socket at a time: all at first, less once it
	 * has shown that it takes less, since ranges are read for each try.
	 */
	BURST_MIN = 16 * 1024,
	/* From here on a range that is not in memory goes by sendfile. */
	SENDFILE_MIN = 256 * 1024,
	/*
	 * A message of such a size that is asked for alone goes by sendfile
	 * as well: a sixth less for 10 KiB than to copy it twice. Smaller ones
	 * are read ahead; larger ones are cheaper to copy from a buffer that
	 * the cache holds.
	 */
	LONE_MIN = 2 * 1024,
	LONE_MAX = 64 * 1024,
	/* Gaps between ranges (record heads) that are read along. */
	READ_GAP = 512,
};

/* The last range read into the scratch buffer, with what lay around it. */
struct window {
	uint64_t offset;
	size_t at, n; /* in the scratch buffer */
};

struct gathered {
	struct iovec iov[PIECES_AT_ONCE];
	size_t iov_n;
	size_t octets;
	size_t used; /* of the scratch buffer */
	struct window window;
};

/*
 * How much to read at `pieces[0]`: up to the end of the last range of those
 * that lie behind one another with small gaps, since one call is cheaper
 * than many.
 */
static size_t run_length(const struct out_piece *pieces, size_t n, size_t room)
{
	uint64_t end = pieces[0].offset + pieces[0].n;

	for (size_t i = 1; i < n; i++) {
		if (pieces[i].kind != OUT_RANGE)
			continue;
		if (pieces[i].offset < end ||
		    pieces[i].offset - end > READ_GAP ||
		    pieces[i].offset + pieces[i].n - pieces[0].offset > room)
			break;
		end = pieces[i].offset + pieces[i].n;
	}
	end -= pieces[0].offset;
	return end < room ? (size_t)end : room;
}

/* Reads at most `n` octets of the log; how many, 0 if it cannot be read. */
static size_t read_log(const struct connection *c, uint64_t offset,
		       uint8_t *octets, size_t n)
{
	ssize_t got;

	do
		got = pread(c->log_fd, octets, n, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got < 0 ? 0 : (size_t)got;
}

/* Whether one message, with its status line, is all that is to be sent. */
static bool is_lone(const struct out_piece *pieces, size_t n)
{
	return n == 2 && pieces[0].kind == OUT_BYTES &&
	       pieces[1].kind == OUT_RANGE;
}

/* Whether all of a range is among the octets that were read ahead. */
static bool ahead_has(const struct worker_ahead *a,
		      const struct out_piece *piece)
{
	uint64_t skip = piece->offset - a->offset;

	return piece->offset >= a->offset && skip <= a->n &&
	       piece->n <= a->n - skip;
}

/*
 * Octets of a small message that is fetched alone and lies behind the one
 * fetched before: most likely the next one is fetched next, so it is read with
 * this one. NONE: it is not such a message.
 */
static struct span ahead_octets(struct connection *c,
				const struct out_piece *piece)
{
	struct worker_ahead *a = &c->worker->aheads[c->id % WORKER_AHEADS];
	bool follows = a->connection == c->id && piece->offset >= a->next &&
		       piece->offset - a->next <= READ_GAP;

	if (a->connection != c->id)
		a->n = 0;
	a->connection = c->id;
	a->next = piece->offset + piece->n;
	if (!follows)
		return SPAN_NONE;
	if (!ahead_has(a, piece)) {
		a->offset = piece->offset;
		a->n = read_log(c, a->offset, a->octets, WORKER_AHEAD);
	}
	if (!ahead_has(a, piece))
		return SPAN_NONE;
	return span_of(a->octets + (piece->offset - a->offset),
		       (size_t)piece->n);
}

/* Octets of a range in memory; fewer than asked where there is no room. */
static struct span range_octets(struct connection *c, struct gathered *g,
				const struct out_piece *pieces, size_t n)
{
	uint8_t *scratch = c->worker->scratch;
	uint64_t skip = pieces[0].offset - g->window.offset;
	size_t want, got;

	if (g->window.n > 0 && pieces[0].offset >= g->window.offset &&
	    skip < g->window.n)
		return span_head(span_of(scratch + g->window.at + skip,
					 g->window.n - skip),
				 pieces[0].n);
	if (g->used == WORKER_SCRATCH)
		return SPAN_NONE;
	want = run_length(pieces, n, WORKER_SCRATCH - g->used);
	got = read_log(c, pieces[0].offset, scratch + g->used, want);
	if (got == 0)
		return SPAN_NONE;
	g->window = (struct window){ pieces[0].offset, g->used, got };
	g->used += got;
	return span_head(span_of(scratch + g->window.at, got), pieces[0].n);
}

/*
 * Collects what to send next, at most `burst` octets; false if a range could
 * not be read.
 */
static bool gather(struct connection *c, struct gathered *g)
{
	UNSET struct out_piece pieces[PIECES_AT_ONCE];
	size_t n = out_peek(c->out, pieces, PIECES_AT_ONCE);
	bool small = is_lone(pieces, n) && pieces[1].n < LONE_MIN;

	g->iov_n = g->octets = g->used = 0;
	g->window = (struct window){ 0 };
	for (size_t i = 0; i < n && g->octets < c->burst; i++) {
		size_t room = c->burst - g->octets;
		struct span s = SPAN_NONE;

		if (pieces[i].n > room)
			pieces[i].n = room;
		if (pieces[i].kind == OUT_BYTES)
			s = span_of(pieces[i].p, pieces[i].n);
		else if (small)
			s = ahead_octets(c, &pieces[i]);
		if (s.n == 0)
			s = range_octets(c, g, pieces + i, n - i);
		if (s.n == 0)
			return g->octets > 0;
		g->iov[g->iov_n++] =
			(struct iovec){ (void *)(uintptr_t)s.p, s.n };
		g->octets += s.n;
		if (s.n < pieces[i].n)
			break;
	}
	return g->octets > 0;
}

/*
 * Whether something follows at once, in the next call: what else is queued,
 * or the end of the stream (finish()). Its packet then need not leave alone.
 */
static bool is_followed(const struct connection *c, const struct gathered *g)
{
	return c->class->is_over(c->session) || out_pending(c->out) > g->octets;
}

/*
 * The octets of the next record: in one row, as TLS wants them. They are sent
 * from where they lie if they do, else copied; the same ones again after
 * AGAIN, and at least as many.
 */
static struct span next_record(struct connection *c, const struct gathered *g,
			       size_t at, size_t done)
{
	uint8_t *row = c->worker->input;
	size_t n = 0;

	if (g->iov[at].iov_len - done >= TLS_RECORD_MAX || at + 1 == g->iov_n)
		return span_head(span_skip(span_of(g->iov[at].iov_base,
						   g->iov[at].iov_len),
					   done),
				 TLS_RECORD_MAX);
	for (size_t i = at, skip = done; i < g->iov_n && n < TLS_RECORD_MAX;
	     i++, skip = 0) {
		struct span part =
			span_head(span_skip(span_of(g->iov[i].iov_base,
						    g->iov[i].iov_len),
					    skip),
				  TLS_RECORD_MAX - n);

		memcpy(row + n, part.p, part.n);
		n += part.n;
	}
	return span_of(row, n);
}

/* Record after record: what was read for them need not be read again. */
static enum yb_err send_tls(struct connection *c, const struct gathered *g,
			    size_t *ret_n)
{
	bool followed = is_followed(c, g);
	size_t at = 0, done = 0, sent = 0, n;
	enum yb_err err = YB_OK;

	while (err == YB_OK && sent < g->octets) {
		struct span s = next_record(c, g, at, done);
		bool ends = sent + s.n == g->octets;

		/* A full record is worth a packet of its own: larger ones were
		 * measured, and cost more than the calls they save. */
		tls_connection_follow(c->tls, s.n < TLS_RECORD_MAX &&
						      (followed || !ends));
		err = tls_connection_write(c->tls, s, &n);
		if (err != YB_OK)
			break;
		sent += n;
		done += n;
		while (at < g->iov_n && done >= g->iov[at].iov_len)
			done -= g->iov[at++].iov_len;
	}
	*ret_n = sent;
	/* What stopped it comes again with the next call. */
	return sent > 0 ? YB_OK : err;
}

static enum yb_err send_plain(struct connection *c, const struct gathered *g,
			      size_t *ret_n)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)g->iov,
			      .msg_iovlen = g->iov_n };
	int more = is_followed(c, g) ? MSG_MORE : 0;
	ssize_t n;

	do
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT | more);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_from_errno(errno);
	*ret_n = (size_t)n;
	return YB_OK;
}

/*
 * A large range that is not in memory goes from the disk to the socket
 * without passing through the scratch buffer. AGAIN: not such a one.
 */
static enum yb_err send_cold(struct connection *c, size_t *ret_n)
{
	struct out_piece piece;
	uint8_t probe;
	struct iovec iov = { &probe, 1 };
	off_t offset;
	ssize_t n;

	if (c->tls != NULL || out_peek(c->out, &piece, 1) != 1 ||
	    piece.kind != OUT_RANGE || piece.n < SENDFILE_MIN)
		return YB_UNSUPPORTED;
	if (preadv2(c->log_fd, &iov, 1, (off_t)piece.offset, RWF_NOWAIT) > 0)
		return YB_UNSUPPORTED;
	offset = (off_t)piece.offset;
	do
		n = sendfile(c->fd, c->log_fd, &offset, c->burst);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? YB_AGAIN : YB_UNSUPPORTED;
	if (n == 0)
		return YB_UNSUPPORTED; /* the plain way tells what is wrong */
	*ret_n = (size_t)n;
	return YB_OK;
}

/*
 * One message and nothing else: its status line, and the range in the same
 * packets. UNSUPPORTED: something else is to be sent.
 */
static enum yb_err send_lone(struct connection *c, size_t *ret_n)
{
	struct out_piece pieces[3];
	off_t offset;
	ssize_t n;

	if (c->tls != NULL || !is_lone(pieces, out_peek(c->out, pieces, 3)) ||
	    pieces[1].n < LONE_MIN || pieces[1].n > LONE_MAX)
		return YB_UNSUPPORTED;
	do
		n = send(c->fd, pieces[0].p, pieces[0].n,
			 MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_from_errno(errno);
	*ret_n = (size_t)n;
	if (*ret_n < pieces[0].n)
		return YB_OK;
	offset = (off_t)pieces[1].offset;
	do
		n = sendfile(c->fd, c->log_fd, &offset, pieces[1].n);
	while (n < 0 && errno == EINTR);
	/* What is wrong with the log the plain way tells, which is next. */
	if (n < 0)
		return errno == EAGAIN ? YB_AGAIN : YB_OK;
	*ret_n += (size_t)n;
	return YB_OK;
}

/* How much to offer the socket next, after it has taken `n` of `g`. */
static void adapt_burst(struct connection *c, const struct gathered *g,
			size_t n)
{
	if (n == g->octets)
		c->burst = c->burst < WORKER_SCRATCH / 2 ? c->burst * 2
							 : WORKER_SCRATCH;
	else
		c->burst = n * 2 < BURST_MIN        ? BURST_MIN
			   : n * 2 > WORKER_SCRATCH ? WORKER_SCRATCH
						    : (uint32_t)n * 2;
}

static enum yb_err send_gathered(struct connection *c, size_t *ret_n)
{
	UNSET struct gathered g;
	enum yb_err err;

	if (!gather(c, &g))
		return YB_IO;
	err = c->tls != NULL ? send_tls(c, &g, ret_n)
			     : send_plain(c, &g, ret_n);
	if (err != YB_OK && err != YB_AGAIN)
		return err;
	adapt_burst(c, &g, *ret_n);
	/* It took less than there was: it is full. */
	return *ret_n < g.octets ? YB_AGAIN : YB_OK;
}

enum yb_err connection_send(struct connection *c, size_t *ret_n)
{
	size_t n = 0;
	enum yb_err err = send_cold(c, &n);

	if (err == YB_UNSUPPORTED)
		err = send_lone(c, &n);
	if (err == YB_UNSUPPORTED)
		err = send_gathered(c, &n);
	*ret_n = n;
	if (n == 0)
		return err;
	c->octets_out += n;
	c->moved_ms = loop_now(c->worker->process.loop);
	metric_add(c->worker->process.page, METRIC_SENT + c->service, n);
	if (c->tap != NULL)
		wire_output(c, n);
	out_sent(c->out, n);
	return err;
}
