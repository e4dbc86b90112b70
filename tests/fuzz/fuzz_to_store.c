/*
 * What a worker, or auth, may say to the store (threat 61). Input: messages
 * (fuzz_process.h), the id's highest bit: from auth. Two messages of mail lie
 * in the mailbox that a grant without imagination names.
 */
#include "fuzz/fuzz_folder.h"
#include "fuzz/fuzz_process.h"

#include "server/store_process.c"

static struct store_process *process;
static int ends[3]; /* of worker 0, worker 1, auth */

static void on_first(void *ctx, const enum yb_err *errs, size_t n)
{
	(void)ctx;
	MUST(n == 1 && errs[0] == YB_OK);
}

static void deliver_one(struct store *st)
{
	struct store_place place = { .mailbox = STORE_INBOX };
	struct store_delivery d = { .mode = STORE_ALL_OR_NONE,
				    .places = &place,
				    .places_n = 1,
				    .wire = SPAN_LIT("a: b\r\n\r\nc\r\n.\r\n"),
				    .fd = -1 };

	store_deliver(st, &d, on_first, NULL);
	store_run(st);
}

/* Nothing is left to do, and no thread is there to do it. */
static void open_store(struct store_process *p)
{
	const char *folder = fuzz_folder();
	struct store_config config = { .path = folder };

	MUST(store_open(&config, &p->store) == YB_OK);
	deliver_one(p->store);
	deliver_one(p->store);
	p->folder = "/";
}

static struct store_process *make_process(void)
{
	struct store_process *p = calloc(1, sizeof *p);

	MUST(p != NULL && loop_new(&p->process.loop) == YB_OK);
	p->process.page = calloc(1, sizeof *p->process.page);
	p->process.config.message_size_max = 64 * 1024;
	p->process.supervisor.ended = true;
	p->bodies_max = 8;
	list_init(&p->grants);
	p->auth.owner = p;
	for (uint32_t i = 0; i < WORKERS_MAX; i++) {
		p->workers[i].peer.owner = p;
		p->workers[i].peer.number = i;
	}
	open_store(p);
	return p;
}

static void open_peers(struct store_process *p)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct peer *peer = &p->workers[i].peer;

		peer->present = true;
		peer->incarnation = i;
		ends[i] = fuzz_channel(&peer->channel, p->process.loop);
	}
	p->auth.present = true;
	ends[2] = fuzz_channel(&p->auth.channel, p->process.loop);
}

static void close_peers(struct store_process *p)
{
	for (uint32_t i = 0; i < 2; i++) {
		p->workers[i].peer.present = false;
		store_process_close_sessions(&p->workers[i]);
		channel_close(&p->workers[i].peer.channel);
	}
	p->auth.present = false;
	channel_close(&p->auth.channel);
	for (size_t i = 0; i < 3; i++)
		fd_close(&ends[i]);
}

static bool take(void *ctx, struct message *m)
{
	struct store_process *p = ctx;
	struct peer *from =
		(m->id & 128) != 0 ? &p->auth : &p->workers[m->id & 1].peer;

	return from == &p->auth ? on_auth_message(from, m)
				: on_worker_message(from, m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);

	if (process == NULL)
		process = make_process();
	open_peers(process);
	for (int n = 0; in.n > 0 && n < FUZZ_MESSAGES; n++) {
		bool good = fuzz_message(&in, take, process);

		store_run(process->store);
		for (size_t i = 0; i < 3; i++)
			fuzz_drain(ends[i]);
		if (!good)
			break;
	}
	close_peers(process);
	store_run(process->store);
	/* Nothing is kept for those that are gone. */
	MUST(store_is_idle(process->store) && list_empty(&process->grants));
	MUST(process->bodies_n == 0 && sessions_n(process) == 0);
	for (size_t i = 0; i < 2; i++)
		MUST(process->workers[i].questions_n == 0);
	return 0;
}
