#include "server/drain.h"

#include "server/worker.h"

enum { LOOK_AGAIN_MS = 50 };

/* All that came is answered, and all answers have left. */
static bool is_at_rest(const struct connection *c)
{
	return c->unread.n == 0 && !c->can_read && out_is_empty(c->out) &&
	       c->class->is_hungry(c->session);
}

/* What a session is in the middle of is finished first. */
static void look_at(struct worker *w, struct connection *c, uint64_t now_ms)
{
	bool late = now_ms >= w->drain.began_ms + DRAIN_MS;

	if (connection_is_young(c) && late) {
		connection_abort(c, "server is restarting");
		return;
	}
	if (c->stage != CONNECTION_OPEN || !is_at_rest(c) ||
	    (!late && now_ms < c->moved_ms + DRAIN_IDLE_MS))
		return;
	c->class->shutdown(c->session);
	connection_resume(c);
}

/*
 * Whether it may still ask auth or store. What a slow client has asked for
 * beyond the message that it takes, it asks again of the successor.
 */
static bool needs_others(const struct worker *w, const struct connection *c,
			 uint64_t now_ms)
{
	if (connection_is_young(c))
		return true;
	if (c->stage != CONNECTION_OPEN || c->class->is_over(c->session))
		return false;
	return out_is_empty(c->out) ||
	       now_ms < w->drain.began_ms + DRAIN_SLOW_MS;
}

static void look(void *ctx, uint64_t now_ms)
{
	struct worker *w = ctx;
	bool needed = false;

	list_for_each_safe(link, &w->connections)
		look_at(w, list_entry(link, struct connection, link), now_ms);
	list_for_each(link, &w->connections)
		needed = needed ||
			 needs_others(w,
				      list_entry(link, struct connection, link),
				      now_ms);
	if (!needed && !w->drain.told) {
		w->drain.told = true;
		/* If the supervisor is gone, on_end() comes. */
		(void)channel_send(&w->process.supervisor, MESSAGE_DRAINED, 0,
				   NULL, 0, NULL, 0);
	}
	if (now_ms >= w->drain.began_ms + DRAIN_SENDING_MS)
		process_end(&w->process, 0);
	else
		loop_timer_set(w->process.loop, &w->drain.timer,
			       now_ms + LOOK_AGAIN_MS);
}

void drain_init(struct worker *w)
{
	loop_timer_init(&w->drain.timer, look, w);
}

void drain_begin(struct worker *w)
{
	w->drain.began_ms = loop_now(w->process.loop);
	worker_stop_listening(w);
	look(w, w->drain.began_ms);
}
