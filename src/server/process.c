#include "server/process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "os/fd.h"
#include "os/memfd.h"
#include "os/process.h"

/* Only the supervisor's word ends a process, not a Ctrl-C for the group. */
static void ignore_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE,
				       SIGQUIT };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		(void)sigaction(ignored[i], &ignore, NULL);
}

static bool take_config(struct process *p, struct message *m)
{
	struct span block;
	bool good;

	if (m->fds_n != 1 ||
	    memfd_map(m->fds[0], sizeof p->config, &block) != YB_OK)
		return false;
	good = config_is_valid(block);
	if (good)
		memcpy(&p->config, block.p, sizeof p->config);
	memfd_unmap(&block);
	return good;
}

static bool take_log(struct process *p, struct message *m)
{
	if (m->fds_n != 1)
		return false;
	log_flush(&p->log);
	if (p->log.fd > STDERR_FILENO)
		fd_close(&p->log.fd);
	p->log.fd = m->fds[0];
	m->fds[0] = -1;
	return true;
}

static bool take_page(struct process *p, struct message *m)
{
	void *page;

	if (m->fds_n != 1 || p->page_is_shared ||
	    memfd_map_shared(m->fds[0], sizeof *p->page, true, &page) != YB_OK)
		return false;
	free(p->page); /* nothing was counted before */
	p->page = page;
	p->page_is_shared = true;
	return true;
}

static void reload(struct process *p)
{
	enum yb_err err = p->on_reload == NULL ? YB_OK : p->on_reload(p->ctx);
	UNSET struct message_writer w;

	message_write(&w);
	message_write_u32(&w, (uint32_t)err);
	/* If the supervisor is gone, on_end() comes. */
	(void)channel_send_fields(&p->supervisor, MESSAGE_RELOADED, 0, &w);
}

static bool on_message(void *ctx, struct message *m)
{
	struct process *p = ctx;

	/* What came in the same packet is not for a process that has failed:
	 * it would report itself ready. */
	if (p->ended)
		return true;
	switch (m->type) {
	case MESSAGE_CONFIG:
		return take_config(p, m);
	case MESSAGE_LOG:
		return take_log(p, m);
	case MESSAGE_PAGE:
		return take_page(p, m);
	case MESSAGE_STOP:
		p->on_stop(p->ctx);
		return true;
	case MESSAGE_RELOAD:
		reload(p);
		return true;
	case MESSAGE_PING:
		/* From the loop itself: a process that hangs cannot say it. */
		(void)channel_send(&p->supervisor, MESSAGE_PONG, m->id, NULL, 0,
				   NULL, 0);
		return true;
	default:
		return p->on_message(p->ctx, m);
	}
}

/* Without a supervisor there is nobody to answer to: what is unsaid stays
 * unsaid, and the ports are free for a new start. */
static void on_end(void *ctx, enum yb_err why)
{
	struct process *p = ctx;

	(void)why; /* its exit shows as well */
	process_end(p, 1);
}

enum yb_err process_init(struct process *p, enum role role, uint32_t number)
{
	char title[sizeof p->name + 8];
	enum yb_err err;

	ignore_signals();
	p->role = role;
	p->number = number;
	if (role == ROLE_WORKER)
		(void)snprintf(p->name, sizeof p->name, "%s-%u",
			       role_name(role), number);
	else
		(void)snprintf(p->name, sizeof p->name, "%s", role_name(role));
	(void)snprintf(title, sizeof title, "yubin-%s", p->name);
	process_set_title(title);
	p->page = calloc(1, sizeof *p->page);
	if (p->page == NULL)
		return YB_NOMEM;
	err = loop_new(&p->loop);
	if (err != YB_OK)
		return err;
	log_init(&p->log, p->loop, p->name, STDERR_FILENO);
	p->supervisor.on_message = on_message;
	p->supervisor.on_end = on_end;
	p->supervisor.ctx = p;
	return channel_open(&p->supervisor, p->loop, PROCESS_FIRST_FD);
}

void process_ready(struct process *p)
{
	/* If the supervisor is gone, on_end() comes. */
	(void)channel_send(&p->supervisor, MESSAGE_READY, 0, NULL, 0, NULL, 0);
}

int process_run(struct process *p)
{
	loop_run(p->loop);
	log_flush(&p->log);
	return p->exit_status;
}

void process_end(struct process *p, int status)
{
	p->exit_status = status;
	p->ended = true;
	loop_stop(p->loop);
}

static bool on_peer_message(void *ctx, struct message *m)
{
	struct peer *peer = ctx;

	return peer->on_message != NULL && peer->on_message(peer, m);
}

static void accuse(const struct peer *peer, enum yb_err why)
{
	struct process *p = peer->process;
	UNSET struct message_writer w;

	log_message(&p->log, LOG_ERROR, "channel",
		    "%s-%u broke the rules of its channel: %s",
		    role_name(peer->role), peer->number, err_text(why));
	message_write(&w);
	message_write_u32(&w, peer->role);
	message_write_u32(&w, peer->number);
	message_write_u64(&w, peer->incarnation);
	/* If the supervisor is gone, on_end() comes. */
	(void)channel_send_fields(&p->supervisor, MESSAGE_ACCUSED, 0, &w);
}

static void on_peer_end(void *ctx, enum yb_err why)
{
	struct peer *peer = ctx;

	peer->present = false;
	if (why != YB_GONE)
		accuse(peer, why);
	if (peer->on_end != NULL)
		peer->on_end(peer, why);
}

bool peer_take(struct process *p, struct message *m, peer_find_fn *find,
	       void *owner)
{
	struct message_reader r;
	uint32_t role, number;
	uint64_t incarnation;
	struct peer *peer;

	message_read(&r, m);
	role = message_read_u32(&r);
	number = message_read_u32(&r);
	incarnation = message_read_u64(&r);
	if (!message_read_ended(&r) || m->fds_n != 1 || role >= ROLE_COUNT ||
	    number >= WORKERS_MAX)
		return false;
	peer = find(owner, (enum role)role, number);
	if (peer == NULL)
		return false;
	if (peer->present) {
		/* Its successor is here before its own end was seen. */
		channel_close(&peer->channel);
		on_peer_end(peer, YB_GONE);
	}
	peer->process = p;
	peer->role = (enum role)role;
	peer->number = number;
	peer->incarnation = incarnation;
	peer->channel.on_message = on_peer_message;
	peer->channel.on_end = on_peer_end;
	peer->channel.ctx = peer;
	peer->present = channel_open(&peer->channel, p->loop,
				     fd_steal(&m->fds[0])) == YB_OK;
	return true;
}
