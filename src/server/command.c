#include "server/command_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- JSON ---- */

/* Each piece remembers its size, in front of it. */
static void *take(size_t n)
{
	size_t *p = malloc(sizeof(max_align_t) + n);

	if (p == NULL)
		return NULL;
	*p = n;
	return (char *)p + sizeof(max_align_t);
}

static void wipe(void *p)
{
	size_t *at;

	if (p == NULL)
		return;
	at = (void *)((char *)p - sizeof(max_align_t));
	mem_wipe(p, *at);
	free(at);
}

void command_prepare_json(void)
{
	json_set_alloc_funcs(take, wipe);
}

/* ---- questions ---- */

void command_finish(struct question *q, enum yb_err err, const json_t *answer)
{
	command_done_fn *done = q->done;
	void *ctx = q->ctx;

	mem_wipe(q->line, q->n);
	free(q);
	done(ctx, err, answer);
}

static void stop_waiting(struct command *c, struct question *q)
{
	list_remove(&q->link);
	c->waiting_n--;
}

/* The next one that gets a process; NULL if none waits. */
static struct question *oldest(const struct command *c)
{
	return list_empty(&c->waiting)
		       ? NULL
		       : list_entry(c->waiting.next, struct question, link);
}

static void fail_waiting(struct command *c, enum yb_err err)
{
	struct question *q;

	while ((q = oldest(c)) != NULL) {
		stop_waiting(c, q);
		command_finish(q, err, NULL);
	}
}

static struct command_process *find(struct command *c, enum command_state state)
{
	for (unsigned i = 0; i < c->processes; i++)
		if (c->all[i].state == state)
			return &c->all[i];
	return NULL;
}

static void set_timer(struct command *c)
{
	const struct question *first = oldest(c);
	uint64_t at = first == NULL ? UINT64_MAX : first->due_ms;

	for (unsigned i = 0; i < c->processes; i++) {
		const struct question *q = c->all[i].asked;

		if (q != NULL && q->due_ms < at)
			at = q->due_ms;
	}
	loop_timer_set(c->loop, &c->timer, at);
}

void command_go_on(struct command *c)
{
	struct question *q;

	while ((q = oldest(c)) != NULL) {
		struct command_process *p = find(c, IDLE);
		enum yb_err err = YB_OK;

		if (p == NULL && loop_now(c->loop) < c->pause_until_ms) {
			fail_waiting(c, YB_GONE);
			break;
		}
		if (p == NULL) {
			p = find(c, NONE);
			if (p == NULL)
				break;
			err = command_process_start(p);
		}
		if (err != YB_OK) {
			c->pause_until_ms =
				loop_now(c->loop) + COMMAND_PAUSE_MS;
			fail_waiting(c, err);
			break;
		}
		stop_waiting(c, q);
		command_process_give(p, q);
	}
	set_timer(c);
}

static void on_timer(void *ctx, uint64_t now_ms)
{
	struct command *c = ctx;
	struct question *q;

	while ((q = oldest(c)) != NULL && q->due_ms <= now_ms) {
		stop_waiting(c, q);
		command_finish(q, YB_TIMEOUT, NULL);
	}
	for (unsigned i = 0; i < c->processes; i++) {
		struct command_process *p = &c->all[i];

		if (p->asked != NULL && p->asked->due_ms <= now_ms)
			command_process_break_off(p, "did not answer in time",
						  YB_TIMEOUT);
	}
	command_go_on(c);
}

static struct question *make_question(struct command *c, json_t *object,
				      command_done_fn *done, void *ctx)
{
	struct question *q = NULL;
	size_t n;

	if (object == NULL ||
	    json_object_set_new(object, "version",
				json_integer(COMMAND_VERSION)) < 0 ||
	    json_object_set_new(object, "id",
				json_integer((json_int_t)c->next_id)) < 0)
		return NULL;
	n = json_dumpb(object, NULL, 0, JSON_COMPACT);
	if (n > 0 && n < COMMAND_LINE_MAX)
		q = calloc(1, sizeof *q + n + 1);
	if (q == NULL)
		return NULL;
	(void)json_dumpb(object, (char *)q->line, n, JSON_COMPACT);
	q->line[n] = '\n';
	q->n = n + 1;
	q->id = c->next_id++;
	q->due_ms = loop_now(c->loop) + c->timeout_ms;
	q->done = done;
	q->ctx = ctx;
	list_init(&q->link);
	return q;
}

void command_ask(struct command *c, json_t *question, command_done_fn *done,
		 void *ctx)
{
	struct question *q;

	if (c->waiting_n >= COMMAND_WAITING_MAX) {
		json_decref(question);
		done(ctx, YB_OVERLOAD, NULL);
		return;
	}
	q = make_question(c, question, done, ctx);
	json_decref(question);
	if (q == NULL) {
		done(ctx, YB_INVALID, NULL);
		return;
	}
	list_push(&c->waiting, &q->link);
	c->waiting_n++;
	command_go_on(c);
}

/* ---- life ---- */

enum yb_err command_new(struct loop *loop, struct log *log,
			const struct command_config *config,
			struct command **ret)
{
	struct command *c = calloc(1, sizeof *c);

	if (c == NULL)
		return YB_NOMEM;
	c->program = strdup(config->program);
	if (c->program == NULL) {
		free(c);
		return YB_NOMEM;
	}
	c->loop = loop;
	c->log = log;
	c->name = config->name;
	c->processes = config->processes < COMMAND_PROCESSES_MAX
			       ? config->processes
			       : COMMAND_PROCESSES_MAX;
	c->timeout_ms = config->timeout_ms;
	c->next_id = 1;
	list_init(&c->waiting);
	loop_timer_init(&c->timer, on_timer, c);
	for (unsigned i = 0; i < COMMAND_PROCESSES_MAX; i++)
		command_process_init(&c->all[i], c);
	*ret = c;
	return YB_OK;
}

void command_renew(struct command *c)
{
	for (unsigned i = 0; i < c->processes; i++) {
		struct command_process *p = &c->all[i];

		if (p->state == BUSY)
			p->renew = true;
		else
			command_process_end(p, YB_GONE);
	}
}

void command_free(struct command **command)
{
	struct command *c = *command;

	if (c == NULL)
		return;
	*command = NULL;
	for (unsigned i = 0; i < COMMAND_PROCESSES_MAX; i++) {
		struct command_process *p = &c->all[i];

		p->has_answered = true; /* no fault of its own */
		command_process_bury(p);
	}
	fail_waiting(c, YB_GONE);
	loop_timer_stop(&c->timer);
	free(c->program);
	free(c);
}
