/*
 * `yubin top`: who is connected, and what goes through, as it changes. A frame
 * is made as text first, so that --once, the screen and the tests see the
 * same; the screen is only a place to put it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/live.h"
#include "cli/say.h"
#include "cli/supervise.h"
#include "os/clock.h"
#include "os/fd.h"

enum {
	INTERVAL_S = 2,
	INTERVAL_MAX_S = 3600,
	COLUMNS = 80,
	ROWS = 24,
	COLUMNS_MAX = 400,
	/* Above the sessions: four lines and the heading. */
	HEAD_ROWS = 6,
	/* Further columns than an 80-column screen has room for. */
	WIDE = 108,
};

enum order { BY_AGE, BY_IDLE, BY_IN, BY_OUT, BY_ACCOUNT, BY_PEER, ORDERS };

static const char *const order_names[ORDERS] = { "age", "idle",    "in",
						 "out", "account", "peer" };

/* What went through since the frame before. */
struct rates {
	uint64_t at_ms;
	uint64_t counters[METRIC_CELLS]; /* as they were then */
	double seconds;
};

struct screen {
	struct live *live;
	struct rates rates;
	enum order order;
	bool reverse;
	size_t skip; /* sessions scrolled away */
	unsigned columns, rows;
	bool colour;
};

/* ---- numbers ---- */

/* At most six octets: "now", "42s", "12m", "3h", "5d". */
static void put_age(char ret[SAY_TEXT_MAX], uint64_t ms)
{
	unsigned long long s = ms / 1000;

	if (s < 100)
		(void)snprintf(ret, SAY_TEXT_MAX, "%llus", s);
	else if (s < 6000)
		(void)snprintf(ret, SAY_TEXT_MAX, "%llum", s / 60);
	else if (s < 360000)
		(void)snprintf(ret, SAY_TEXT_MAX, "%lluh", s / 3600);
	else
		(void)snprintf(ret, SAY_TEXT_MAX, "%llud", s / 86400);
}

/* At most five octets: "532", "1.2K", "340M". */
static void put_short(char ret[SAY_TEXT_MAX], uint64_t octets)
{
	static const char units[] = " KMGTP";
	double n = (double)octets;
	size_t u = 0;

	for (; n >= 999.5 && u + 2 < sizeof units; u++)
		n /= 1000;
	if (u == 0)
		(void)snprintf(ret, SAY_TEXT_MAX, "%.0f", n);
	else
		(void)snprintf(ret, SAY_TEXT_MAX, "%.*f%c", n < 9.95 ? 1 : 0, n,
			       units[u]);
}

static double rate(const struct screen *s, uint32_t cell, uint32_t n)
{
	uint64_t rose = 0;

	for (uint32_t i = cell; i < cell + n; i++)
		rose += s->live->counters[i] - s->rates.counters[i];
	return s->rates.seconds > 0 ? (double)rose / s->rates.seconds : 0;
}

static double login_rate(const struct screen *s, enum metric_auth_result result)
{
	double all = 0;

	for (uint32_t i = 0; i < METRIC_MECHANISMS_N; i++)
		all += rate(s, METRIC_AUTH + i * METRIC_AUTH_RESULTS_N + result,
			    1);
	return all;
}

/* ---- order ---- */

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare(const void *a, const void *b, void *ctx)
{
	const struct live_session *x = a, *y = b;
	const struct screen *s = ctx;
	int c = 0;

	switch (s->order) {
	case BY_AGE:
		c = compare_u64(x->age_ms, y->age_ms);
		break;
	case BY_IDLE:
		c = compare_u64(x->idle_ms, y->idle_ms);
		break;
	case BY_IN:
		c = compare_u64(y->in, x->in);
		break;
	case BY_OUT:
		c = compare_u64(y->out, x->out);
		break;
	case BY_ACCOUNT:
		c = strcmp(x->account, y->account);
		break;
	case BY_PEER:
		c = strcmp(x->peer, y->peer);
		break;
	case ORDERS:
		break;
	}
	if (c == 0)
		c = strcmp(x->name, y->name);
	return s->reverse ? -c : c;
}

