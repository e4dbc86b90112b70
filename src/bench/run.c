/*
 * A run goes from gathering its crowd to warming up to measuring to ending.
 * What is measured lies between two readings of the clock and of the CPU
 * times; sessions that are open at its end are finished and checked, but not
 * counted. What the crowd costs is read before and after it is gathered.
 */
#include "bench/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/client.h"
#include "bench/memory.h"
#include "bench/message.h"
#include "os/clock.h"
#include "os/random.h"

enum {
	PROGRESS_MS = 250,
	/* Logins of the crowd at a time: fewer than any server's backlog. */
	GATHER_AT_ONCE = 64,
	/* Then a server frees what it needed for logins alone. */
	SETTLE_MS = 500,
};

/* ---- what clients report ---- */

bool run_ticket(void *ctx, uint64_t *ret_serial)
{
	struct run *run = ctx;
	uint64_t count = run->plan->count;

	if (run->phase == RUN_ENDING || (count > 0 && run->tickets >= count))
		return false;
	*ret_serial = run->tickets++;
	return true;
}

bool run_may_connect(struct run *run, uint64_t *ret_serial)
{
	uint64_t count = run->plan->count;

	if (run->plan->what->kind->ticket_a_session)
		return run_ticket(run, ret_serial);
	return run->phase != RUN_ENDING && (count == 0 || run->tickets < count);
}

void run_counted(struct run *run)
{
	run->result->operations += run->phase == RUN_MEASURING;
}

void run_timed(struct run *run, uint64_t latency_ns)
{
	if (run->phase == RUN_MEASURING)
		histogram_add(&run->result->latency, latency_ns);
}

void run_session(struct run *run)
{
	run->result->sessions += run->phase == RUN_MEASURING;
}

void run_octets(struct run *run, uint64_t in, uint64_t out)
{
	if (run->phase != RUN_MEASURING)
		return;
	run->result->in_octets += in;
	run->result->out_octets += out;
}

void run_handshake(struct run *run, bool resumed)
{
	if (run->phase != RUN_MEASURING)
		return;
	run->result->handshakes++;
	run->result->resumed += resumed;
}

void run_stopped(struct run *run, bool of_crowd)
{
	if (of_crowd)
		run->crowd_live--;
	else
		run->live--;
}

/* ---- phases ---- */

static enum yb_err refuse(struct run *run, enum yb_err err, const char *format,
			  ...) __attribute__((format(printf, 3, 4)));

static enum yb_err refuse(struct run *run, enum yb_err err, const char *format,
			  ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(run->result->error, sizeof run->result->error, format,
			args);
	va_end(args);
	run->err = err;
	return err;
}

static bool has_cpu_source(const struct run *run)
{
	return run->plan->cpu.pid != 0 || run->plan->cpu.cgroup != NULL;
}

static enum yb_err read_cpu(struct run *run, uint64_t *ret_ns)
{
	enum yb_err err;

	*ret_ns = 0;
	if (!has_cpu_source(run))
		return YB_OK;
	err = cpu_read(&run->plan->cpu, ret_ns);
	if (err == YB_OK)
		return YB_OK;
	return refuse(run, err, "the server's CPU time cannot be read: %s",
		      err_text(err));
}

static void crowd_leaves(struct run *run)
{
	for (uint32_t i = 0; i < run->crowd_n; i++)
		client_leave(run->crowd[i]);
}

static void begin_measuring(struct run *run)
{
	uint64_t now = loop_now(run->loop);
	uint32_t seconds = run->plan->seconds;

	if (read_cpu(run, &run->began_server_ns) != YB_OK) {
		run->phase = RUN_ENDING;
		crowd_leaves(run);
		return;
	}
	run->phase = RUN_MEASURING;
	run->began_own_ns = cpu_own_ns();
	run->began_ns = clock_mono_ns();
	if (seconds == 0)
		seconds = BENCH_COUNT_SECONDS;
	loop_timer_set(run->loop, &run->phase_timer, now + seconds * 1000ull);
}

static void end_measuring(struct run *run)
{
	struct bench_result *r = run->result;
	uint64_t server;

	if (run->phase == RUN_ENDING)
		return;
	if (run->phase == RUN_MEASURING) {
		r->elapsed_ns = clock_mono_ns() - run->began_ns;
		r->own_cpu_ns = cpu_own_ns() - run->began_own_ns;
		/* A part of the tree that has ended may be lost to it. */
		if (read_cpu(run, &server) == YB_OK &&
		    server > run->began_server_ns)
			r->server_cpu_ns = server - run->began_server_ns;
	}
	run->phase = RUN_ENDING;
	/* Who is not ready by then is cut off, and was not counted. */
	loop_timer_set(run->loop, &run->phase_timer,
		       loop_now(run->loop) +
			       run->plan->timeout_seconds * 1000ull);
	crowd_leaves(run);
}

