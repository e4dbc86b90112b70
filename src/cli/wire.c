#include "cli/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/live.h"
#include "cli/say.h"
#include "cli/supervise.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/random.h"
#include "server/control_client.h"

enum {
	/* How soon a worker that was started again is watched, too. */
	LOOK_AGAIN_MS = 1000,
};

struct watcher {
	struct live *live;
	const char *address;
	uint8_t account[16];
	uint64_t token;
	uint64_t look_at_ms;
};

static void print_lines(struct span text, uint64_t lost)
{
	(void)fwrite(text.p, 1, text.n, stdout);
	if (lost > 0)
		(void)printf("(%llu lines were too many)\n",
			     (unsigned long long)lost);
	(void)fflush(stdout);
}

static enum yb_err ask(struct watcher *w, int fd)
{
	struct control_writer request;
	struct span part;
	enum yb_err err;

	control_writer_init(&request);
	control_begin(&request, CONTROL_WATCH);
	control_put_str(&request, w->address);
	control_put(&request, span_of(w->account, sizeof w->account));
	control_put_u64(&request, w->token);
	part = buf_span(&request.out);
	err = request.failed ? YB_NOMEM : packet_send(fd, &part, 1, NULL, 0);
	control_writer_done(&request);
	return err;
}

static enum yb_err take(struct watcher *w, int fd)
{
	struct control_head head;
	struct control_reader r;
	int fds[PACKET_FDS_MAX];
	struct span text;
	size_t n, fds_n;
	enum yb_err err = packet_receive(fd, w->live->buffer, &n, fds, &fds_n);

	if (err != YB_OK)
		return err;
	for (size_t i = 0; i < fds_n; i++)
		fd_close(&fds[i]);
	err = control_read(span_of(w->live->buffer, n), &head, &r);
	if (err == YB_OK)
		err = (enum yb_err)head.err;
	if (err != YB_OK)
		return err;
	text = control_get(&r);
	print_lines(text, control_get_u64(&r));
	return ask(w, fd);
}

/* Those that are not asked yet: at first all, later who was started again. */
static enum yb_err ask_new(struct watcher *w)
{
	struct live *l = w->live;
	enum yb_err err = live_status(l);

	w->look_at_ms = clock_mono_ms() + LOOK_AGAIN_MS;
	for (size_t i = 0; i < l->processes_n && err == YB_OK; i++) {
		const struct live_process *p = &l->processes[i];
		int *fd;

		if (strcmp(p->role, role_name(ROLE_WORKER)) != 0 ||
		    p->ready == 0 || p->number >= WORKERS_MAX)
			continue;
		fd = &l->worker_fds[p->number];
		if (*fd >= 0)
			continue;
		err = control_connect(
			l->config->run_path,
			(enum control_owner)(CONTROL_WORKER + p->number), fd);
		if (err == YB_OK)
			err = ask(w, *fd);
	}
	return err;
}

static enum yb_err wait_and_take(struct watcher *w)
{
	struct pollfd fds[WORKERS_MAX];
	uint64_t now = clock_mono_ms();
	int wait = w->look_at_ms > now ? (int)(w->look_at_ms - now) : 0;

	for (size_t i = 0; i < WORKERS_MAX; i++)
		fds[i] = (struct pollfd){ .fd = w->live->worker_fds[i],
					  .events = POLLIN };
	if (poll(fds, WORKERS_MAX, wait) < 0)
		return err_from_errno(errno);
	for (size_t i = 0; i < WORKERS_MAX; i++) {
		enum yb_err err = YB_OK;

		if (fds[i].revents != 0)
			err = take(w, fds[i].fd);
		if (err == YB_OVERLOAD)
			return err;
		/* Its successor is asked once it is there. */
		if (err != YB_OK && err != YB_AGAIN)
			fd_close(&w->live->worker_fds[i]);
	}
	return YB_OK;
}

/* Mail is known by the account that it is for, whatever it was called. */
static enum yb_err find_account(struct watcher *w, const struct config *config)
{
	struct control_writer request;
	struct control_head head;
	struct control_reader r;
	AUTO_FD fd = -1;
	enum yb_err err = control_connect(config->run_path, CONTROL_AUTH, &fd);

	if (err != YB_OK)
		return err;
	control_writer_init(&request);
	control_begin(&request, CONTROL_ACCOUNT_GET);
	control_put_str(&request, w->address);
	err = control_ask(fd, &request, w->live->buffer, &head, &r, NULL);
	control_writer_done(&request);
	if (err == YB_OK)
		err = (enum yb_err)head.err;
	if (err == YB_OK)
		control_get_into(&r, w->account, sizeof w->account);
	return err == YB_OK && r.bad ? YB_INVALID : err;
}

int wire_follow(const struct config *config, const char *address)
{
	AUTO_FREE struct live *l = calloc(1, sizeof *l);
	struct watcher w = { .live = l,
			     .address = address,
			     .token = os_random_u64() };
	enum yb_err err;
	int code;

	if (l == NULL)
		return COMMAND_FAILED;
	err = live_open(l, config);
	if (err == YB_OK)
		err = find_account(&w, config);
	if (err == YB_NO_ACCOUNT) {
		say_error("%s: %s; `yubin account list` has them", address,
			  err_text(err));
		live_close(l);
		return COMMAND_FAILED;
	}
	if (err == YB_OK)
		say_note("What %s and its clients say comes here; the "
			 "server's log tells that somebody watches.",
			 address);
	while (err == YB_OK && ferror(stdout) == 0) {
		if (clock_mono_ms() >= w.look_at_ms)
			err = ask_new(&w);
		if (err == YB_OK)
			err = wait_and_take(&w);
	}
	if (err == YB_OVERLOAD)
		say_error("somebody else watches it already, or too many do");
	code = err == YB_OVERLOAD ? COMMAND_BUSY : supervise_tell(config, err);
	live_close(l);
	return code;
}
