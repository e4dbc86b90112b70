#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/logfile.h"
#include "cli/logline.h"
#include "cli/say.h"
#include "cli/wire.h"

enum {
	/* What -f shows of the past, as tail and journalctl do. */
	FOLLOW_LINES = 10,
	LINES_MAX = 1000000,
};

struct printer {
	struct logline_filter filter;
	enum logline_form form;
	/* The last lines, where only these are wanted: a ring. */
	char **last;
	size_t last_n, last_at;
	bool holding; /* lines go into the ring */
	bool failed;  /* nobody reads what is printed */
	uint64_t seen;
};

static void print(struct printer *p, struct span line)
{
	logline_print(stdout, line, p->form);
	p->failed = ferror(stdout) != 0;
}

static void hold(struct printer *p, struct span line)
{
	char *copy = strndup((const char *)line.p, line.n);

	if (copy == NULL)
		return;
	free(p->last[p->last_at]);
	p->last[p->last_at] = copy;
	p->last_at = (p->last_at + 1) % p->last_n;
}

static bool on_line(void *ctx, struct span line)
{
	struct printer *p = ctx;

	p->seen++;
	if (!logline_matches(line, &p->filter))
		return true;
	if (p->holding && p->last_n > 0)
		hold(p, line);
	else if (!p->holding)
		print(p, line);
	return !p->failed;
}

/* The past is over: what was held is printed, what comes is printed at once. */
static void on_caught_up(void *ctx)
{
	struct printer *p = ctx;

	for (size_t i = 0; i < p->last_n; i++) {
		char *line = p->last[(p->last_at + i) % p->last_n];

		if (line != NULL)
			print(p, span_str(line));
	}
	p->holding = false;
	(void)fflush(stdout);
}

/* ---- what was asked for ---- */

struct wish {
	const char *since;
	int64_t since_s;
	bool follow;
};

static bool read_filter(const struct invocation *inv, struct printer *p,
			struct wish *w)
{
	const char *level = invocation_option(inv, "level");

	p->filter.session = invocation_option(inv, "session");
	p->filter.account = invocation_option(inv, "account");
	p->filter.peer = invocation_option(inv, "address");
	w->since = invocation_option(inv, "since");
	w->follow = invocation_option(inv, "follow") != NULL;
	if (level != NULL) {
		p->filter.level = logline_level(span_str(level));
		if (p->filter.level < 0) {
			say_error("--level %s: it is debug, info, warn or "
				  "error",
				  level);
			return false;
		}
	}
	if (w->since != NULL && !logline_since(w->since, (int64_t)time(NULL),
					       p->filter.since, &w->since_s)) {
		say_error("--since %s: write 10m, 2h or 3d, \"2026-11-21\" or "
			  "\"2026-11-21 13:50\"",
			  w->since);
		return false;
	}
	return true;
}

static bool read_form(const struct invocation *inv, struct printer *p,
		      const struct wish *w)
{
	unsigned long n = w->follow ? FOLLOW_LINES : 0;

	if (!invocation_number(inv, "lines", LINES_MAX, &n))
		return false;
	p->form = invocation_option(inv, "json") != NULL ? LOGLINE_JSON
		  : isatty(STDOUT_FILENO) != 0           ? LOGLINE_COLOUR
							 : LOGLINE_PLAIN;
	if (w->since != NULL && invocation_option(inv, "lines") == NULL)
		return true; /* all since then */
	p->holding = w->follow || invocation_option(inv, "lines") != NULL;
	p->last_n = n;
	p->last = calloc(n + 1, sizeof *p->last);
	return p->last != NULL;
}

static int tell(const char *path, enum yb_err err)
{
	if (err == YB_OK)
		return COMMAND_OK;
	say_error("cannot read the log %s: %s%s", path, err_text(err),
		  err == YB_ACCESS      ? "; run it as root"
		  : err == YB_NOT_FOUND ? "; has the server been started yet?"
					: "");
	return COMMAND_FAILED;
}

/* Without a file the server writes to standard error: systemd's journal. */
static int read_journal(struct printer *p, const struct wish *w)
{
	const char *reason = "journalctl found nothing of the unit yubin";
	char since[LOGLINE_STAMP_MAX + 8];
	enum yb_err err;

	/* What journalctl calls a time on its own is local. */
	(void)snprintf(since, sizeof since, "@%lld", (long long)w->since_s);
	/* It goes on for ever: what is past cannot be told from what comes. */
	p->holding = p->holding && !w->follow;
	err = logfile_journal(w->since != NULL ? since : NULL, w->follow,
			      on_line, p);
	if (err == YB_OK)
		on_caught_up(p);
	if (err == YB_OK && p->seen > 0)
		return COMMAND_OK;
	if (err == YB_NOT_FOUND)
		reason = "and there is no journalctl here";
	else if (err != YB_OK)
		reason = "and journalctl failed";
	say_error("the server logs to standard error, %s; write `log: FILE` "
		  "into the configuration to keep it in a file",
		  reason);
	return COMMAND_FAILED;
}

static int read_file(const char *path, struct printer *p, const struct wish *w)
{
	enum yb_err err = logfile_read(path, w->since_s, on_line, p);

	on_caught_up(p);
	return tell(path, err);
}

static void done(struct printer *p)
{
	for (size_t i = 0; i < p->last_n && p->last != NULL; i++)
		free(p->last[i]);
	free(p->last);
}

int cmd_log(const struct invocation *inv)
{
	AUTO_FREE struct config *c = NULL;
	struct printer p = { .form = LOGLINE_PLAIN };
	struct wish w = { .follow = false };
	int code = COMMAND_USAGE;

	if (!read_filter(inv, &p, &w) || !read_form(inv, &p, &w))
		return code;
	c = say_config(inv);
	if (c == NULL)
		code = COMMAND_CONFIG;
	else if (invocation_option(inv, "wire") != NULL)
		code = wire_follow(c, invocation_option(inv, "wire"));
	else if (c->log_path[0] == 0)
		code = read_journal(&p, &w);
	else if (w.follow)
		code = tell(c->log_path,
			    logfile_follow(c->log_path, w.since_s, on_line,
					   on_caught_up, &p));
	else
		code = read_file(c->log_path, &p, &w);
	done(&p);
	return code;
}
