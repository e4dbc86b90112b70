/*
 * What the running server says of itself: processes, listeners, counters, and
 * who is connected. Asked by `yubin status`, `top` and `doctor`.
 */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include "config/config.h"
#include "server/children.h"
#include "server/metrics.h"

enum { LIVE_WORD_MAX = 64 };

struct live_listener {
	char service[LIVE_WORD_MAX], address[CONFIG_TEXT_MAX];
	char tls[LIVE_WORD_MAX];
};

struct live_process {
	char role[LIVE_WORD_MAX];
	uint64_t number, pid, uptime_ms, restarts;
	uint64_t ready;  /* and answers */
	uint64_t silent; /* runs, but does not answer */
};

struct live_session {
	uint64_t id;
	char name[LIVE_WORD_MAX]; /* as in the log */
	char service[LIVE_WORD_MAX], peer[LIVE_WORD_MAX * 2];
	char tls[LIVE_WORD_MAX]; /* "TLSv1.3", or "" */
	char account[CONFIG_TEXT_MAX], doing[LIVE_WORD_MAX];
	uint64_t in, out, age_ms, idle_ms, commands;
};

struct live {
	int fd;                      /* to the supervisor */
	int worker_fds[WORKERS_MAX]; /* opened when asked */
	const struct config *config;
	uint8_t *buffer; /* of one packet */
	char version[LIVE_WORD_MAX], file[CONFIG_PATH_LEN];
	struct live_listener listeners[CONFIG_LISTENERS_MAX];
	size_t listeners_n;
	struct live_process processes[CHILDREN_MAX + 1]; /* supervisor first */
	size_t processes_n;
	uint64_t counters[METRIC_CELLS];
	struct live_session *sessions;
	size_t sessions_n, sessions_cap;
};

/*
 * Connects. GONE and NOT_FOUND: no server runs; ACCESS. The config is
 * borrowed until live_close(), which may be called after a failure, too.
 */
YB_CHECKED enum yb_err live_open(struct live *l, const struct config *config);
void live_close(struct live *l);

/*
 * Each asks for the news of its fields. A worker that is gone has no
 * sessions. TIMEOUT, GONE, INVALID.
 */
YB_CHECKED enum yb_err live_status(struct live *l);
YB_CHECKED enum yb_err live_counters(struct live *l);
YB_CHECKED enum yb_err live_sessions(struct live *l);

#endif
