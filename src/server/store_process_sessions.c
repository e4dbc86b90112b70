/*
 * Those who read and delete: maildrops are opened upon auth's word, and closed
 * at QUIT, with the worker, or when auth takes its word back.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "os/memfd.h"
#include "server/store_process_private.h"

enum {
	/* Rows that travel inside the answer to a login. */
	LISTING_INLINE = 32 * 1024,
	/* uids are below 2^32, and ranges do not touch: far fewer. */
	RANGES_MAX = 64 * 1024 * 1024,
};

/* ---- a login's third message ---- */

static enum yb_err send_opened(struct worker_peer *w, const struct question *q,
			       struct store_snapshot *snapshot, uint64_t handle)
{
	struct span listing = store_snapshot_listing(snapshot);
	UNSET struct message_writer head;
	struct span parts[2];
	enum yb_err err = YB_OK;
	int fd = -1;

	if (listing.n > LISTING_INLINE) {
		err = store_snapshot_memfd(snapshot, &fd);
		listing = SPAN_NONE;
	}
	if (err != YB_OK)
		return err;
	message_write(&head);
	message_write_u32(&head, YB_OK);
	message_write_u64(&head, handle);
	message_write_u8(&head, q->tag.may_delete);
	message_write_octets(&head, span_str(q->address));
	message_write_u64(&head, store_snapshot_listing_number(snapshot));
	message_write_u32(&head, (uint32_t)listing.n);
	parts[0] = message_written(&head);
	parts[1] = listing;
	return channel_send(&w->peer.channel, MESSAGE_OPENED, q->id, parts, 2,
			    &fd, fd >= 0);
}

static void send_not_opened(struct worker_peer *w, uint64_t id, enum yb_err err)
{
	UNSET struct message_writer out;

	message_write(&out);
	message_write_u32(&out, err);
	message_write_u64(&out, 0);
	message_write_u8(&out, 0);
	message_write_octets(&out, SPAN_NONE);
	message_write_u64(&out, 0);
	message_write_octets(&out, SPAN_NONE);
	(void)channel_send_fields(&w->peer.channel, MESSAGE_OPENED, id, &out);
}

static void on_opened(void *ctx, enum yb_err err,
		      struct store_snapshot *snapshot)
{
	struct question *q = ctx;
	struct worker_peer *w = question_asker(q);
	uint64_t handle;

	question_observe(q, METRIC_OPEN);
	if (w == NULL) {
		store_snapshot_close(&snapshot);
		question_free(q);
		return;
	}
	if (err == YB_OK && q->revoked) {
		store_snapshot_close(&snapshot);
		err = YB_DENIED;
	}
	if (err == YB_OK) {
		handle = handles_add(&w->sessions, snapshot, &q->tag);
		err = handle == 0 ? YB_OVERLOAD
				  : send_opened(w, q, snapshot, handle);
		if (handle != 0 && err != YB_OK)
			(void)handles_take(&w->sessions, handle);
		if (err != YB_OK)
			store_snapshot_close(&snapshot);
	}
	if (err != YB_OK)
		send_not_opened(w, q->id, err);
	question_free(q);
}

bool store_process_grant(struct store_process *p, struct message *m)
{
	struct message_reader r;
	struct store_place place;
	struct question *q;
	uint32_t worker, device;
	uint64_t incarnation;
	struct span address;
	bool may_delete;

	message_read(&r, m);
	worker = message_read_u32(&r);
	incarnation = message_read_u64(&r);
	message_read_into(&r, place.account.octets,
			  sizeof place.account.octets);
	place.mailbox = message_read_u32(&r);
	device = message_read_u32(&r);
	may_delete = message_read_u8(&r) != 0;
	address = message_read_octets(&r);
	if (!message_read_ended(&r) || worker >= WORKERS_MAX ||
	    device >= STORE_DEVICES_MAX)
		return false;
	q = question_new(p, worker, incarnation, m->id);
	if (q == NULL)
		return true; /* the worker's deadline tells */
	if (!span_to_str(address, q->address, sizeof q->address)) {
		question_free(q);
		return false;
	}
	q->tag = (struct handle_tag){ .device = device,
				      .may_delete = may_delete };
	memcpy(q->tag.account, place.account.octets, sizeof q->tag.account);
	list_push(&p->grants, &q->link);
	store_snapshot_open(p->store, place, device, on_opened, q);
	return true;
}

/* ---- logins that are worth nothing any more ---- */

/* The worker tells the client; whatever it does, this session reads and
 * deletes nothing more. */
static void end_session(struct worker_peer *w, uint64_t handle)
{
	struct store_snapshot *snapshot = handles_take(&w->sessions, handle);
	UNSET struct message_writer out;

	store_snapshot_close(&snapshot);
	message_write(&out);
	message_write_u64(&out, handle);
	(void)channel_send_fields(&w->peer.channel, MESSAGE_SESSION_ENDED, 0,
				  &out);
}

