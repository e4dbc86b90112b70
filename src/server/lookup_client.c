#include "server/lookup_client.h"

#include <stdlib.h>

#include "os/clock.h"

/* What its asker wants to know, while it is under way. */
struct asked {
	struct lookup_client *client;
	enum lookup_kind kind;
	lookup_answer_fn *answer;
	void *ctx;
	uint64_t began_ns;
};

static enum metric_lookup_result result_of(enum yb_err err)
{
	switch (err) {
	case YB_OK:
		return METRIC_LOOKUP_OK;
	case YB_TIMEOUT:
		return METRIC_LOOKUP_TIMEOUT;
	case YB_INVALID:
		return METRIC_LOOKUP_INVALID;
	case YB_OVERLOAD:
		return METRIC_LOOKUP_OVERLOAD;
	default:
		return METRIC_LOOKUP_FAILED;
	}
}

/* Here and not in lookup, which may be what has failed. */
static void count(const struct lookup_client *c, enum lookup_kind kind,
		  enum yb_err err)
{
	metric_add(c->process->page,
		   METRIC_LOOKUPS + (uint32_t)kind * METRIC_LOOKUP_RESULTS_N +
			   result_of(err),
		   1);
}

static void count_answer(const struct asked *asked, enum yb_err err)
{
	struct metrics_page *page = asked->client->process->page;

	count(asked->client, asked->kind, err);
	metric_observe(page,
		       METRIC_LOOKUP +
			       (uint32_t)asked->kind * METRIC_CELLS_HISTOGRAM,
		       clock_mono_ns() - asked->began_ns, 1);
}

static bool on_answer(void *ctx, enum yb_err err, struct message *m)
{
	struct asked asked = *(struct asked *)ctx;
	struct message_reader r = { .bad = false };
	bool good = true;

	free(ctx);
	asked.client->in_flight[asked.kind]--;
	if (err == YB_OK) {
		message_read(&r, m);
		err = message_read_err(&r);
		good = !r.bad && m->fds_n == 0;
	}
	if (!good)
		(void)asked.answer(asked.ctx, YB_INVALID, NULL);
	else
		good = asked.answer(asked.ctx, err, err == YB_OK ? &r : NULL);
	count_answer(&asked, good ? err : YB_INVALID);
	return good;
}

static enum yb_err ask(struct lookup_client *c, enum lookup_kind kind,
		       const struct span *parts, size_t parts_n,
		       uint64_t limit_ms, lookup_answer_fn *answer, void *ctx)
{
	uint32_t number = kind;
	struct span all[LOOKUP_PARTS_MAX + 1] = { span_of(&number,
							  sizeof number) };
	struct asked *asked;
	uint64_t id;
	enum yb_err err;

	if (!c->peer.present)
		return YB_GONE;
	if (c->in_flight[kind] >= LOOKUP_IN_FLIGHT_MAX ||
	    parts_n > LOOKUP_PARTS_MAX)
		return YB_OVERLOAD;
	asked = calloc(1, sizeof *asked);
	if (asked == NULL)
		return YB_NOMEM;
	*asked = (struct asked){ c, kind, answer, ctx, clock_mono_ns() };
	for (size_t i = 0; i < parts_n; i++)
		all[i + 1] = parts[i];
	id = requests_begin_within(&c->requests, ASKED_LOOKUP,
				   limit_ms + LOOKUP_GRACE_MS, on_answer,
				   asked);
	err = id == 0 ? YB_OVERLOAD
		      : channel_send(&c->peer.channel, MESSAGE_LOOKUP, id, all,
				     parts_n + 1, NULL, 0);
	if (err != YB_OK) {
		requests_cancel(&c->requests, id);
		free(asked);
		return err;
	}
	c->in_flight[kind]++;
	return YB_OK;
}

enum yb_err lookup_ask(struct lookup_client *c, enum lookup_kind kind,
		       const struct span *parts, size_t parts_n,
		       uint64_t limit_ms, lookup_answer_fn *answer, void *ctx)
{
	enum yb_err err = ask(c, kind, parts, parts_n, limit_ms, answer, ctx);

	if (err != YB_OK)
		count(c, kind, err);
	return err;
}

static bool on_message(struct peer *peer, struct message *m)
{
	struct lookup_client *c = peer->owner;
	bool unwanted;

	/* One that comes too late finds nobody. */
	return m->type == MESSAGE_LOOKUP_DONE &&
	       requests_answer(&c->requests, ASKED_LOOKUP, m, &unwanted);
}

static void on_end(struct peer *peer, enum yb_err why)
{
	struct lookup_client *c = peer->owner;

	(void)why;
	requests_fail(&c->requests, ASKED_LOOKUP);
}

enum yb_err lookup_client_init(struct lookup_client *c, struct process *process)
{
	*c = (struct lookup_client){ .process = process };
	c->peer.owner = c;
	c->peer.on_message = on_message;
	c->peer.on_end = on_end;
	return requests_init(&c->requests, process->loop);
}
