#include "cli/supervise.h"

#include <time.h>

#include "cli/say.h"
#include "os/clock.h"
#include "os/fd.h"

enum {
	/* A reload takes milliseconds, unless certificates are many. */
	BUSY_MS = 5 * 1000,
	LOOK_MS = 50,
};

int supervise_tell(const struct config *c, enum yb_err err)
{
	if (err == YB_OK)
		return COMMAND_OK;
	if (err == YB_NOT_FOUND || err == YB_GONE) {
		say_error("the server does not run: nobody answers at "
			  "%s/control; start it with `yubin serve`, or "
			  "`systemctl start yubin`",
			  c->run_path);
		return COMMAND_NOT_RUNNING;
	}
	say_error("cannot reach the server at %s/control: %s%s", c->run_path,
		  err_text(err),
		  err == YB_ACCESS ? "; run it as root, or as a member of its "
				     "group"
				   : "");
	return COMMAND_FAILED;
}

int supervise_connect(const struct config *c, int *ret_fd)
{
	return supervise_tell(
		c, control_connect(c->run_path, CONTROL_SUPERVISOR, ret_fd));
}

enum yb_err supervise_ask(int fd, enum control_type type, uint8_t *buffer,
			  struct control_reader *ret)
{
	struct control_writer request;
	struct control_head head;
	enum yb_err err;

	*ret = (struct control_reader){ 0 };
	control_writer_init(&request);
	control_begin(&request, type);
	err = control_ask(fd, &request, buffer, &head, ret, NULL);
	control_writer_done(&request);
	return err == YB_OK ? (enum yb_err)head.err : err;
}

int supervise_order(const struct config *c, enum control_type type,
		    uint8_t *buffer, struct control_reader *ret,
		    enum yb_err *ret_err)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	uint64_t until = clock_mono_ms() + BUSY_MS;
	bool again = true;

	while (again) {
		AUTO_FD fd = -1;
		int code = supervise_connect(c, &fd);

		if (code != COMMAND_OK)
			return code;
		*ret_err = supervise_ask(fd, type, buffer, ret);
		again = *ret_err == YB_BUSY && clock_mono_ms() < until;
		if (again)
			(void)nanosleep(&pause, NULL);
	}
	return COMMAND_OK;
}
