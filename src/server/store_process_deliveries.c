/*
 * Those who bring mail: deliveries, and files for large bodies.
 */
#include <sys/stat.h>

#include "base/cleanup.h"
#include "os/fd.h"
#include "server/store_process_private.h"

static void on_delivered(void *ctx, const enum yb_err *errs, size_t n)
{
	struct question *q = ctx;
	struct worker_peer *w = question_asker(q);
	uint32_t count = (uint32_t)n;
	uint8_t codes[STORE_PLACES_MAX];
	struct span parts[2];

	question_observe(q, METRIC_COMMIT);
	for (size_t i = 0; i < n; i++)
		codes[i] = (uint8_t)errs[i];
	parts[0] = span_of(&count, sizeof count);
	parts[1] = span_of(codes, n);
	if (w != NULL)
		(void)channel_send(&w->peer.channel, MESSAGE_DELIVERED, q->id,
				   parts, 2, NULL, 0);
	question_free(q);
}

static void refuse_delivery(struct question *q, size_t n)
{
	UNSET enum yb_err errs[STORE_PLACES_MAX];

	for (size_t i = 0; i < n; i++)
		errs[i] = YB_OVERLOAD;
	on_delivered(q, errs, n);
}

/* Where a delivery goes, and its body; false if malformed. */
static bool read_delivery(struct message *m, struct store_delivery *d,
			  struct store_place *places,
			  struct store_quota *quotas)
{
	struct message_reader r;
	uint8_t mode;
	uint32_t n;

	message_read(&r, m);
	mode = message_read_u8(&r);
	d->received_ns = (int64_t)message_read_u64(&r);
	d->wire_n = message_read_u64(&r);
	n = message_read_u32(&r);
	if (r.bad || mode > STORE_EACH || n == 0 || n > STORE_PLACES_MAX)
		return false;
	message_read_into(&r, places, n * sizeof *places);
	message_read_into(&r, quotas, n * sizeof *quotas);
	d->prefix = message_read_octets(&r);
	d->wire = message_read_octets(&r);
	d->mode = (enum store_delivery_mode)mode;
	d->places = places;
	d->quotas = quotas;
	d->places_n = n;
	return message_read_ended(&r) && m->fds_n <= 1 &&
	       (m->fds_n == 1 ? d->wire.n == 0 : d->wire.n == d->wire_n);
}

/*
 * What a worker may hand in is bounded by what it may take in: doubled dots
 * add a third at most, the end three octets. A body of its own making could
 * be sparse and fill the disk, or be something whose reading never ends.
 */
static bool is_body(const struct store_process *p, int fd, uint64_t wire_n)
{
	uint64_t max = p->process.config.message_size_max;
	struct stat st;

	if (wire_n > max + max / 3 + 3)
		return false;
	return fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
			  (uint64_t)st.st_size == wire_n);
}

bool store_process_deliver(struct worker_peer *w, struct message *m)
{
	struct store_process *p = w->peer.owner;
	UNSET struct store_place places[STORE_PLACES_MAX];
	UNSET struct store_quota quotas[STORE_PLACES_MAX];
	struct store_delivery d = { .fd = -1 };
	struct question *q;

	if (!read_delivery(m, &d, places, quotas) ||
	    !is_body(p, m->fds_n == 1 ? m->fds[0] : -1, d.wire_n))
		return false;
	q = question_new(p, w->peer.number, w->peer.incarnation, m->id);
	if (q == NULL)
		return true; /* the worker's deadline answers 451 */
	if (m->fds_n == 1 &&
	    (w->bodies_n == BODIES_MAX || p->bodies_n == p->bodies_max)) {
		refuse_delivery(q, d.places_n);
		return true;
	}
	if (m->fds_n == 1) {
		d.fd = q->fd = fd_steal(&m->fds[0]);
		w->bodies_n++;
		p->bodies_n++;
	}
	store_deliver(p->store, &d, on_delivered, q);
	return true;
}

bool store_process_spool_wanted(struct worker_peer *w, struct message *m)
{
	struct store_process *p = w->peer.owner;
	AUTO_FD fd = -1;
	enum yb_err err = store_spool(p->store, &fd);

	store_process_answer(w, MESSAGE_SPOOL, m->id, err, fd);
	return true;
}
