/*
 * What the processes count. Each has a page of cells that it alone writes;
 * the supervisor made it and keeps it when the process dies, so that its
 * successor counts on and totals never fall. The metrics process maps all
 * pages read-only, adds them up, and shows them as OpenMetrics text.
 *
 * One table, below, is the page's layout, the text and the test of the
 * dashboard. Counting is a load and a store: no lock and no system call. A
 * cell has one writer, the thread that runs its process's loop.
 *
 * A page counts only for the families of its own role, so that whoever takes
 * over a worker cannot tell tales about the store. No label names a user.
 */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <stdatomic.h>

#include "base/buf.h"
#include "config/config.h"
#include "proto/pop3_commands.h"
#include "proto/smtp_commands.h"
#include "server/lookup.h"
#include "server/role.h"

/*
 * Upper bounds of a histogram's buckets: nanoseconds, and seconds as text in
 * the form that OpenMetrics calls canonical. From a command that reads the
 * index to one that waits for a disk that is ill.
 */
/* clang-format off */
#define METRIC_BUCKETS(X)       \
	X(10000, "1e-05")       \
	X(50000, "5e-05")       \
	X(100000, "0.0001")     \
	X(250000, "0.00025")    \
	X(500000, "0.0005")     \
	X(1000000, "0.001")     \
	X(2500000, "0.0025")    \
	X(5000000, "0.005")     \
	X(10000000, "0.01")     \
	X(25000000, "0.025")    \
	X(50000000, "0.05")     \
	X(100000000, "0.1")     \
	X(250000000, "0.25")    \
	X(1000000000, "1.0")    \
	X(5000000000, "5.0")

/* Mechanisms by which a client logs in; the last stands for all others. */
#define METRIC_MECHANISMS(X) \
	X(PASS, "PASS")      \
	X(PLAIN, "PLAIN")    \
	X(LOGIN, "LOGIN")    \
	X(SCRAM_SHA_256, "SCRAM-SHA-256")           \
	X(SCRAM_SHA_256_PLUS, "SCRAM-SHA-256-PLUS") \
	X(EXTERNAL, "EXTERNAL")       \
	X(OAUTHBEARER, "OAUTHBEARER") \
	X(XOAUTH2, "XOAUTH2")         \
	X(APOP, "APOP")               \
	X(CRAM_MD5, "CRAM-MD5")       \
	X(SCRAM_SHA_1, "SCRAM-SHA-1") \
	X(OTHER, "other")

#define METRIC_AUTH_RESULTS(X)       \
	X(OK, "ok")                  \
	X(DENIED, "denied")          \
	X(OVERLOAD, "overload")      \
	X(ERROR, "error")            \
	X(CANCELLED, "cancelled")

#define METRIC_TLS_RESULTS(X) \
	X(OK, "ok")           \
	X(FAILED, "failed")   \
	X(TIMEOUT, "timeout")

/* Of what somebody outside was asked: he has said something that counts, said
 * nothing in time, or something else; there was no room for the question; he
 * could not be asked, or has left. */
#define METRIC_LOOKUP_RESULTS(X) \
	X(OK, "ok")              \
	X(TIMEOUT, "timeout")    \
	X(INVALID, "invalid")    \
	X(OVERLOAD, "overload")  \
	X(FAILED, "failed")

/* Of a recipient: taken, to be tried again, refused for good. */
#define METRIC_MAIL_RESULTS(X)   \
	X(ACCEPTED, "accepted")  \
	X(TEMPFAIL, "tempfail")  \
	X(REJECTED, "rejected")

/* id, name of the label, how many values */
#define METRIC_LABELS(X)                                    \
	X(NONE, "", 1)                                      \
	X(ROLE, "role", ROLE_COUNT)                         \
	X(SERVICE, "service", CONFIG_SERVICES)              \
	X(POP3_COMMAND, "command", POP3_VERBS)              \
	X(SMTP_COMMAND, "command", SMTP_VERBS)              \
	X(MECHANISM, "mech", METRIC_MECHANISMS_N)           \
	X(AUTH_RESULT, "result", METRIC_AUTH_RESULTS_N)     \
	X(TLS_RESULT, "result", METRIC_TLS_RESULTS_N)       \
	X(MAIL_RESULT, "result", METRIC_MAIL_RESULTS_N)     \
	X(LOOKUP_KIND, "kind", LOOKUP_KIND_COUNT)           \
	X(LOOKUP_RESULT, "result", METRIC_LOOKUP_RESULTS_N)