static void begin_load(struct run *run)
{
	if (run->plan->warmup_seconds > 0) {
		run->phase = RUN_WARMING;
		loop_timer_set(run->loop, &run->phase_timer,
			       loop_now(run->loop) +
				       run->plan->warmup_seconds * 1000ull);
	} else {
		begin_measuring(run);
	}
	run->live = run->clients_n;
	for (uint32_t i = 0; i < run->clients_n; i++)
		client_start(run->clients[i]);
	for (uint32_t i = run->plan->idle; i < run->crowd_n; i++)
		client_start(run->crowd[i]);
}

/* ---- the crowd ---- */

static void begin_crowd(struct run *run)
{
	run->phase = RUN_GATHERING;
	run->result->crowd.memory_known =
		has_cpu_source(run) &&
		memory_read(&run->plan->cpu, &run->memory_before) == YB_OK;
	if (read_cpu(run, &run->began_server_ns) != YB_OK) {
		run->abandoned = true;
		return;
	}
	run->began_ns = clock_mono_ns();
	while (run->started < run->plan->idle && run->started < GATHER_AT_ONCE)
		client_start(run->crowd[run->started++]);
}

void run_settled(struct run *run, uint64_t latency_ns)
{
	struct bench_crowd *crowd = &run->result->crowd;
	uint64_t server = 0;

	crowd->connections = ++run->settled;
	if (run->plan->what->only_crowd)
		histogram_add(&run->result->latency, latency_ns);
	if (run->started < run->plan->idle)
		client_start(run->crowd[run->started++]);
	if (run->settled < run->plan->idle || run->phase != RUN_GATHERING)
		return;
	crowd->opening_ns = clock_mono_ns() - run->began_ns;
	if (read_cpu(run, &server) == YB_OK && server > run->began_server_ns)
		crowd->server_cpu_ns = server - run->began_server_ns;
	loop_timer_set(run->loop, &run->phase_timer,
		       loop_now(run->loop) + SETTLE_MS);
}

static void crowd_has_settled(struct run *run)
{
	struct bench_crowd *crowd = &run->result->crowd;
	uint64_t now = 0;

	if (crowd->memory_known &&
	    memory_read(&run->plan->cpu, &now) == YB_OK &&
	    now > run->memory_before)
		crowd->memory_octets = now - run->memory_before;
	begin_load(run);
}

void run_lost(struct run *run)
{
	end_measuring(run);
}

static void on_phase(void *ctx, uint64_t now_ms)
{
	struct run *run = ctx;

	(void)now_ms;
	switch (run->phase) {
	case RUN_GATHERING:
		crowd_has_settled(run);
		return;
	case RUN_WARMING:
		begin_measuring(run);
		return;
	case RUN_MEASURING:
		if (run->plan->seconds == 0 && run->clients_n > 0)
			run_error(run, "the count was not reached in time");
		end_measuring(run);
		return;
	case RUN_ENDING:
		run->abandoned = true;
		return;
	}
}

void run_error(struct run *run, const char *text)
{
	struct bench_result *r = run->result;

	if (r->errors++ == 0)
		(void)snprintf(r->error, sizeof r->error, "%s", text);
	if (r->errors == BENCH_ERRORS_MAX && run->phase != RUN_ENDING)
		end_measuring(run);
}

static void on_progress(void *ctx, uint64_t now_ms)
{
	struct run *run = ctx;
	struct bench_progress p = {
		.operations = run->result->operations,
		.errors = run->result->errors,
		.warming = run->phase == RUN_WARMING,
		.gathering = run->phase == RUN_GATHERING,
		.logged_in = run->settled,
	};

	if (run->phase == RUN_MEASURING)
		p.elapsed_ms = (clock_mono_ns() - run->began_ns) / 1000000;
	if (run->phase != RUN_ENDING)
		run->plan->progress(run->plan->progress_ctx, &p);
	loop_timer_set(run->loop, &run->progress_timer, now_ms + PROGRESS_MS);
}

/* ---- setting up ---- */

static enum yb_err make_message(struct run *run)
{
	const struct bench_plan *plan = run->plan;
	enum yb_err err;

