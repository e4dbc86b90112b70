/*
 * QUIT: what the client has deleted goes to the store as ranges of uids.
 */
#include "base/cleanup.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/memfd.h"
#include "server/pop3_session_private.h"
#include "store/store.h"

enum {
	/* Of deleted uids; more of them go in a memfd, so many at a time. */
	RANGES_INLINE = 4096,
};

/* An account taken over, or a client gone wrong, should not go unnoticed. */
static void warn_of_many(const struct pop3_session *s)
{
	const struct connection *c = s->connection;
	const struct config *config = &c->settings->config;
	uint64_t count = s->listing.head->count;
	char sid[CONNECTION_SID_MAX];
	UNSET struct log_line line;

	if (config->mass_delete_percent == 0 ||
	    s->deleted < config->mass_delete_least ||
	    s->deleted * 100 < count * config->mass_delete_percent)
		return;
	connection_sid(c, sid);
	log_begin(&line, &c->worker->process.log, LOG_WARN, "mass-delete");
	log_field_str(&line, "session", sid);
	log_field_str(&line, "account", s->address);
	log_field_u64(&line, "deleted", s->deleted);
	log_field_u64(&line, "messages", count);
	log_end(&line);
}

static bool on_quit_done(void *ctx, enum yb_err err, struct message *m)
{
	struct pop3_session *s = ctx;
	bool good = requests_outcome(m, MESSAGE_QUIT_DONE, false, &err);

	s->request = 0;
	s->waiting = false;
	if (err == YB_OK) {
		s->deleted = pop3_server_deleted_count(s->engine);
		warn_of_many(s);
	}
	pop3_server_quit_done(s->engine, err);
	connection_resume(s->connection);
	return good;
}

static void forget_uidl(struct pop3_session *s, uint32_t index)
{
	s->uidls_left -= listing_uidl_hash(listing_uidl(&s->listing, index));
}

/* Ranges of deleted uids on their way to the store, in bounded memory. */
struct ranges {
	int fd; /* memfd of those that had no room, or -1 */
	size_t n;
	struct uid_range v[RANGES_INLINE];
};

static struct span ranges_span(const struct ranges *r)
{
	return span_of(r->v, r->n * sizeof *r->v);
}

static enum yb_err ranges_spill(struct ranges *r)
{
	enum yb_err err = YB_OK;

	if (r->fd < 0)
		err = memfd_open("yubin-ranges", &r->fd);
	if (err == YB_OK)
		err = file_write_all(r->fd, ranges_span(r));
	r->n = 0;
	return err;
}

/*
 * Rows lie in the order of their uids, and what lies between two rows is gone
 * already: neighbours make one range.
 */
static enum yb_err collect_ranges(struct pop3_session *s, struct ranges *out)
{
	uint32_t count = s->listing.head->count;
	enum yb_err err = YB_OK;

	for (uint32_t i = 0; i < count && err == YB_OK; i++) {
		struct uid_range range;

		if (!pop3_server_is_deleted(s->engine, i))
			continue;
		range.first = s->listing.rows[i].uid;
		forget_uidl(s, i);
		while (i + 1 < count &&
		       pop3_server_is_deleted(s->engine, i + 1))
			forget_uidl(s, ++i);
		range.last = s->listing.rows[i].uid;
		if (out->n == RANGES_INLINE)
			err = ranges_spill(out);
		out->v[out->n++] = range;
	}
	/* All of them travel in one way. */
	if (err == YB_OK && out->fd >= 0)
		err = ranges_spill(out);
	if (err == YB_OK && out->fd >= 0)
		err = memfd_seal(out->fd);
	return err;
}

static void send_ranges(struct pop3_session *s, const struct ranges *ranges)
{
	UNSET struct message_writer w;
	struct span parts[2];

	message_write(&w);
	message_write_u64(&w, s->handle);
	message_write_u32(&w, (uint32_t)s->connection->worker->start_id);
	message_write_u32(&w, (uint32_t)s->connection->id);
	parts[1] = ranges_span(ranges);
	message_write_u32(&w, (uint32_t)parts[1].n);
	parts[0] = message_written(&w);
	s->waiting = true;
	s->request = worker_ask(s->connection->worker, ASKED_STORE,
				MESSAGE_QUIT, parts, 2, &ranges->fd,
				ranges->fd >= 0, on_quit_done, s);
	/* QUIT closes it, whatever the outcome; if it has left. */
	s->open = s->open && s->request == 0;
}

void pop3_session_quit(struct pop3_session *s)
{
	UNSET struct ranges ranges;
	enum yb_err err;

	if (pop3_server_deleted_count(s->engine) == 0) {
		pop3_session_tell_closed(s);
		pop3_server_quit_done(s->engine, YB_OK);
		return;
	}
	if (!s->open) {
		pop3_server_quit_done(s->engine, YB_SNAPSHOT_GONE);
		return;
	}
	s->uidls_left = s->listing.head->uidls;
	ranges.fd = -1;
	ranges.n = 0;
	err = collect_ranges(s, &ranges);
	if (err == YB_OK)
		send_ranges(s, &ranges);
	else
		pop3_server_quit_done(s->engine, err);
	fd_close(&ranges.fd);
}
