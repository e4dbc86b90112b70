#include "server/paced.h"

#include <stdlib.h>

static void give(struct paced *p, struct paced_answer *a)
{
	list_remove(&a->link);
	p->n--;
	p->send(p->ctx, a);
	free(a);
}

static void on_tick(void *ctx, uint64_t now_ms)
{
	struct paced *p = ctx;

	while (!list_empty(&p->waiting)) {
		struct paced_answer *a =
			list_entry(p->waiting.next, struct paced_answer, link);

		if (a->due_ms > now_ms) {
			loop_timer_set(p->loop, &p->timer, a->due_ms);
			return;
		}
		give(p, a);
	}
}

void paced_init(struct paced *p, struct loop *loop, paced_send_fn *send,
		void *ctx)
{
	*p = (struct paced){ .loop = loop, .send = send, .ctx = ctx };
	list_init(&p->waiting);
	loop_timer_init(&p->timer, on_tick, p);
}

void paced_done(struct paced *p)
{
	loop_timer_stop(&p->timer);
	while (!list_empty(&p->waiting)) {
		struct paced_answer *a =
			list_entry(p->waiting.next, struct paced_answer, link);

		list_remove(&a->link);
		free(a);
	}
	p->n = 0;
}

void paced_add(struct paced *p, const struct paced_answer *answer,
	       const struct span *parts, size_t parts_n)
{
	struct paced_answer *a;
	size_t n = 0;

	for (size_t i = 0; i < parts_n; i++)
		n += parts[i].n;
	a = malloc(sizeof *a + n);
	if (a == NULL)
		return;
	*a = *answer;
	a->n = 0;
	for (size_t i = 0; i < parts_n; i++) {
		if (parts[i].n > 0)
			memcpy(a->octets + a->n, parts[i].p, parts[i].n);
		a->n += parts[i].n;
	}
	a->due_ms = loop_now(p->loop) + PACED_MS;
	list_push(&p->waiting, &a->link);
	p->n++;
	if (p->n > PACED_MAX)
		give(p, list_entry(p->waiting.next, struct paced_answer, link));
	else if (p->n == 1)
		loop_timer_set(p->loop, &p->timer, a->due_ms);
}