	message_date(run->date);
	run->world.date = run->date;
	run->world.run_id = os_random_u64();
	if (!plan->what->sends_mail)
		return YB_OK;
	/* Every octet a doubled dot would still fit. */
	buf_init(&run->body, plan->size * 2 + 16);
	err = message_put_body(&run->body, plan->size, run->date);
	if (err != YB_OK)
		return refuse(run, err, "a message of %zu octets: %s",
			      plan->size, err_text(err));
	run->world.body = buf_span(&run->body);
	return YB_OK;
}

static enum yb_err make_clients(struct run *run)
{
	uint32_t n = run->plan->connections;
	enum yb_err err = YB_OK;

	run->clients = calloc(n + 1, sizeof(struct client *));
	if (run->clients == NULL)
		err = YB_NOMEM;
	for (uint32_t i = 0; err == YB_OK && i < n; i++) {
		err = client_new(run, CLIENT_LOAD, 0, &run->clients[i]);
		run->clients_n += err == YB_OK;
	}
	return err == YB_OK ? YB_OK : refuse(run, err, "%s", err_text(err));
}

static enum yb_err make_crowd(struct run *run)
{
	uint32_t idle = run->plan->idle, n = idle + run->plan->slow;
	enum yb_err err = YB_OK;

	run->crowd = calloc(n + 1, sizeof(struct client *));
	if (run->crowd == NULL)
		err = YB_NOMEM;
	for (uint32_t i = 0; err == YB_OK && i < n; i++) {
		err = client_new(run, i < idle ? CLIENT_IDLE : CLIENT_SLOW, i,
				 &run->crowd[i]);
		run->crowd_n += err == YB_OK;
	}
	return err == YB_OK ? YB_OK : refuse(run, err, "%s", err_text(err));
}

static enum yb_err set_up(struct run *run)
{
	const struct bench_plan *plan = run->plan;
	enum yb_err err = loop_new(&run->loop);

	if (err != YB_OK)
		return refuse(run, err, "%s", err_text(err));
	loop_timer_init(&run->phase_timer, on_phase, run);
	loop_timer_init(&run->progress_timer, on_progress, run);
	run->in = malloc(RUN_READ_MAX);
	if (run->in == NULL)
		return refuse(run, YB_NOMEM, "%s", err_text(YB_NOMEM));
	if (plan->tls != BENCH_PLAIN) {
		err = tls_context_client(plan->ca, &run->tls);
		if (err != YB_OK)
			return refuse(run, err,
				      "no certificate to trust can "
				      "be read from the CA file");
		tls_context_only(run->tls, plan->tls_version);
	}
	err = make_message(run);
	if (err == YB_OK)
		err = make_clients(run);
	return err != YB_OK ? err : make_crowd(run);
}

static void tear_down(struct run *run)
{
	for (uint32_t i = 0; i < run->clients_n; i++)
		client_free(&run->clients[i]);
	for (uint32_t i = 0; i < run->crowd_n; i++)
		client_free(&run->crowd[i]);
	free(run->clients);
	free(run->crowd);
	loop_timer_stop(&run->phase_timer);
	loop_timer_stop(&run->progress_timer);
	tls_context_free(&run->tls);
	buf_done(&run->body);
	free(run->in);
	loop_free(&run->loop);
}

static bool is_over(const struct run *run)
{
	return run->abandoned ||
	       (run->phase == RUN_ENDING && run->live + run->crowd_live == 0);
}

static void go(struct run *run)
{
	if (run->plan->progress != NULL)
		loop_timer_set(run->loop, &run->progress_timer,
			       loop_now(run->loop) + PROGRESS_MS);
	run->crowd_live = run->crowd_n;
	if (run->plan->idle > 0)
		begin_crowd(run);
	else
		begin_load(run);
	while (!is_over(run)) {
		loop_turn(run->loop, -1);
		/* A run by count ends with its last session. */
		if (run->live == 0 && run->clients_n > 0 &&
		    run->phase != RUN_GATHERING)
			end_measuring(run);
	}
}

enum yb_err bench_run(const struct bench_plan *plan, struct bench_result *ret)
{
	struct run run = {
		.plan = plan,
		.result = ret,
		.world = { .ctx = &run, .ticket = run_ticket },
	};

	memset(ret, 0, sizeof *ret);
	if (set_up(&run) == YB_OK)
		go(&run);
	tear_down(&run);
	return run.err;
}
