#include "cli/desk.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/list.h"
#include "cli/owner.h"
#include "cli/say.h"
#include "directory/directory.h"
#include "os/fd.h"
#include "server/control_client.h"
#include "server/control_directory.h"
#include "server/control_store.h"
#include "store/store.h"

enum {
	/* A server that is starting or ending holds the lock this long. */
	LOCK_TRIES = 20,
	LOCK_PAUSE_MS = 100,
};

struct desk {
	const struct config *config;
	bool local;
	int fds[CONTROL_OWNERS]; /* to the server, opened when needed */
	struct store *store;     /* without one */
	struct directory *directory;
	struct auth *auth;
	char auth_folder[CONFIG_PATH_LEN];
	int fd; /* that came with the last reply, or -1 */
	uint8_t buffer[PACKET_MAX];
};

/* ---- without a server ---- */

static void on_report(void *ctx, const char *line)
{
	(void)ctx;
	say_error("%s", line);
}

static enum yb_err open_store(struct desk *d)
{
	struct store_config config = { .path = d->config->store_path,
				       .undelete_days =
					       d->config->undelete_days,
				       .ballast_octets = d->config->ballast,
				       .report = on_report };
	enum yb_err err;

	owner_enter(d->config->store_path);
	err = store_open(&config, &d->store);
	owner_leave();
	return err;
}

static enum yb_err open_auth(struct desk *d)
{
	struct auth_config config = {
		.default_domain = d->config->default_domain,
		.defaults = d->config->defaults,
		.elsewhere = d->config->accounts_directory ==
			     CONFIG_DIRECTORY_COMMAND,
	};
	char *slash;
	enum yb_err err;

	memcpy(d->auth_folder, d->config->directory_path,
	       sizeof d->auth_folder);
	slash = strrchr(d->auth_folder, '/');
	if (slash != NULL)
		*slash = 0;
	owner_enter(d->auth_folder);
	err = directory_open(d->config->directory_path, &d->directory);
	if (err == YB_OK) {
		config.directory = d->directory;
		err = auth_open(&config, &d->auth);
	}
	owner_leave();
	return err;
}

static int tell_open(const char *what, const char *path, enum yb_err err)
{
	const char *way_out = "";

	if (err == YB_NOT_FOUND)
		way_out = "; run `yubin init` first";
	else if (err == YB_ACCESS)
		way_out = "; run it as root, or as the user it belongs to";
	say_error("cannot open the %s %s: %s%s", what, path, err_text(err),
		  way_out);
	return say_exit(err);
}

/* ---- which of both ---- */

static void pause_ms(long ms)
{
	const struct timespec t = { .tv_nsec = ms * 1000000 };

	(void)nanosleep(&t, NULL);
}

static bool nobody_there(enum yb_err err)
{
	return err == YB_NOT_FOUND || err == YB_GONE;
}

/*
 * The server's socket, or the lock. Where the lock is held and nobody answers
 * a server is just starting or ending: that passes, or it is another command.
 */
static enum yb_err find_work(struct desk *d)
{
	enum yb_err err = YB_BUSY;

	for (int i = 0; err == YB_BUSY && i < LOCK_TRIES; i++) {
		if (i > 0)
			pause_ms(LOCK_PAUSE_MS);
		err = control_connect(d->config->run_path, CONTROL_AUTH,
				      &d->fds[CONTROL_AUTH]);
		if (!nobody_there(err))
			return err;
		err = open_store(d);
		d->local = err == YB_OK;
	}
	return err;
}

static int tell_find(const struct desk *d, enum yb_err err)
{
	const char *run = d->config->run_path;

	if (err == YB_BUSY) {
		say_error("the store %s is in use by another process, and no "
			  "server answers at %s/control; try again when it is "
			  "done",
			  d->config->store_path, run);
		return COMMAND_BUSY;
	}
	if (err == YB_ACCESS && access(d->config->store_path, F_OK) == 0) {
		say_error("cannot reach the server at %s/control, nor the "
			  "store %s: permission denied; run it as root, or as "
			  "a member of the group %s",
			  run, d->config->store_path, d->config->user);
		return COMMAND_FAILED;
	}
	return tell_open("store", d->config->store_path, err);
}