/* ---- a frame ---- */

/* A line, cut to the screen's width; control characters have no effect. */
static void put_line(struct buf *out, const struct screen *s, const char *style,
		     const char *text)
{
	char line[COLUMNS_MAX + 1];
	size_t n = 0;

	for (; text[n] != 0 && n < s->columns && n < COLUMNS_MAX; n++)
		line[n] = (unsigned char)text[n] < ' ' || text[n] == 0x7f
				  ? '?'
				  : text[n];
	line[n] = 0;
	/* A frame has a ceiling; what does not fit is not shown. */
	(void)buf_addf(out, "%s%s%s\n", s->colour ? style : "", line,
		       s->colour && *style != 0 ? "\033[0m" : "");
}

static void put_head(struct buf *out, const struct screen *s)
{
	const struct live *l = s->live;
	char line[COLUMNS_MAX], up[SAY_TEXT_MAX], clock[16] = "";
	time_t now = time(NULL);
	size_t missing = 0;
	struct tm tm;

	for (size_t i = 0; i < l->processes_n; i++)
		missing += l->processes[i].ready == 0;
	say_duration(up, l->processes_n > 0 ? l->processes[0].uptime_ms : 0);
	if (localtime_r(&now, &tm) != NULL)
		(void)strftime(clock, sizeof clock, "%H:%M:%S", &tm);
	if (missing == 0)
		(void)snprintf(line, sizeof line,
			       "yubin %s on %.60s, up %s, %s", l->version,
			       l->config->hostname, up, clock);
	else
		(void)snprintf(line, sizeof line,
			       "yubin %s on %.60s, up %s, %s, %zu process%s "
			       "missing",
			       l->version, l->config->hostname, up, clock,
			       missing, missing == 1 ? "" : "es");
	put_line(out, s, missing == 0 ? "\033[1m" : "\033[1;31m", line);
}

static void put_totals(struct buf *out, const struct screen *s)
{
	char line[COLUMNS_MAX], in[SAY_TEXT_MAX], sent[SAY_TEXT_MAX];
	const uint64_t *n = s->live->counters;

	put_short(in, (uint64_t)rate(s, METRIC_RECEIVED, CONFIG_SERVICES));
	put_short(sent, (uint64_t)rate(s, METRIC_SENT, CONFIG_SERVICES));
	(void)snprintf(line, sizeof line,
		       "now    %llu pop3, %llu pop3s, %llu smtp, %llu lmtp; "
		       "%llu maildrops; %sB/s in, %sB/s out",
		       (unsigned long long)n[METRIC_CONNECTIONS + CONFIG_POP3],
		       (unsigned long long)n[METRIC_CONNECTIONS + CONFIG_POP3S],
		       (unsigned long long)n[METRIC_CONNECTIONS + CONFIG_SMTP],
		       (unsigned long long)n[METRIC_CONNECTIONS + CONFIG_LMTP],
		       (unsigned long long)n[METRIC_POP3_OPEN], in, sent);
	put_line(out, s, "", line);
	(void)snprintf(line, sizeof line,
		       "each s %.1f logins, %.1f refused; %.1f delivered, %.1f "
		       "not; %.1f retr, %.1f dele",
		       login_rate(s, METRIC_AUTH_OK_RESULT),
		       login_rate(s, METRIC_AUTH_DENIED_RESULT),
		       rate(s, METRIC_DELIVERIES + METRIC_MAIL_ACCEPTED, 1),
		       rate(s, METRIC_DELIVERIES + METRIC_MAIL_TEMPFAIL, 2),
		       rate(s,
			    METRIC_POP3_COMMAND +
				    POP3_VERB_RETR * METRIC_CELLS_HISTOGRAM,
			    METRIC_BUCKETS_N),
		       rate(s,
			    METRIC_POP3_COMMAND +
				    POP3_VERB_DELE * METRIC_CELLS_HISTOGRAM,
			    METRIC_BUCKETS_N));
	put_line(out, s, "", line);
}

