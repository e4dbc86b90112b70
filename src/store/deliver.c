/*
 * Deliveries.
 */
#include "store/private.h"

#include <assert.h>

/* 2^56 octets: more than any file, so that sizes cannot overflow. */
#define DELIVER_WIRE_MAX ((uint64_t)1 << 56)

/* A body in memory is checked at once; one in a file while it is copied. */
static enum yb_err check_wire(struct operation *op)
{
	enum yb_err err;

	wire_check_init(&op->check);
	wire_check_feed(&op->check, op->prefix);
	wire_check_feed(&op->check, op->wire);
	err = wire_check_finish(&op->check);
	if (err == YB_OK &&
	    (op->check.dots > UINT32_MAX || op->check.header_size > UINT32_MAX))
		err = YB_TOO_BIG;
	return err;
}

static void fail_parts(struct operation *op, enum yb_err err)
{
	for (size_t i = 0; i < op->parts_n; i++)
		if (op->parts[i].state == PART_QUEUED)
			part_done(&op->parts[i], err);
}

/* For want of memory there is no operation, but still an answer. */
static void refuse_delivery(const struct store_delivery *delivery,
			    store_delivered_fn *delivered, void *ctx)
{
	static const enum yb_err errs[STORE_PLACES_MAX] = {
		[0 ... STORE_PLACES_MAX - 1] = YB_NOMEM,
	};

	delivered(ctx, errs, delivery->places_n);
}

/* The part of an earlier place that is the same mailbox, or NULL. */
static struct part *find_twin(struct operation *op, const struct part *part)
{
	for (struct part *p = op->parts; p < part; p++)
		if (p->mb == part->mb && p->twin == NULL)
			return p;
	return NULL;
}

/* A mailbox named twice gets one copy; both places get its outcome. */
static void find_mailboxes(struct operation *op,
			   const struct store_place *places,
			   const struct store_quota *quotas)
{
	for (size_t i = 0; i < op->parts_n; i++) {
		struct part *part = &op->parts[i];
		enum yb_err err = mailbox_get(op->st, &places[i], &part->mb);

		if (quotas != NULL)
			part->quota = quotas[i];
		if (err == YB_OK)
			part->twin = find_twin(op, part);
		if (err != YB_OK || part->twin != NULL)
			part_done(part, err);
	}
}

static void set_body(struct operation *op,
		     const struct store_delivery *delivery)
{
	op->mode = delivery->mode;
	op->prefix = delivery->prefix;
	op->wire = delivery->fd < 0 ? delivery->wire : SPAN_NONE;
	op->fd = delivery->fd;
	op->wire_at = delivery->wire_at;
	op->wire_n = delivery->wire_n;
	op->received_ns = delivery->received_ns;
	op->has_id = delivery->id != NULL;
	if (op->has_id)
		memcpy(op->id, delivery->id, sizeof op->id);
}

void store_deliver(struct store *st, const struct store_delivery *delivery,
		   store_delivered_fn *delivered, void *ctx)
{
	struct operation *op;
	enum yb_err err = YB_OK;

	assert(delivery->places_n <= STORE_PLACES_MAX);
	if (delivery->places_n == 0) {
		delivered(ctx, NULL, 0);
		return;
	}
	op = operation_new(st, LOG_MESSAGE, delivery->places_n);
	if (op == NULL) {
		refuse_delivery(delivery, delivered, ctx);
		return;
	}
	set_body(op, delivery);
	op->delivered = delivered;
	op->ctx = ctx;
	if (op->fd < 0)
		err = check_wire(op);
	else if (op->wire_n > DELIVER_WIRE_MAX)
		err = YB_TOO_BIG;
	if (err != YB_OK) {
		fail_parts(op, err);
	} else {
		find_mailboxes(op, delivery->places, delivery->quotas);
		if (op->left > 0)
			operation_start(op);
	}
	store_settle(st);
}