/*
 * Kinds: a COUNTER only rises. Gauges of several processes are added up
 * (GAUGE), or the smallest that is not 0 counts (LEAST); they end with their
 * process. A HISTOGRAM holds nanoseconds and shows seconds.
 *
 * id, kind, whose, name without "_total", unit, two labels, help
 */
#define METRICS(X)                                                            \
	X(START_TIME, GAUGE, SUPERVISOR, "yubin_start_time_seconds",          \
	  "seconds", NONE, NONE, "When the server started, since 1970.")      \
	X(CONFIG_NUMBER, GAUGE, SUPERVISOR, "yubin_config_number", "", NONE,  \
	  NONE, "Number of the configuration; rises with every reload.")      \
	X(WANTED, GAUGE, SUPERVISOR, "yubin_processes_wanted", "", ROLE,      \
	  NONE, "Processes of a role that should run.")                       \
	X(READY, GAUGE, SUPERVISOR, "yubin_processes_ready", "", ROLE, NONE,  \
	  "Processes of a role that run and are caged.")                      \
	X(RESTARTS, COUNTER, SUPERVISOR, "yubin_process_restarts", "", ROLE,  \
	  NONE, "Processes that were started again after their death.")       \
	X(CONNECTIONS, GAUGE, WORKER, "yubin_connections", "", SERVICE, NONE, \
	  "Connections that are open.")                                       \
	X(ACCEPTED, COUNTER, WORKER, "yubin_connections_accepted", "",        \
	  SERVICE, NONE, "Connections that were accepted.")                   \
	X(TURNED_AWAY, COUNTER, WORKER, "yubin_connections_refused", "",      \
	  SERVICE, NONE, "Connections beyond connections_max or its like.")   \
	X(RECEIVED, COUNTER, WORKER, "yubin_received_bytes", "bytes",         \
	  SERVICE, NONE, "Octets from clients, within TLS.")                  \
	X(SENT, COUNTER, WORKER, "yubin_sent_bytes", "bytes", SERVICE, NONE,  \
	  "Octets to clients, within TLS.")                                   \
	X(HANDSHAKES, COUNTER, WORKER, "yubin_tls_handshakes", "",            \
	  TLS_RESULT, NONE, "TLS handshakes that came to an end.")            \
	X(CERTIFICATE, LEAST, WORKER,                                         \
	  "yubin_certificate_expiry_timestamp_seconds", "seconds", NONE,      \
	  NONE, "When the first certificate in use ends, since 1970.")        \
	X(POP3_SESSIONS, COUNTER, WORKER, "yubin_pop3_sessions", "", NONE,    \
	  NONE, "POP3 sessions that logged in.")                              \
	X(POP3_OPEN, GAUGE, WORKER, "yubin_pop3_sessions_open", "", NONE,     \
	  NONE, "POP3 sessions that are logged in.")                          \
	X(POP3_COMMAND, HISTOGRAM, WORKER, "yubin_pop3_command_seconds",      \
	  "seconds", POP3_COMMAND, NONE,                                      \
	  "From a command's arrival to its answer, those pipelined with it "  \
	  "included.")                                                        \
	X(RETRIEVED, COUNTER, WORKER, "yubin_pop3_retrieved", "", NONE, NONE, \
	  "Messages that RETR sent; counted at a session's end.")             \
	X(DELETED, COUNTER, WORKER, "yubin_pop3_deleted", "", NONE, NONE,     \
	  "Messages that QUIT deleted.")                                      \
	X(SMTP_SESSIONS, COUNTER, WORKER, "yubin_smtp_sessions", "", NONE,    \
	  NONE, "SMTP and LMTP sessions that began.")                         \
	X(SMTP_COMMAND, HISTOGRAM, WORKER, "yubin_smtp_command_seconds",      \
	  "seconds", SMTP_COMMAND, NONE,                                      \
	  "From a command's arrival to its answer, those pipelined with it "  \
	  "included.")                                                        \
	X(SUPPRESSED, COUNTER, WORKER, "yubin_log_suppressed_lines", "",      \
	  NONE, NONE, "Lines of strangers' sessions, left out in a flood.")   \
	X(RECIPIENTS, COUNTER, WORKER, "yubin_recipients", "", MAIL_RESULT,   \
	  NONE, "Recipients that clients named.")                             \
	X(DELIVERIES, COUNTER, WORKER, "yubin_deliveries", "", MAIL_RESULT,   \
	  NONE, "Messages to a recipient that came to their final dot.")      \
	X(AUTH, COUNTER, AUTH, "yubin_auth_attempts", "", MECHANISM,          \
	  AUTH_RESULT, "Logins that came to an end.")                         \
	X(AUTH_CACHE, COUNTER, AUTH, "yubin_auth_cache_hits", "", NONE, NONE, \
	  "Passwords known from a login before: no hash was made.")           \
	X(AUTH_HASHES, COUNTER, AUTH, "yubin_auth_hashes", "", NONE, NONE,    \
	  "Passwords that were hashed.")                                      \
	X(IMPORTED, GAUGE, AUTH, "yubin_auth_imported_accounts", "", NONE,    \
	  NONE, "Accounts whose password is still a hash from elsewhere.")    \
	X(LOOKUPS, COUNTER, AUTH, "yubin_lookups", "", LOOKUP_KIND,           \
	  LOOKUP_RESULT, "Questions to the site's programs and its server "   \
	  "of tokens that came to an end.")                                   \
	X(LOOKUP, HISTOGRAM, AUTH, "yubin_lookup_seconds", "seconds",         \
	  LOOKUP_KIND, NONE, "From such a question to its end.")              \
	X(COMMIT, HISTOGRAM, STORE, "yubin_store_commit_seconds", "seconds",  \
	  NONE, NONE, "From a message in the store's hands to all its "       \
	  "copies on the disk.")                                              \
	X(EXPUNGE, HISTOGRAM, STORE, "yubin_store_expunge_seconds",           \
	  "seconds", NONE, NONE, "From a QUIT with deletes to the disk.")     \
	X(OPEN, HISTOGRAM, STORE, "yubin_store_open_seconds", "seconds",      \
	  NONE, NONE, "From a login's grant to the opened maildrop.")         \
	X(SNAPSHOTS, GAUGE, STORE, "yubin_store_snapshots", "", NONE, NONE,   \
	  "Maildrops that sessions have open.")                               \
	X(FREE, GAUGE, STORE, "yubin_store_free_bytes", "bytes", NONE, NONE,  \
	  "Free space of the store's disk.")                                  \
	X(SIZE, GAUGE, STORE, "yubin_store_size_bytes", "bytes", NONE, NONE,  \
	  "Size of the store's disk.")                                        \
	X(FREE_FILES, GAUGE, STORE, "yubin_store_free_inodes", "", NONE,      \
	  NONE, "Files that still can be made on the store's disk.")          \
	X(READ_ONLY, GAUGE, STORE, "yubin_store_read_only", "", NONE, NONE,   \
	  "1 while the store's disk takes no writes.")