/* TLSv1.3 is "1.3". */
static const char *tls_word(const struct live_session *x)
{
	return strncmp(x->tls, "TLSv", 4) == 0 ? x->tls + 4 : x->tls;
}

static void put_session(struct buf *out, const struct screen *s,
			const struct live_session *x)
{
	char line[COLUMNS_MAX], in[SAY_TEXT_MAX], sent[SAY_TEXT_MAX];
	char age[SAY_TEXT_MAX], idle[SAY_TEXT_MAX];
	bool wide = s->columns >= WIDE;

	put_short(in, x->in);
	put_short(sent, x->out);
	put_age(age, x->age_ms);
	put_age(idle, x->idle_ms);
	(void)snprintf(line, sizeof line,
		       "%-5.5s %-*.*s %-*.*s %-3.3s %-9.9s %5s %5s %4s %4s%s%s",
		       x->service, wide ? 32 : 20, wide ? 32 : 20, x->account,
		       wide ? 24 : 17, wide ? 24 : 17, x->peer, tls_word(x),
		       x->doing, in, sent, age, idle, wide ? " " : "",
		       wide ? x->name : "");
	put_line(out, s, x->doing[0] == 'm' ? "\033[32m" : "", line);
}

static void put_heading(struct buf *out, const struct screen *s)
{
	char line[COLUMNS_MAX];
	bool wide = s->columns >= WIDE;

	put_line(out, s, "", "");
	(void)snprintf(line, sizeof line,
		       "%-5s %-*s %-*s %-3s %-9s %5s %5s %4s %4s%s", "WHAT",
		       wide ? 32 : 20, "ACCOUNT", wide ? 24 : 17, "FROM", "TLS",
		       "DOING", "IN", "OUT", "AGE", "IDLE",
		       wide ? " SESSION" : "");
	put_line(out, s, "\033[7m", line);
}

/* `rows` sessions at most; 0 for all. */
static void put_frame(struct buf *out, struct screen *s, size_t rows)
{
	struct live *l = s->live;
	size_t end;

	put_head(out, s);
	put_totals(out, s);
	put_heading(out, s);
	if (l->sessions_n > 0)
		qsort_r(l->sessions, l->sessions_n, sizeof *l->sessions,
			compare, s);
	if (s->skip >= l->sessions_n)
		s->skip = l->sessions_n > 0 ? l->sessions_n - 1 : 0;
	end = rows == 0 || l->sessions_n - s->skip < rows ? l->sessions_n
							  : s->skip + rows;
	for (size_t i = s->skip; i < end; i++)
		put_session(out, s, &l->sessions[i]);
}

/* ---- asking ---- */

static enum yb_err refresh(struct screen *s)
{
	uint64_t now = clock_mono_ms();
	enum yb_err err;

	memcpy(s->rates.counters, s->live->counters, sizeof s->rates.counters);
	err = live_status(s->live);
	if (err == YB_OK)
		err = live_counters(s->live);
	if (err == YB_OK)
		err = live_sessions(s->live);
	s->rates.seconds = (double)(now - s->rates.at_ms) / 1000;
	s->rates.at_ms = now;
	return err;
}

/* Two looks, for the rates between them. */
static enum yb_err look_twice(struct screen *s, unsigned long seconds)
{
	const struct timespec pause = { .tv_sec = (time_t)seconds };
	enum yb_err err = refresh(s);

	if (err == YB_OK) {
		(void)nanosleep(&pause, NULL);
		err = refresh(s);
	}
	return err;
}

/* ---- once ---- */

enum { FRAME_MAX = 256 * 1024 * 1024 };

