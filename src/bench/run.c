/*
 * A run goes from warming up to measuring to ending. What is measured lies
 * between two readings of the clock and of the CPU times; sessions that are
 * open at its end are finished and checked, but not counted.
 */
#include "bench/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/client.h"
#include "bench/message.h"
#include "os/clock.h"
#include "os/random.h"

enum { PROGRESS_MS = 250 };

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

void run_stopped(struct run *run)
{
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

static void begin_measuring(struct run *run)
{
	uint64_t now = loop_now(run->loop);
	uint32_t seconds = run->plan->seconds;

	if (read_cpu(run, &run->began_server_ns) != YB_OK) {
		run->phase = RUN_ENDING;
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
}

static void on_phase(void *ctx, uint64_t now_ms)
{
	struct run *run = ctx;

	(void)now_ms;
	switch (run->phase) {
	case RUN_WARMING:
		begin_measuring(run);
		return;
	case RUN_MEASURING:
		if (run->plan->seconds == 0)
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

	run->clients = calloc(n, sizeof(struct client *));
	if (run->clients == NULL)
		return refuse(run, YB_NOMEM, "%s", err_text(YB_NOMEM));
	for (; run->clients_n < n; run->clients_n++) {
		enum yb_err err =
			client_new(run, &run->clients[run->clients_n]);

		if (err != YB_OK)
			return refuse(run, err, "%s", err_text(err));
	}
	return YB_OK;
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
	}
	err = make_message(run);
	return err != YB_OK ? err : make_clients(run);
}

static void tear_down(struct run *run)
{
	for (uint32_t i = 0; i < run->clients_n; i++)
		client_free(&run->clients[i]);
	free(run->clients);
	loop_timer_stop(&run->phase_timer);
	loop_timer_stop(&run->progress_timer);
	tls_context_free(&run->tls);
	buf_done(&run->body);
	free(run->in);
	loop_free(&run->loop);
}

static void go(struct run *run)
{
	uint64_t now = loop_now(run->loop);

	if (run->plan->warmup_seconds > 0)
		loop_timer_set(run->loop, &run->phase_timer,
			       now + run->plan->warmup_seconds * 1000ull);
	else
		begin_measuring(run);
	if (run->plan->progress != NULL)
		loop_timer_set(run->loop, &run->progress_timer,
			       now + PROGRESS_MS);
	for (uint32_t i = 0; i < run->clients_n; i++)
		client_start(run->clients[i]);
	run->live = run->clients_n;
	while (run->live > 0 && !run->abandoned)
		loop_turn(run->loop, -1);
	end_measuring(run); /* a run by count ends with its last session */
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