int desk_open(const struct config *config, struct desk **ret)
{
	struct desk *d = calloc(1, sizeof *d);
	int code = COMMAND_OK;
	enum yb_err err;

	if (d == NULL) {
		say_error("out of memory");
		return COMMAND_FAILED;
	}
	d->config = config;
	d->fd = -1;
	for (size_t i = 0; i < CONTROL_OWNERS; i++)
		d->fds[i] = -1;
	err = find_work(d);
	if (err != YB_OK)
		code = tell_find(d, err);
	if (code == COMMAND_OK && d->local) {
		err = open_auth(d);
		if (err != YB_OK)
			code = tell_open("directory", config->directory_path,
					 err);
	}
	if (code != COMMAND_OK) {
		desk_close(&d);
		return code;
	}
	*ret = d;
	return COMMAND_OK;
}

void desk_close(struct desk **desk)
{
	struct desk *d = *desk;

	if (d == NULL)
		return;
	owner_enter(d->auth_folder);
	auth_close(&d->auth);
	directory_close(&d->directory);
	owner_leave();
	owner_enter(d->config->store_path);
	store_close(&d->store);
	owner_leave();
	for (size_t i = 0; i < CONTROL_OWNERS; i++)
		fd_close(&d->fds[i]);
	fd_close(&d->fd);
	mem_wipe(d->buffer, sizeof d->buffer);
	free(d);
	*desk = NULL;
}

/* ---- asking ---- */

struct local_call {
	struct control_call call;
	bool done;
};

static void on_replied(struct control_call *call, enum yb_err err)
{
	struct local_call *local = list_entry(call, struct local_call, call);

	control_set_head(&call->reply, err, call->more);
	local->done = true;
}

/* The store may answer from its pool. */
static void wait_for_store(struct desk *d, struct local_call *local)
{
	while (!local->done) {
		struct pollfd wait = { .fd = store_fd(d->store),
				       .events = POLLIN };

		if (wait.fd >= 0)
			(void)poll(&wait, 1, -1);
		store_run(d->store);
	}
}

static enum yb_err ask_local(struct desk *d, enum control_owner owner,
			     const struct control_writer *request,
			     struct control_head *ret_head,
			     struct control_reader *ret)
{
	struct local_call local = { .call.replied = on_replied, .call.fd = -1 };
	struct control_head head;
	size_t n;
	enum yb_err err = control_read(buf_span(&request->out), &head,
				       &local.call.fields);

	if (err != YB_OK)
		return err;
	local.call.type = (enum control_type)head.type;
	if (request->fd >= 0)
		err = fd_duplicate(request->fd, &local.call.fd);
	if (err != YB_OK)
		return err;
	control_writer_init(&local.call.reply);
	control_begin(&local.call.reply, local.call.type);
	if (owner == CONTROL_AUTH) {
		owner_enter(d->auth_folder);
		control_directory_handle(d->auth, &local.call);
	} else {
		owner_enter(d->config->store_path);
		control_store_handle(d->store, &local.call);
		wait_for_store(d, &local);
	}
	owner_leave();
	fd_close(&local.call.fd);
	d->fd = fd_steal(&local.call.reply.fd);
	err = local.call.reply.failed ? YB_NOMEM : YB_OK;
	n = local.call.reply.out.n;
	if (err == YB_OK && n > 0)
		memcpy(d->buffer, local.call.reply.out.p, n);
	control_writer_done(&local.call.reply);
	return err == YB_OK ? control_read(span_of(d->buffer, n), ret_head, ret)
			    : err;
}

static enum yb_err ask_server(struct desk *d, enum control_owner owner,
			      const struct control_writer *request,
			      struct control_head *ret_head,
			      struct control_reader *ret)
{
	enum yb_err err = YB_OK;

	if (d->fds[owner] < 0)
		err = control_connect(d->config->run_path, owner,
				      &d->fds[owner]);
	if (err == YB_OK)
		err = control_ask(d->fds[owner], request, d->buffer, ret_head,
				  ret, &d->fd);
	return err;
}

int desk_take_fd(struct desk *d)
{
	return fd_steal(&d->fd);
}

enum yb_err desk_ask(struct desk *d, enum control_owner owner,
		     const struct control_writer *request,
		     struct control_head *ret_head, struct control_reader *ret)
{
	enum yb_err err;

	if (request->failed) {
		say_error("the request is too large");
		return YB_TOO_BIG;
	}
	fd_close(&d->fd);
	err = d->local ? ask_local(d, owner, request, ret_head, ret)
		       : ask_server(d, owner, request, ret_head, ret);
	if (err == YB_GONE)
		say_error("the server closed the connection; its log says why, "
			  "and it may work again at once");
	else if (err != YB_OK)
		say_error("no answer from the server: %s", err_text(err));
	return err;
}
