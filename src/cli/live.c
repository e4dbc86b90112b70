#include "cli/live.h"

#include <stdlib.h>

#include "cli/supervise.h"
#include "os/fd.h"

enum {
	/* Of all workers; what a terminal shows is a page of them. */
	SESSIONS_MAX = 1000000,
};

enum yb_err live_open(struct live *l, const struct config *config)
{
	memset(l, 0, sizeof *l);
	l->config = config;
	l->fd = -1;
	for (size_t i = 0; i < WORKERS_MAX; i++)
		l->worker_fds[i] = -1;
	l->buffer = malloc(PACKET_MAX);
	if (l->buffer == NULL)
		return YB_NOMEM;
	return control_connect(config->run_path, CONTROL_SUPERVISOR, &l->fd);
}

void live_close(struct live *l)
{
	fd_close(&l->fd);
	for (size_t i = 0; i < WORKERS_MAX; i++)
		fd_close(&l->worker_fds[i]);
	free(l->buffer);
	free(l->sessions);
	l->buffer = NULL;
	l->sessions = NULL;
}

static enum yb_err ask(struct live *l, int fd,
		       const struct control_writer *request, bool *ret_more,
		       struct control_reader *ret)
{
	struct control_head head;
	enum yb_err err = control_ask(fd, request, l->buffer, &head, ret, NULL);

	if (err == YB_OK)
		err = (enum yb_err)head.err;
	if (err == YB_OK)
		*ret_more = head.more != 0;
	return err;
}

/* ---- status ---- */

static void read_listener(struct control_reader *r, struct live_listener *row)
{
	control_get_str(r, row->service, sizeof row->service);
	control_get_str(r, row->address, sizeof row->address);
	control_get_str(r, row->tls, sizeof row->tls);
}

static void read_process(struct control_reader *r, struct live_process *row)
{
	control_get_str(r, row->role, sizeof row->role);
	row->number = control_get_u64(r);
	row->pid = control_get_u64(r);
	row->uptime_ms = control_get_u64(r);
	row->restarts = control_get_u64(r);
	row->ready = control_get_u64(r);
	row->silent = control_get_u64(r);
	if (row->silent != 0)
		row->ready = 0;
}

enum yb_err live_status(struct live *l)
{
	struct control_reader r;
	enum yb_err err = supervise_ask(l->fd, CONTROL_STATUS, l->buffer, &r);
	uint64_t n;

	if (err != YB_OK)
		return err;
	control_get_str(&r, l->version, sizeof l->version);
	control_get_str(&r, l->file, sizeof l->file);
	n = control_get_u64(&r);
	if (n > CONFIG_LISTENERS_MAX)
		return YB_INVALID;
	for (l->listeners_n = 0; l->listeners_n < n; l->listeners_n++)
		read_listener(&r, &l->listeners[l->listeners_n]);
	l->processes_n = 0;
	while (control_has_more(&r) && l->processes_n <= CHILDREN_MAX)
		read_process(&r, &l->processes[l->processes_n++]);
	return control_ended(&r) ? YB_OK : YB_INVALID;
}

enum yb_err live_counters(struct live *l)
{
	struct control_reader r;
	enum yb_err err = supervise_ask(l->fd, CONTROL_COUNTERS, l->buffer, &r);

	if (err != YB_OK)
		return err;
	control_get_into(&r, l->counters, sizeof l->counters);
	return control_ended(&r) ? YB_OK : YB_INVALID;
}

/* ---- sessions ---- */

static void read_session(struct control_reader *r, struct live_session *s)
{
	s->id = control_get_u64(r);
	control_get_str(r, s->name, sizeof s->name);
	control_get_str(r, s->service, sizeof s->service);
	control_get_str(r, s->peer, sizeof s->peer);
	control_get_str(r, s->tls, sizeof s->tls);
	control_get_str(r, s->account, sizeof s->account);
	control_get_str(r, s->doing, sizeof s->doing);
	s->in = control_get_u64(r);
	s->out = control_get_u64(r);
	s->age_ms = control_get_u64(r);
	s->idle_ms = control_get_u64(r);
	s->commands = control_get_u64(r);
}

static enum yb_err add_session(struct live *l, const struct live_session *s)
{
	if (l->sessions_n == l->sessions_cap) {
		size_t cap = l->sessions_cap == 0 ? 64 : l->sessions_cap * 2;
		struct live_session *more =
			cap > SESSIONS_MAX
				? NULL
				: realloc(l->sessions, cap * sizeof *more);

		if (more == NULL)
			return YB_NOMEM;
		l->sessions = more;
		l->sessions_cap = cap;
	}
	l->sessions[l->sessions_n++] = *s;
	return YB_OK;
}

/* One page; where the next one begins in *after. */
static enum yb_err read_page(struct live *l, int fd, uint64_t *after,
			     bool *ret_more)
{
	struct control_writer request;
	struct control_reader r;
	enum yb_err err;

	control_writer_init(&request);
	control_begin(&request, CONTROL_SESSIONS);
	control_put_u64(&request, *after);
	err = ask(l, fd, &request, ret_more, &r);
	control_writer_done(&request);
	while (err == YB_OK && control_has_more(&r)) {
		struct live_session s;

		read_session(&r, &s);
		*after = s.id;
		err = r.bad ? YB_INVALID : add_session(l, &s);
	}
	return err;
}

static enum yb_err read_worker(struct live *l, uint32_t number)
{
	uint64_t after = 0;
	bool more = true;
	enum yb_err err = YB_OK;

	if (number >= WORKERS_MAX)
		return YB_INVALID;
	if (l->worker_fds[number] < 0)
		err = control_connect(
			l->config->run_path,
			(enum control_owner)(CONTROL_WORKER + number),
			&l->worker_fds[number]);
	while (err == YB_OK && more)
		err = read_page(l, l->worker_fds[number], &after, &more);
	if (err == YB_OK)
		return YB_OK;
	/* Its successor is asked the next time. */
	fd_close(&l->worker_fds[number]);
	return err == YB_GONE ? YB_OK : err;
}

enum yb_err live_sessions(struct live *l)
{
	enum yb_err err = YB_OK;

	l->sessions_n = 0;
	for (size_t i = 0; i < l->processes_n && err == YB_OK; i++)
		if (strcmp(l->processes[i].role, role_name(ROLE_WORKER)) == 0 &&
		    l->processes[i].ready != 0)
			err = read_worker(l, (uint32_t)l->processes[i].number);
	return err;
}