enum { METRIC_BUCKETS_N =
#define X(ns, text) 1 +
	METRIC_BUCKETS(X) 1 /* +Inf */
#undef X
};

enum metric_mechanism {
#define X(id, text) METRIC_MECHANISM_##id,
	METRIC_MECHANISMS(X)
#undef X
	METRIC_MECHANISMS_N
};

enum metric_auth_result {
#define X(id, text) METRIC_AUTH_##id##_RESULT,
	METRIC_AUTH_RESULTS(X)
#undef X
	METRIC_AUTH_RESULTS_N
};

enum metric_tls_result {
#define X(id, text) METRIC_TLS_##id,
	METRIC_TLS_RESULTS(X)
#undef X
	METRIC_TLS_RESULTS_N
};

enum metric_lookup_result {
#define X(id, text) METRIC_LOOKUP_##id,
	METRIC_LOOKUP_RESULTS(X)
#undef X
	METRIC_LOOKUP_RESULTS_N
};

enum metric_mail_result {
#define X(id, text) METRIC_MAIL_##id,
	METRIC_MAIL_RESULTS(X)
#undef X
	METRIC_MAIL_RESULTS_N
};

enum metric_label {
#define X(id, name, n) METRIC_LABEL_##id,
	METRIC_LABELS(X)
#undef X
	METRIC_LABELS_N
};