bool store_process_revoked(struct store_process *p, struct message *m)
{
	struct message_reader r;
	uint8_t account[16];
	uint64_t devices, handle;

	message_read(&r, m);
	message_read_into(&r, account, sizeof account);
	devices = message_read_u64(&r);
	if (!message_read_ended(&r))
		return false;
	list_for_each(link, &p->grants) {
		struct question *q = list_entry(link, struct question, link);

		if ((devices & 1ull << q->tag.device) != 0 &&
		    memcmp(q->tag.account, account, sizeof account) == 0)
			q->revoked = true;
	}
	for (uint32_t i = 0; i < WORKERS_MAX; i++) {
		struct worker_peer *w = &p->workers[i];
		uint32_t at = 0;

		while (w->peer.present &&
		       (handle = handles_next_of(&w->sessions, account, devices,
						 &at)) != 0)
			end_session(w, handle);
	}
	return true;
}

/* ---- what workers ask ---- */

bool store_process_log_wanted(struct worker_peer *w, struct message *m)
{
	struct message_reader r;
	struct store_snapshot *snapshot;
	enum yb_err err = YB_SNAPSHOT_GONE;
	int fd = -1;

	message_read(&r, m);
	snapshot = handles_find(&w->sessions, message_read_u64(&r));
	if (!message_read_ended(&r))
		return false;
	if (snapshot != NULL)
		err = store_snapshot_log(snapshot, &fd);
	store_process_answer(w, MESSAGE_LOG_READY, m->id, err, fd);
	return true;
}

bool store_process_close(struct worker_peer *w, struct message *m)
{
	struct message_reader r;
	struct store_snapshot *snapshot;
	uint64_t handle;

	message_read(&r, m);
	handle = message_read_u64(&r);
	if (!message_read_ended(&r))
		return false;
	snapshot = handles_take(&w->sessions, handle);
	store_snapshot_close(&snapshot);
	return true;
}

static void on_expunged(void *ctx, enum yb_err err, struct store_change change)
{
	struct question *q = ctx;
	struct worker_peer *w = question_asker(q);

	(void)change;
	question_observe(q, METRIC_EXPUNGE);
	if (w != NULL)
		store_process_answer(w, MESSAGE_QUIT_DONE, q->id, err, -1);
	question_free(q);
}

static void expunge(struct question *q, const struct store_session *by,
		    struct span ranges)
{
	/* Inline ranges may lie at any address. */
	struct uid_range *copy = malloc(ranges.n);

	if (copy == NULL) {
		on_expunged(q, YB_NOMEM, (struct store_change){ 0 });
		return;
	}
	memcpy(copy, ranges.p, ranges.n);
	store_expunge(q->snapshot, by, copy, ranges.n / sizeof *copy,
		      on_expunged, q);
	free(copy);
}

bool store_process_quit(struct worker_peer *w, struct message *m)
{
	struct store_process *p = w->peer.owner;
	struct store_session by = { .worker = (uint8_t)w->peer.number,
				    .kind = STORE_WORKER_SESSION };
	struct span mapping = SPAN_NONE, ranges;
	const struct handle_tag *tag;
	struct message_reader r;
	struct question *q;
	uint64_t handle;

	message_read(&r, m);
	handle = message_read_u64(&r);
	by.start = message_read_u32(&r);
	by.number = message_read_u32(&r);
	ranges = message_read_octets(&r);
	if (!message_read_ended(&r) || m->fds_n > 1)
		return false;
	tag = handles_tag(&w->sessions, handle);
	if (tag == NULL) {
		store_process_answer(w, MESSAGE_QUIT_DONE, m->id,
				     YB_SNAPSHOT_GONE, -1);
		return true;
	}
	if (!tag->may_delete)
		return false; /* the worker was told so */
	q = question_new(p, w->peer.number, w->peer.incarnation, m->id);
	if (q == NULL) {
		store_process_answer(w, MESSAGE_QUIT_DONE, m->id, YB_NOMEM, -1);
		return true;
	}
	q->snapshot = handles_take(&w->sessions, handle);
	if (m->fds_n == 1) {
		if (memfd_map(m->fds[0], RANGES_MAX, &mapping) != YB_OK) {
			question_free(q);
			return false;
		}
		ranges = mapping;
	}
	if (ranges.n == 0 || ranges.n % sizeof(struct uid_range) != 0) {
		memfd_unmap(&mapping);
		question_free(q);
		return false;
	}
	expunge(q, &by, ranges);
	memfd_unmap(&mapping);
	return true;
}

void store_process_close_sessions(struct worker_peer *w)
{
	struct store_snapshot *snapshot;

	while ((snapshot = handles_take_any(&w->sessions)) != NULL)
		store_snapshot_close(&snapshot);
}
