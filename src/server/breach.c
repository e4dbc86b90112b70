#include "server/breach.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "os/fd.h"
#include "os/sandbox.h"

static void tell(struct child *c, const struct sandbox_breach *breach)
{
	char number[16];
	UNSET struct log_line line;

	(void)snprintf(number, sizeof number, "%d", breach->call);
	log_begin(&line, c->all->log, LOG_ERROR, "breach");
	log_field_str(&line, "role", role_name(c->role));
	log_field_u64(&line, "number", c->number);
	log_field_u64(&line, "pid", (uint64_t)c->pid);
	log_field_str(&line, "call",
		      breach->name != NULL ? breach->name : number);
	log_field_str(&line, "msg",
		      "made a forbidden system call: it is ended");
	log_end(&line);
}

/*
 * The listener stays open until the process is dead: where there is none, the
 * call that waits would come back to whoever made it.
 */
static void on_breach(void *ctx, uint32_t events)
{
	struct child *c = ctx;
	struct sandbox_breach breach;
	enum yb_err err = YB_GONE;

	if ((events & EPOLLIN) != 0)
		err = sandbox_breach_read(c->breach_fd, &breach);
	loop_unwatch(c->all->loop, &c->breach);
	if (err == YB_GONE)
		return; /* it has ended by itself */
	child_kill(c);
	if (err != YB_OK)
		return;
	tell(c, &breach);
	free((void *)(uintptr_t)breach.name);
}

bool breach_watch(struct child *c, struct message *m)
{
	int fd;

	/* Later it may have been taken over. */
	if (m->fds_n != 1 || c->state != CHILD_STARTING || c->breach_fd >= 0)
		return false;
	fd = fd_steal(&m->fds[0]);
	c->breach_fd = fd;
	c->breach = (struct loop_io){ .fd = -1, .ready = on_breach, .ctx = c };
	return loop_watch(c->all->loop, &c->breach, fd, EPOLLIN | LOOP_LEVEL) ==
	       YB_OK;
}

void breach_forget(struct child *c)
{
	loop_unwatch(c->all->loop, &c->breach);
	fd_close(&c->breach_fd);
}