enum {
#define X(id, name, n) METRIC_LABEL_N_##id = (n),
	METRIC_LABELS(X)
#undef X
	/* Cells of one series. */
	METRIC_CELLS_COUNTER = 1,
	METRIC_CELLS_GAUGE = 1,
	METRIC_CELLS_LEAST = 1,
	METRIC_CELLS_HISTOGRAM = METRIC_BUCKETS_N + 1, /* and the sum */
};

enum metric_kind {
	METRIC_KIND_COUNTER,
	METRIC_KIND_GAUGE,
	METRIC_KIND_LEAST,
	METRIC_KIND_HISTOGRAM,
};

/* METRIC_ID is a family's first cell; those of its other labels follow. */
enum {
#define X(id, kind, role, name, unit, a, b, help) \
	METRIC_##id, METRIC_##id##_LAST = METRIC_##id - 1 + \
		METRIC_CELLS_##kind * METRIC_LABEL_N_##a * METRIC_LABEL_N_##b,
	METRICS(X)
#undef X
	METRIC_CELLS
};

enum metric_family {
#define X(id, kind, role, name, unit, a, b, help) METRIC_FAMILY_##id,
	METRICS(X)
#undef X
	METRIC_FAMILIES
};
/* clang-format on */

struct metric {
	const char *name, *unit, *help;
	enum metric_kind kind;
	enum role role;
	enum metric_label labels[2];
	uint32_t first; /* cell */
};

/* The table, in order. */
extern const struct metric metric_table[METRIC_FAMILIES];

/* Of a label; NULL for values that are never shown. */
const char *metric_label_value(enum metric_label label, uint32_t i);
uint32_t metric_label_count(enum metric_label label);

/* By its name, any case; _OTHER for one that is not in the table. */
enum metric_mechanism metric_mechanism(struct span name);
const char *metric_mechanism_name(enum metric_mechanism mechanism);

struct metrics_page {
	_Atomic uint64_t cells[METRIC_CELLS];
};

/* ---- counting ---- */

static inline void metric_add(struct metrics_page *page, uint32_t cell,
			      uint64_t n)
{
	_Atomic uint64_t *c = &page->cells[cell];
	uint64_t v = atomic_load_explicit(c, memory_order_relaxed);

	atomic_store_explicit(c, v + n, memory_order_relaxed);
}

static inline void metric_set(struct metrics_page *page, uint32_t cell,
			      uint64_t v)
{
	atomic_store_explicit(&page->cells[cell], v, memory_order_relaxed);
}

static inline uint64_t metric_get(const struct metrics_page *page,
				  uint32_t cell)
{
	return atomic_load_explicit(&page->cells[cell], memory_order_relaxed);
}

/* `n` times the same duration, into the histogram that starts at `cell`. */
void metric_observe(struct metrics_page *page, uint32_t cell, uint64_t ns,
		    uint64_t n);

/* After a process's death: gauges are 0, counters stay. */
void metrics_forget_gauges(struct metrics_page *page);

/* ---- reading ---- */

/*
 * Adds the page of a process of that role to the sums; begin with zeros. Other
 * processes may write meanwhile: a sum is as of some moment of the call.
 */
void metrics_sum(uint64_t sums[METRIC_CELLS], const struct metrics_page *page,
		 enum role role);

/*
 * Appends OpenMetrics 1.0 text: every family of the table, yubin_build_info,
 * and "# EOF". TOO_BIG, NOMEM.
 */
YB_CHECKED enum yb_err metrics_print(const uint64_t sums[METRIC_CELLS],
				     struct buf *out);

/*
 * Whether mail can come and go: all processes are there and the store can be
 * written. Appends what is not, a line each. TOO_BIG, NOMEM.
 */
YB_CHECKED enum yb_err metrics_readiness(const uint64_t sums[METRIC_CELLS],
					 bool *ret_ready, struct buf *out);

#endif
