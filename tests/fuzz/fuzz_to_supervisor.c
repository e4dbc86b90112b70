/*
 * What a process may say to the supervisor (threat 61). Input: an octet (which
 * role), then messages (fuzz_process.h).
 */
#include "fuzz/fuzz_process.h"

#include <fcntl.h>

#include "server/children.c"

enum { NO_PROCESS = 0x3fffffff };

static struct children all;
static struct log quiet;

static void on_child(void *ctx, struct child *c)
{
	(void)ctx, (void)c;
}

static void on_child_err(void *ctx, struct child *c, enum yb_err err)
{
	(void)ctx, (void)c;
	MUST(err < YB_ERR_COUNT);
}

static void make_all(void)
{
	static struct config config;
	static const enum role roles[] = { ROLE_WORKER, ROLE_AUTH, ROLE_STORE,
					   ROLE_METRICS };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	MUST(loop_new(&all.loop) == YB_OK);
	log_init(&quiet, all.loop, "supervisor", null);
	all.log = &quiet;
	all.config = &config;
	all.page = calloc(1, sizeof *all.page);
	all.on_ready = all.on_drained = on_child;
	all.on_reloaded = on_child_err;
	for (size_t i = 0; i < 4; i++) {
		struct child *c = children_add(&all, roles[i], 0);

		c->pid = NO_PROCESS;
		c->incarnation = i;
	}
}

static bool take_child(void *ctx, struct message *m)
{
	struct child *c = ctx;
	bool good = on_message(c, m);

	MUST(!good || m->type == MESSAGE_CAGED || m->type == MESSAGE_ACCUSED ||
	     m->type == MESSAGE_RELOADED || m->type == MESSAGE_PONG ||
	     m->type == MESSAGE_DRAINED || m->type == MESSAGE_READY);
	return good;
}

static void run_child(struct span in, struct child *c)
{
	int end = fuzz_channel(&c->channel, all.loop);

	c->state = CHILD_STARTING;
	for (int n = 0; in.n > 0 && n < FUZZ_MESSAGES; n++) {
		c->reloading = n % 2 == 0;
		if (!fuzz_message(&in, take_child, c))
			break;
		fuzz_drain(end);
	}
	c->state = CHILD_DOWN;
	breach_forget(c);
	channel_close(&c->channel);
	fd_close(&end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	unsigned how = fuzz_take(&in);

	if (all.loop == NULL)
		make_all();
	run_child(in, &all.child[how & 3]);
	return 0;
}
