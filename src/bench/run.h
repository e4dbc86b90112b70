/*
 * One run of a plan, as its clients see it: what they share, and where they
 * report to. Private to the module.
 */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "bench/dialog.h"
#include "net/loop.h"
#include "tls/context.h"

enum run_phase { RUN_GATHERING, RUN_WARMING, RUN_MEASURING, RUN_ENDING };

/*
 * What one read takes: large enough that calls are few, small enough to stay
 * in the second-level cache together with what the kernel copies from.
 */
enum { RUN_READ_MAX = 256 * 1024 };

struct run {
	const struct bench_plan *plan;
	struct bench_result *result;
	struct loop *loop;
	struct tls_context *tls; /* NULL without TLS */
	struct dialog_world world;
	uint8_t *in; /* RUN_READ_MAX octets, used by all */
	enum run_phase phase;
	uint64_t tickets; /* given out */
	uint32_t live;    /* clients that have not stopped */
	uint32_t crowd_live;
	/* private to run.c */
	struct loop_timer phase_timer, progress_timer;
	struct client **clients; /* the load */
	uint32_t clients_n;
	struct client **crowd; /* the idle ones, then the slow ones */
	uint32_t crowd_n;
	uint32_t started, settled; /* of the idle ones */
	uint64_t memory_before;
	struct buf body;
	char date[40];
	uint64_t began_ns, began_server_ns, began_own_ns;
	bool abandoned;
	enum yb_err err; /* why it could not run */
};

/*
 * Leave to connect: the session's number, or false once the run is over, and
 * then the client stops.
 */
bool run_may_connect(struct run *run, uint64_t *ret_serial);

/* For the dialogs: leave for one more operation. */
bool run_ticket(void *run, uint64_t *ret_serial);

/* An operation is done; it is timed by run_timed(). */
void run_counted(struct run *run);
void run_timed(struct run *run, uint64_t latency_ns);
void run_session(struct run *run);
void run_octets(struct run *run, uint64_t in, uint64_t out);

/* Something was wrong; `text` is kept if it is the first. */
void run_error(struct run *run, const char *text);

void run_handshake(struct run *run, bool resumed);

/* An idle connection is logged in; or is lost, and with it the run. */
void run_settled(struct run *run, uint64_t latency_ns);
void run_lost(struct run *run);

/* A client will not connect again. */
void run_stopped(struct run *run, bool of_crowd);

#endif
