#include "server/handshakes.h"

#include "server/connection.h"

static void take_turns(void *ctx)
{
	struct handshakes *h = ctx;
	struct list *link;

	for (int i = 0; i < HANDSHAKE_STEPS; i++) {
		link = list_pop(&h->ready);
		if (link == NULL)
			return;
		h->go_on(list_entry(link, struct connection, handshake.ready));
	}
	if (!list_empty(&h->ready))
		loop_defer(h->loop, &h->task);
}

void handshakes_init(struct handshakes *h, struct loop *loop,
		     void (*go_on)(struct connection *c))
{
	*h = (struct handshakes){ .loop = loop, .go_on = go_on };
	list_init(&h->all);
	list_init(&h->ready);
	loop_task_init(&h->task, take_turns, h);
}

void handshake_init(struct handshake *link)
{
	list_init(&link->all);
	list_init(&link->ready);
}

struct connection *handshakes_add(struct handshakes *h, struct connection *c)
{
	struct connection *oldest = NULL;
	struct list *link = h->n == HANDSHAKES_MAX ? list_pop(&h->all) : NULL;

	if (link != NULL) {
		oldest = list_entry(link, struct connection, handshake.all);
		list_remove(&oldest->handshake.ready);
		h->n--;
	}
	list_push(&h->all, &c->handshake.all);
	h->n++;
	return oldest;
}

void handshakes_remove(struct handshakes *h, struct connection *c)
{
	if (list_empty(&c->handshake.all))
		return;
	list_remove(&c->handshake.all);
	list_remove(&c->handshake.ready);
	h->n--;
}

void handshakes_want(struct handshakes *h, struct connection *c)
{
	if (!list_empty(&c->handshake.ready))
		return;
	list_push(&h->ready, &c->handshake.ready);
	loop_defer(h->loop, &h->task);
}
