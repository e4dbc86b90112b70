#include "server/config_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/fd.h"
#include "os/memfd.h"
#include "os/process.h"

/* A configuration is parsed in milliseconds. */
enum { READ_MS = 10 * 1000 };

static void tell(struct config_reader *r, bool notice,
		 const struct config_problem *problem)
{
	r->bad = r->bad || !notice;
	r->problem(r->ctx, notice, problem);
}

__attribute__((format(printf, 2, 3))) static void
tell_text(struct config_reader *r, const char *format, ...)
{
	struct config_problem problem = { 0 };
	va_list args;

	va_start(args, format);
	(void)vsnprintf(problem.text, sizeof problem.text, format, args);
	va_end(args);
	tell(r, false, &problem);
}

static void finish(struct config_reader *r, enum yb_err err)
{
	loop_timer_stop(&r->patience);
	channel_close(&r->channel); /* the child sees its end, and ends */
	if (err != YB_OK && err != YB_INVALID)
		tell_text(r, "the process that reads it does not answer: %s",
			  err_text(err));
	r->done(r->ctx, err == YB_OK && r->bad ? YB_INVALID : err);
}

static void out_of_patience(void *ctx, uint64_t now_ms)
{
	struct config_reader *r = ctx;

	(void)now_ms;
	(void)kill(r->pid, SIGKILL); /* its channel still stands */
	finish(r, YB_TIMEOUT);
}

/* ---- what the configuration names ---- */

static void on_file_problem(void *ctx, const struct config_problem *problem)
{
	tell(ctx, false, problem);
}

static int open_marked(const char *path, struct file_mark *ret)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	*ret = (struct file_mark){
		.device = st.st_dev,
		.inode = st.st_ino,
		.size = (uint64_t)st.st_size,
		.changed_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
			      st.st_mtim.tv_nsec,
	};
	return fd_steal(&fd);
}

static enum yb_err send_pair(struct config_reader *r, size_t i)
{
	AUTO_FD certificate = open_marked(
		config_pair_certificate(&r->config, i), &r->marks[i][0]);
	AUTO_FD key =
		open_marked(config_pair_key(&r->config, i), &r->marks[i][1]);
	const int fds[] = { certificate, key };

	if (certificate < 0 || key < 0)
		return err_from_errno(errno);
	return channel_send(&r->channel, MESSAGE_KEYS, i, NULL, 0, fds, 2);
}

static enum yb_err send_client_ca(struct config_reader *r)
{
	const struct config *c = &r->config;

	if (c->client_ca[0] == 0 || config_pairs(c) == 0)
		return YB_OK;
	AUTO_FD fd = open(c->client_ca, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_from_errno(errno);
	return channel_send(&r->channel, MESSAGE_CLIENT_CA, 0, NULL, 0, &fd, 1);
}

/*
 * Weak permissions are refused (threat 64). The child could not look: it has
 * no rights. Its examination of the certificates comes last.
 */
static enum yb_err go_on(struct config_reader *r)
{
	enum yb_err err = config_check_files(&r->config, on_file_problem, r);

	if (err == YB_INVALID)
		return channel_send(&r->channel, MESSAGE_START, 0, NULL, 0,
				    NULL, 0);
	for (size_t i = 0; err == YB_OK && i < config_pairs(&r->config); i++)
		err = send_pair(r, i);
	if (err == YB_OK)
		err = send_client_ca(r);
	if (err == YB_OK)
		err = channel_send(&r->channel, MESSAGE_START, 0, NULL, 0, NULL,
				   0);
	return err;
}

/* ---- the child ---- */

static bool take_config(struct config_reader *r, struct message *m)
{
	struct span block;
	bool good;

	if (r->got || m->fds_n != 1 ||
	    memfd_map(m->fds[0], sizeof r->config, &block) != YB_OK)
		return false;
	good = config_is_valid(block);
	if (good)
		memcpy(&r->config, block.p, sizeof r->config);
	memfd_unmap(&block);
	if (!good)
		return false;
	r->got = true;
	return go_on(r) == YB_OK;
}

static bool take_problem(struct config_reader *r, struct message *m)
{
	struct config_problem problem = { 0 };
	struct message_reader in;
	uint8_t notice;

	message_read(&in, m);
	notice = message_read_u8(&in);
	problem.line = message_read_u32(&in);
	problem.column = message_read_u32(&in);
	if (!span_to_str(message_read_octets(&in), problem.text,
			 sizeof problem.text) ||
	    !message_read_ended(&in))
		return false;
	tell(r, notice != 0, &problem);
	return true;
}

static bool on_message(void *ctx, struct message *m)
{
	struct config_reader *r = ctx;

	switch (m->type) {
	case MESSAGE_CONFIG:
		return take_config(r, m);
	case MESSAGE_PROBLEM:
		return take_problem(r, m);
	case MESSAGE_READY:
		if (!r->got && !r->bad)
			return false;
		finish(r, YB_OK);
		return true;
	default:
		return false;
	}
}

static void on_end(void *ctx, enum yb_err why)
{
	finish(ctx, why);
}

static enum yb_err spawn(struct config_reader *r, const char *real, int file)
{
	const char *argv[] = { "yubin", "--role=config", real, NULL };
	int pair[2];
	enum yb_err err = packet_pair(pair);

	if (err != YB_OK)
		return err;
	AUTO_FD ours = pair[0];
	AUTO_FD theirs = pair[1];
	const int fds[] = { theirs, file };
	struct process_start start = { .program = r->program,
				       .argv = argv,
				       .fds = fds,
				       .fds_n = 2,
				       .folder = r->folder };
	if (process_may_become_others() &&
	    process_user_find("nobody", &start.user) != YB_OK)
		return YB_NOT_FOUND;
	err = process_start(&start, &r->pid);
	if (err != YB_OK)
		return err;
	r->channel.on_message = on_message;
	r->channel.on_end = on_end;
	r->channel.ctx = r;
	return channel_open(&r->channel, r->loop, fd_steal(&ours));
}

enum yb_err config_reader_begin(struct config_reader *r, const char *file)
{
	char real[PATH_MAX];
	enum yb_err err;
	AUTO_FD fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	r->bad = r->got = false;
	if (fd < 0 || realpath(file, real) == NULL) {
		tell_text(r,
			  "cannot read %.300s: %s; run `yubin init` first, or "
			  "name a file with -c",
			  file, strerror(errno));
		return YB_INVALID;
	}
	err = spawn(r, real, fd);
	if (err != YB_OK) {
		tell_text(r, "cannot start the process that reads %.300s: %s",
			  file, err_text(err));
		return YB_INVALID;
	}
	loop_timer_init(&r->patience, out_of_patience, r);
	loop_timer_set(r->loop, &r->patience, clock_mono_ms() + READ_MS);
	return YB_OK;
}