static void print_json(const struct screen *s)
{
	const struct live *l = s->live;
	struct json j = { .to = stdout };

	json_open(&j, NULL, '{');
	json_real(&j, "seconds", s->rates.seconds);
	json_real(&j, "in_per_s", rate(s, METRIC_RECEIVED, CONFIG_SERVICES));
	json_real(&j, "out_per_s", rate(s, METRIC_SENT, CONFIG_SERVICES));
	json_real(&j, "logins_per_s", login_rate(s, METRIC_AUTH_OK_RESULT));
	json_real(&j, "deliveries_per_s",
		  rate(s, METRIC_DELIVERIES + METRIC_MAIL_ACCEPTED, 1));
	json_open(&j, "sessions", '[');
	for (size_t i = 0; i < l->sessions_n; i++) {
		const struct live_session *x = &l->sessions[i];

		json_open(&j, NULL, '{');
		json_str(&j, "session", x->name);
		json_str(&j, "service", x->service);
		json_str(&j, "peer", x->peer);
		json_str(&j, "tls", x->tls);
		json_str(&j, "account", x->account);
		json_str(&j, "doing", x->doing);
		json_u64(&j, "in", x->in);
		json_u64(&j, "out", x->out);
		json_u64(&j, "age_ms", x->age_ms);
		json_u64(&j, "idle_ms", x->idle_ms);
		json_u64(&j, "commands", x->commands);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
}

static enum yb_err print_once(struct screen *s, unsigned long seconds,
			      bool as_json)
{
	enum yb_err err = look_twice(s, seconds);
	struct buf out;

	if (err != YB_OK)
		return err;
	if (as_json) {
		print_json(s);
		return YB_OK;
	}
	buf_init(&out, FRAME_MAX);
	put_frame(&out, s, 0);
	(void)fwrite(out.p, 1, out.n, stdout);
	buf_done(&out);
	return YB_OK;
}

/* ---- the screen ---- */

static void measure(struct screen *s)
{
	struct winsize size;

	s->columns = COLUMNS;
	s->rows = ROWS;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 &&
	    size.ws_row > 0) {
		s->columns = size.ws_col;
		s->rows = size.ws_row;
	}
}

static size_t page_of(const struct screen *s)
{
	return s->rows > HEAD_ROWS + 1 ? s->rows - HEAD_ROWS : 1;
}

static void draw(struct screen *s)
{
	char foot[160];
	struct buf out;

	measure(s);
	buf_init(&out, FRAME_MAX);
	/* Home, clear to the end: the old frame is not seen going. */
	(void)buf_add(&out, SPAN_LIT("\033[H\033[J"));
	put_frame(&out, s, page_of(s));
	(void)snprintf(foot, sizeof foot,
		       "\033[%u;1Hq quit  s sort (%s%s)  r reverse  up, down  "
		       "%zu of %zu",
		       s->rows, order_names[s->order],
		       s->reverse ? ", back" : "",
		       s->live->sessions_n == 0 ? 0 : s->skip + 1,
		       s->live->sessions_n);
	(void)buf_add(&out, span_str(foot));
	(void)fwrite(out.p, 1, out.n, stdout);
	(void)fflush(stdout);
	buf_done(&out);
}

/* What a key does; false for the end. */
static bool on_key(struct screen *s, struct span key)
{
	size_t page = page_of(s);

	if (span_eq(key, SPAN_LIT("\033[A")) || key.p[0] == 'k')
		s->skip -= s->skip > 0;
	else if (span_eq(key, SPAN_LIT("\033[B")) || key.p[0] == 'j')
		s->skip++;
	else if (span_eq(key, SPAN_LIT("\033[6~")) || key.p[0] == ' ')
		s->skip += page;
	else if (span_eq(key, SPAN_LIT("\033[5~")))
		s->skip -= s->skip < page ? s->skip : page;
	else if (key.p[0] == 's')
		s->order = (enum order)((s->order + 1) % ORDERS);
	else if (key.p[0] == 'r')
		s->reverse = !s->reverse;
	else
		return key.p[0] != 'q' && key.p[0] != 3; /* Ctrl-C */
	return true;
}

