/*
 * run/control: commands come in here, and what concerns all processes is
 * answered here.
 */
#include <stdio.h>
#include <unistd.h>

#include "os/clock.h"
#include "server/supervisor_private.h"

/* root, the server's own user and its group. */
enum { CONTROL_SOCKET_MODE = 0660 };

/* Hands a command's connection to the process that owns the data. */
static bool pass_on(void *ctx, enum role owner, uint32_t number, int fd)
{
	struct supervisor *s = ctx;
	struct child *c = children_find(&s->children, owner, number);

	return c != NULL && c->state == CHILD_READY &&
	       channel_send(&c->channel, MESSAGE_CONTROL, 0, NULL, 0, &fd, 1) ==
		       YB_OK;
}

static void manage(void *ctx, struct control_call *call)
{
	if (call->type == CONTROL_RESTART)
		supervisor_restart(ctx, call);
	else
		supervisor_reload(ctx, call);
}

static void sum_counters(void *ctx, uint64_t *sums)
{
	const struct supervisor *s = ctx;

	metrics_sum(sums, s->children.page, ROLE_SUPERVISOR);
	for (size_t i = 0; i < s->children.n; i++)
		if (s->children.child[i].page != NULL)
			metrics_sum(sums, s->children.child[i].page,
				    s->children.child[i].role);
}

static void report_status(void *ctx, control_process_fn *each, void *each_ctx)
{
	struct supervisor *s = ctx;
	uint64_t now = clock_mono_ms();
	struct control_process p = { .role = role_name(ROLE_SUPERVISOR),
				     .pid = getpid(),
				     .uptime_ms = now - s->started_ms,
				     .ready = s->stage == STAGE_RUNNING };

	each(each_ctx, &p);
	for (size_t i = 0; i < s->children.n; i++) {
		const struct child *c = &s->children.child[i];

		if (c->unwanted && c->state == CHILD_DOWN)
			continue;
		p = (struct control_process){
			.role = role_name(c->role),
			.number = c->number,
			.pid = c->state == CHILD_DOWN ? 0 : c->pid,
			.uptime_ms = now - c->started_ms,
			.restarts = c->restarts,
			.ready = c->state == CHILD_READY,
			.silent = child_is_silent(c),
		};
		each(each_ctx, &p);
	}
}

/* Over a restart commands find it all the time. */
static int inherited_door(struct supervisor *s, const char *path)
{
	struct socket_address address;
	bool own;
	int fd = -1;

	if (socket_address_parse(path, &address) == YB_OK)
		fd = supervisor_find_inherited(s, SOCK_SEQPACKET, &address,
					       &own);
	return fd > 0 ? fd : 0;
}

int supervisor_open_door(struct supervisor *s)
{
	char path[CONFIG_PATH_LEN + 16];
	enum yb_err err;

	(void)snprintf(path, sizeof path, "%s/control", s->config.run_path);
	s->door = (struct control_door){ .loop = s->loop,
					 .config = &s->config,
					 .pass_on = pass_on,
					 .report = report_status,
					 .sum = sum_counters,
					 .manage = manage,
					 .inherited = inherited_door(s, path),
					 .ctx = s };
	err = control_door_open(&s->door, path, CONTROL_SOCKET_MODE,
				s->children.users[ROLE_STORE]);
	if (err == YB_OK)
		return SERVER_EXIT_OK;
	if (err == YB_BUSY)
		(void)fprintf(stderr,
			      "yubin: a server runs here already: it answers "
			      "at %s; `yubin status` shows it, `yubin restart` "
			      "renews it\n",
			      path);
	else
		(void)fprintf(stderr,
			      "yubin: cannot open the control socket %s: %s\n",
			      path, err_text(err));
	return err == YB_BUSY ? SERVER_EXIT_BUSY : SERVER_EXIT_FAILED;
}
