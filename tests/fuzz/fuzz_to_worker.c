/*
 * What auth and the store may answer a worker (threat 61). Input: an octet (1:
 * LMTP, else POP3), what its client says (an octet of its length, the text),
 * then messages (fuzz_process.h): the id's highest bit: from the store; its
 * lowest: for the question that waits, else with that id.
 */
#include "fuzz/fuzz_process.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "server/worker.c"

static struct worker *worker;
static int ends[2]; /* of auth and the store */

static void stop(void *ctx)
{
	loop_stop(ctx);
}

/* Lets the loop do what was put off. */
static void turn(struct loop *loop)
{
	struct loop_task task;

	loop_task_init(&task, stop, loop);
	for (int n = 0; n < 3; n++) {
		loop_defer(loop, &task);
		loop_run(loop);
	}
}

static struct worker *make_worker(void)
{
	struct worker *w = calloc(1, sizeof *w);
	struct config *config;

	MUST(w != NULL && loop_new(&w->process.loop) == YB_OK);
	MUST(requests_init(&w->requests, w->process.loop) == YB_OK);
	config = &w->process.config;
	config->listeners_n = 2;
	config->listeners[0].service = CONFIG_POP3;
	config->listeners[1].service = CONFIG_LMTP;
	config->plain_login = CONFIG_PLAIN_LOOPBACK;
	config->connections_per_address_max = 10;
	config->message_size_max = 1 << 20;
	w->settings = settings_new(config);
	MUST(w->settings != NULL);
	w->process.page = calloc(1, sizeof *w->process.page);
	w->process.supervisor.ended = true;
	log_init(&w->process.log, w->process.loop, "worker",
		 open("/dev/null", O_WRONLY | O_CLOEXEC));
	w->auth.owner = w->store.owner = w;
	w->auth.role = ROLE_AUTH;
	w->store.role = ROLE_STORE;
	worker_connections_init(w);
	list_init(&w->watches);
	listings_init(&w->listings);
	handshakes_init(&w->handshakes, w->process.loop, connection_handshake);
	loop_timer_init(&w->lazy, flush_lazy, w);
	loop_timer_init(&w->tickets_end, on_tickets_end, w);
	return w;
}

static void open_peers(struct worker *w)
{
	w->auth.present = w->store.present = true;
	ends[0] = fuzz_channel(&w->auth.channel, w->process.loop);
	ends[1] = fuzz_channel(&w->store.channel, w->process.loop);
}

static void close_peers(struct worker *w)
{
	w->auth.present = w->store.present = false;
	channel_close(&w->auth.channel);
	channel_close(&w->store.channel);
	on_peer_end(&w->store, YB_GONE);
	on_peer_end(&w->auth, YB_GONE);
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

/* A client that has said all that it will. */
static int connect_client(struct worker *w, uint32_t listener, struct span text)
{
	struct socket_address peer = { 0 };
	struct connection *c;
	int pair[2];

	peer.any.sa_family = AF_UNIX;
	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	MUST(connection_new(w, pair[0], &peer, &c) == YB_OK);
	w->connections_n++;
	c->listener = listener;
	c->service = w->settings->config.listeners[listener].service;
	connection_start(c, false);
	turn(w->process.loop);
	MUST(send(pair[1], text.p, text.n, 0) == (ssize_t)text.n);
	turn(w->process.loop);
	return pair[1];
}

static bool take(void *ctx, struct message *m)
{
	struct worker *w = ctx;
	struct peer *from = (m->id & 128) != 0 ? &w->store : &w->auth;

	if ((m->id & 1) != 0 && !list_empty(&w->requests.waiting))
		m->id = list_entry(w->requests.waiting.next,
				   struct request_slot, link)
				->id;
	return on_peer_message(from, m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), text;
	uint32_t listener = fuzz_take(&in) & 1;
	char buffer[4096];
	int client;

	if (worker == NULL)
		worker = make_worker();
	text = fuzz_piece(&in, fuzz_take(&in));
	open_peers(worker);
	client = connect_client(worker, listener, text);
	fuzz_free(text);
	for (int n = 0; in.n > 0 && n < FUZZ_MESSAGES; n++) {
		bool good = fuzz_message(&in, take, worker);

		turn(worker->process.loop);
		fuzz_drain(ends[0]);
		fuzz_drain(ends[1]);
		while (recv(client, buffer, sizeof buffer, 0) > 0)
			;
		if (!good)
			break;
	}
	close_peers(worker);
	fd_close(&client);
	for (int n = 0; n < 100 && worker->connections_n > 0; n++)
		turn(worker->process.loop);
	/* Nothing is kept for those that are gone. */
	MUST(worker->connections_n == 0 && list_empty(&worker->connections));
	MUST(list_empty(&worker->requests.waiting));
	return 0;
}