/* Waits for a key, a signal or the next frame; false for the end. */
static bool wait_for_more(struct screen *s, int signals, uint64_t until_ms,
			  bool *ret_due)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = signals, .events = POLLIN } };
	uint64_t now = clock_mono_ms();
	int wait = until_ms > now ? (int)(until_ms - now) : 0;
	struct signalfd_siginfo info;
	uint8_t key[16];
	ssize_t n;

	*ret_due = poll(fds, 2, wait) == 0;
	if ((fds[1].revents & POLLIN) != 0 &&
	    read(signals, &info, sizeof info) == sizeof info)
		return info.ssi_signo == SIGWINCH;
	if ((fds[0].revents & (POLLIN | POLLHUP)) == 0)
		return true;
	n = read(STDIN_FILENO, key, sizeof key);
	return n > 0 && on_key(s, span_of(key, (size_t)n));
}

static enum yb_err run_screen(struct screen *s, int signals,
			      unsigned long seconds)
{
	enum yb_err err = refresh(s);
	uint64_t next = clock_mono_ms() + seconds * 1000;
	bool due = false, more = err == YB_OK;

	while (more) {
		draw(s);
		more = wait_for_more(s, signals, next, &due);
		if (!more || !due)
			continue;
		next = clock_mono_ms() + seconds * 1000;
		err = refresh(s);
		more = err == YB_OK;
	}
	return err;
}

/* The terminal is given back as it was, whatever ends it. */
static enum yb_err take_screen(struct screen *s, unsigned long seconds)
{
	struct termios before, raw;
	AUTO_FD signals = -1;
	enum yb_err err;
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0 || tcgetattr(STDIN_FILENO, &before) < 0)
		return err_from_errno(errno);
	raw = before;
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	/* The other screen, without a cursor. */
	(void)fputs("\033[?1049h\033[?25l", stdout);
	err = run_screen(s, signals, seconds);
	(void)fputs("\033[?25h\033[?1049l", stdout);
	(void)fflush(stdout);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	return err;
}

/* ---- the command ---- */

static bool read_order(const struct invocation *inv, struct screen *s)
{
	const char *name = invocation_option(inv, "sort");

	s->reverse = invocation_option(inv, "reverse") != NULL;
	for (unsigned i = 0; name != NULL && i < ORDERS; i++)
		if (strcmp(name, order_names[i]) == 0) {
			s->order = (enum order)i;
			return true;
		}
	if (name != NULL)
		say_error("--sort %s: it is age, idle, in, out, account or "
			  "peer",
			  name);
	return name == NULL;
}

int cmd_top(const struct invocation *inv)
{
	bool as_json = invocation_option(inv, "json") != NULL;
	bool once = as_json || invocation_option(inv, "once") != NULL;
	unsigned long seconds = once ? 1 : INTERVAL_S;
	AUTO_FREE struct screen *s = calloc(1, sizeof *s);
	AUTO_FREE struct live *l = calloc(1, sizeof *l);
	AUTO_FREE struct config *c = NULL;
	enum yb_err err;
	int code;

	if (s == NULL || l == NULL)
		return COMMAND_FAILED;
	if (!read_order(inv, s) ||
	    !invocation_number(inv, "interval", INTERVAL_MAX_S, &seconds))
		return COMMAND_USAGE;
	if (!once &&
	    (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)) {
		say_error("top wants a terminal; --once prints one picture");
		return COMMAND_USAGE;
	}
	c = say_config(inv);
	if (c == NULL)
		return COMMAND_CONFIG;
	s->live = l;
	s->columns = COLUMNS_MAX;
	s->colour = !once;
	err = live_open(l, c);
	if (err == YB_OK)
		err = once ? print_once(s, seconds, as_json)
			   : take_screen(s, seconds > 0 ? seconds : 1);
	code = supervise_tell(c, err);
	live_close(l);
	return code;
}
