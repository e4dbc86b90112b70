/*
 * The child that parses the configuration, and the certificates that it names:
 * it has the file and a channel, and no rights. What is wrong it tells the
 * supervisor; what is right it hands over as a sealed struct config.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/memfd.h"
#include "os/process.h"
#include "server/cage.h"
#include "server/message.h"
#include "server/pair_examine.h"
#include "server/role.h"
#include "server/supervisor.h"
#include "tls/context.h"

struct config_process {
	struct process process;
	struct config config;
};

static void tell(struct config_process *p, bool notice,
		 const struct config_problem *problem)
{
	UNSET struct message_writer w;

	message_write(&w);
	message_write_u8(&w, notice);
	message_write_u32(&w, problem->line);
	message_write_u32(&w, problem->column);
	message_write_octets(&w, span_str(problem->text));
	/* If the supervisor is gone, on_end() comes. */
	(void)channel_send_fields(&p->process.supervisor, MESSAGE_PROBLEM, 0,
				  &w);
}

static void on_problem(void *ctx, const struct config_problem *problem)
{
	tell(ctx, false, problem);
}

static enum yb_err hand_over(struct config_process *p)
{
	AUTO_FD fd = -1;
	enum yb_err err = memfd_make(
		"yubin-config", span_of(&p->config, sizeof p->config), &fd);

	if (err == YB_OK)
		err = channel_send(&p->process.supervisor, MESSAGE_CONFIG, 0,
				   NULL, 0, &fd, 1);
	return err;
}

static void examine(struct config_process *p, size_t i, const int *fds)
{
	struct config_problem problem = { 0 };
	enum pair_state state = pair_examine(
		fds[0], fds[1], config_pair_certificate(&p->config, i),
		config_pair_key(&p->config, i), problem.text);

	if (state != PAIR_GOOD)
		tell(p, state == PAIR_TOLD, &problem);
}

static void examine_client_ca(struct config_process *p, int fd)
{
	struct config_problem problem = { 0 };

	if (client_ca_examine(fd, p->config.client_ca, problem.text) !=
	    PAIR_GOOD)
		tell(p, false, &problem);
}

static bool on_message(void *ctx, struct message *m)
{
	struct config_process *p = ctx;

	if (m->type == MESSAGE_START) {
		process_ready(&p->process); /* everything has been told */
		return true;
	}
	if (m->type == MESSAGE_CLIENT_CA) {
		if (m->fds_n == 1)
			examine_client_ca(p, m->fds[0]);
		return m->fds_n == 1;
	}
	if (m->type != MESSAGE_KEYS || m->fds_n != 2 ||
	    m->id >= config_pairs(&p->config))
		return false;
	examine(p, m->id, m->fds);
	return true;
}

static void on_stop(void *ctx)
{
	struct config_process *p = ctx;

	process_end(&p->process, SERVER_EXIT_OK);
}

static enum yb_err parse(struct config_process *p, const char *file)
{
	struct buf text;
	enum yb_err err;

	buf_init(&text, CONFIG_FILE_MAX);
	err = file_read_fd(PROCESS_FIRST_FD + 1, &text);
	if (err == YB_OK)
		err = config_parse(buf_span(&text), file, on_problem, p,
				   &p->config);
	buf_done(&text);
	return err;
}

int config_process_main(const char *file)
{
	struct config_process *p = calloc(1, sizeof *p);
	struct config_problem problem = { 0 };
	enum yb_err err;

	if (p == NULL || process_init(&p->process, ROLE_CONFIG, 0) != YB_OK)
		return SERVER_EXIT_FAILED;
	p->process.on_message = on_message;
	p->process.on_stop = on_stop;
	p->process.ctx = p;
	tls_prepare();
	err = cage_close(&p->process, NULL, 0);
	if (err == YB_OK)
		err = parse(p, file);
	if (err == YB_OK)
		err = hand_over(p);
	if (err != YB_OK && err != YB_INVALID) {
		(void)snprintf(problem.text, sizeof problem.text,
			       "cannot read it: %s", err_text(err));
		tell(p, false, &problem);
	}
	if (err != YB_OK)
		process_ready(&p->process);
	return process_run(&p->process);
}
