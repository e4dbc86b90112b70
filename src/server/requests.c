#include "server/requests.h"

#include <stdlib.h>

/* A slot's number is in the low half of an id, its uses in the high half. */
static inline uint32_t slot_of(uint64_t id)
{
	return (uint32_t)id - 1;
}

static void out_of_time(void *ctx, uint64_t now_ms);

enum yb_err requests_init(struct requests *r, struct loop *loop)
{
	*r = (struct requests){ .loop = loop };
	list_init(&r->waiting);
	list_init(&r->free);
	loop_timer_init(&r->timer, out_of_time, r);
	r->slots = calloc(REQUESTS_MAX, sizeof *r->slots);
	if (r->slots == NULL)
		return YB_NOMEM;
	return YB_OK;
}

/* Slots are first used one after the other, so that unused ones cost no
 * memory: the pages of calloc() are not touched before. */
static struct request_slot *take_slot(struct requests *r)
{
	struct list *link = list_pop(&r->free);

	if (link != NULL)
		return list_entry(link, struct request_slot, link);
	if (r->slots_n == REQUESTS_MAX)
		return NULL;
	list_init(&r->slots[r->slots_n].link);
	return &r->slots[r->slots_n++];
}

/* In order of deadlines: as all wait equally long, or nearly all, the place is
 * at the end or near it. */
static void enlist(struct requests *r, struct request_slot *slot)
{
	struct list *before = r->waiting.prev;

	while (before != &r->waiting &&
	       list_entry(before, struct request_slot, link)->deadline_ms >
		       slot->deadline_ms)
		before = before->prev;
	list_add_before(before->next, &slot->link);
	if (r->waiting.next == &slot->link)
		loop_timer_set(r->loop, &r->timer, slot->deadline_ms);
}

uint64_t requests_begin(struct requests *r, unsigned asked,
			request_answer_fn *answer, void *ctx)
{
	return requests_begin_within(r, asked, REQUEST_MS, answer, ctx);
}

uint64_t requests_begin_within(struct requests *r, unsigned asked, uint64_t ms,
			       request_answer_fn *answer, void *ctx)
{
	struct request_slot *slot = take_slot(r);

	if (slot == NULL)
		return 0;
	if (slot->id == 0)
		slot->id = (uint64_t)(slot - r->slots) + 1;
	slot->id += 1ull << 32;
	slot->asked = asked;
	slot->answer = answer;
	slot->ctx = ctx;
	slot->deadline_ms = loop_now(r->loop) + ms;
	enlist(r, slot);
	return slot->id;
}

static struct request_slot *find(struct requests *r, uint64_t id)
{
	if (slot_of(id) >= r->slots_n || r->slots[slot_of(id)].id != id ||
	    r->slots[slot_of(id)].answer == NULL)
		return NULL;
	return &r->slots[slot_of(id)];
}

static void release(struct requests *r, struct request_slot *slot)
{
	slot->answer = NULL;
	list_remove(&slot->link);
	list_push_front(&r->free, &slot->link);
}

bool requests_answer(struct requests *r, unsigned from, struct message *m,
		     bool *ret_unwanted)
{
	struct request_slot *slot = find(r, m->id);
	request_answer_fn *answer;

	*ret_unwanted = slot == NULL;
	if (slot == NULL)
		return true;
	if ((slot->asked & from) == 0)
		return false;
	answer = slot->answer;
	release(r, slot);
	return answer(slot->ctx, YB_OK, m);
}

bool requests_outcome(const struct message *m, enum message_type type,
		      bool has_fd, enum yb_err *err)
{
	struct message_reader r;

	if (m == NULL)
		return true;
	message_read(&r, m);
	*err = message_read_err(&r);
	if (message_read_ended(&r) && m->type == type &&
	    m->fds_n == (has_fd && *err == YB_OK))
		return true;
	*err = YB_GONE;
	return false;
}

void requests_cancel(struct requests *r, uint64_t id)
{
	struct request_slot *slot = find(r, id);

	if (slot != NULL)
		release(r, slot);
}

static void fail(struct requests *r, struct request_slot *slot, enum yb_err err)
{
	request_answer_fn *answer = slot->answer;

	release(r, slot);
	(void)answer(slot->ctx, err, NULL); /* there is no message to judge */
}

void requests_fail(struct requests *r, unsigned asked)
{
	/* Answers may ask anew; those questions are not looked at, since they
	 * find no channel and fail at once. */
	for (size_t i = 0; i < r->slots_n; i++)
		if (r->slots[i].answer != NULL &&
		    (r->slots[i].asked & asked) != 0)
			fail(r, &r->slots[i], YB_GONE);
}

void requests_fail_logins(struct requests *r)
{
	for (size_t i = 0; i < r->slots_n; i++)
		if (r->slots[i].answer != NULL &&
		    r->slots[i].asked == ASKED_LOGIN)
			fail(r, &r->slots[i], YB_GONE);
}

static void out_of_time(void *ctx, uint64_t now_ms)
{
	struct requests *r = ctx;

	while (!list_empty(&r->waiting)) {
		struct request_slot *first =
			list_entry(r->waiting.next, struct request_slot, link);

		if (first->deadline_ms > now_ms) {
			loop_timer_set(r->loop, &r->timer, first->deadline_ms);
			return;
		}
		fail(r, first, YB_TIMEOUT);
	}
}
