/*
 * A load generator for mail servers: many connections, each saying the same
 * dialog again and again, and every octet of every answer checked.
 *
 *	struct bench_plan plan = { .what = bench_case_find("pop3-empty"), ... };
 *	struct bench_result *r = ...;
 *	if (bench_run(&plan, r) == YB_OK) ...
 *
 * Beside the load, or alone, there may be a crowd: connections that log in
 * before anything is measured and then say nothing, and slow ones that say an
 * octet now and then.
 *
 * One thread. Nothing is allocated for an operation, and sockets are read
 * through one buffer, so that the server is the slower side.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"
#include "bench/cpu.h"
#include "bench/histogram.h"
#include "bench/pattern.h"
#include "os/socket.h"
#include "tls/context.h"

struct dialog_kind;

enum bench_tls {
	BENCH_PLAIN,
	BENCH_STARTTLS, /* by the command of the protocol */
	BENCH_TLS,      /* from the first octet */
};

struct bench_case {
	const char *name;
	const char *help;
	const char *operation; /* what is counted, one of it: "session" */
	const char *timed;     /* what the latency is of, one by one */
	const char *timed_pipelined;
	bool sends_mail; /* has a size, and needs no password */
	bool collects;   /* POP3: can send QUIT alone, and have a crowd */
	bool only_crowd; /* the connections are the idle ones of a crowd */
	const struct dialog_kind *kind;
};

extern const struct bench_case bench_cases[];
extern const size_t bench_cases_n;

/* NULL if there is none. */
const struct bench_case *bench_case_find(const char *name);

enum {
	/* Port numbers of one address allow not many more. */
	BENCH_CONNECTIONS_MAX = 60000,
	BENCH_ACCOUNTS_MAX = 100000000,
	BENCH_SECONDS_MAX = 3600,
	/* A run by count alone that takes longer has failed. */
	BENCH_COUNT_SECONDS = 1800,
	/* After so many errors more of them tell nothing. */
	BENCH_ERRORS_MAX = 100,
	BENCH_ERROR_TEXT_MAX = 512,
	BENCH_SIZE_MIN = 512, /* the header has room in it */
	BENCH_SIZE_MAX = 256 << 20,
	BENCH_TIMEOUT_MAX = 3600,
	BENCH_PACE_MAX = 3600,
};

/* How far a run has come, for a progress line. */
struct bench_progress {
	uint64_t operations, errors;
	uint64_t elapsed_ms; /* since measuring began; 0 while warming up */
	bool warming;
	uint32_t logged_in; /* of the crowd, while it gathers */
	bool gathering;
};

struct bench_plan {
	const struct bench_case *what;
	struct socket_address address;
	enum bench_tls tls;
	struct span ca;          /* PEM; empty: certificates are not verified */
	const char *server_name; /* for SNI and, with `ca`, checked; or NULL */
	struct pattern users;
	uint32_t accounts; /* numbers 0 up to here are used in turn */
	const char *password;
	uint32_t connections;
	uint64_t count;           /* sessions or messages; 0: until the time */
	uint32_t seconds;         /* measured; 0: until the count */
	uint32_t warmup_seconds;  /* before, and not counted */
	uint32_t timeout_seconds; /* the longest wait for an answer */
	size_t size;              /* of a message that is sent, in octets */
	bool pipelined;
	bool quit_alone; /* even when pipelined */
	bool random;     /* accounts in no order, else in turn */
	bool resume;     /* offer the TLS session of the last connection */
	enum tls_version tls_version;
	uint32_t idle;         /* connections of the crowd, logged in */
	uint32_t slow;         /* those that say an octet ... */
	uint32_t pace_seconds; /* ... so often */
	struct cpu_source cpu; /* of the server */
	/* Called four times a second; or NULL. */
	void (*progress)(void *ctx, const struct bench_progress *p);
	void *progress_ctx;
};

/* What the idle ones cost, by themselves. */
struct bench_crowd {
	uint32_t connections;
	uint64_t opening_ns;    /* until the last one was logged in */
	uint64_t server_cpu_ns; /* for that */
	uint64_t memory_octets; /* the server's growth with them */
	bool memory_known;      /* it could be read */
	uint64_t slow_sessions; /* that slow ones brought to their end */
	uint64_t slow_cut_off;  /* that the server ended before */
};

struct bench_result {
	uint64_t operations;
	uint64_t sessions;
	uint64_t errors;
	uint64_t elapsed_ns;
	uint64_t in_octets, out_octets;
	uint64_t server_cpu_ns; /* if the plan names a source */
	uint64_t own_cpu_ns;
	struct histogram latency;             /* ns */
	const char *tls_version, *tls_cipher; /* or NULL; static */
	uint64_t handshakes, resumed;         /* of TLS */
	struct bench_crowd crowd;
	char error[BENCH_ERROR_TEXT_MAX]; /* the first one */
};

/*
 * Runs the plan. The result says how it went, errors of servers included;
 * anything else than YB_OK means that it could not run at all, and
 * ret->error says why.
 */
YB_CHECKED enum yb_err bench_run(const struct bench_plan *plan,
				 struct bench_result *ret);

#endif
