#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "bench/bench.h"
#include "bench/target.h"
#include "cli/bench_report.h"
#include "cli/cmd.h"
#include "cli/say.h"
#include "os/file.h"

enum {
	CA_MAX = 1 << 20, /* a file of certificates */
	DEFAULT_CONNECTIONS = 8,
	DEFAULT_SECONDS = 5,
	DEFAULT_TIMEOUT = 30,
	DEFAULT_SIZE = 10240,
	DEFAULT_PACE = 2,
};

/* ---- from options to a plan ---- */

static const struct bench_case *find_case(const char *name)
{
	const struct bench_case *c = bench_case_find(name);

	if (c != NULL)
		return c;
	say_error("there is no case \"%s\"; the cases are:", name);
	for (size_t i = 0; i < bench_cases_n; i++)
		(void)fprintf(stderr, "  %-12s %s\n", bench_cases[i].name,
			      bench_cases[i].help);
	return NULL;
}

/* A number from 1; an option that is not given leaves `ret`. */
static bool take_number(const struct invocation *inv, const char *name,
			unsigned long max, uint32_t *ret)
{
	unsigned long v = *ret;

	if (!invocation_number(inv, name, max, &v))
		return false;
	if (v == 0 && invocation_option(inv, name) != NULL) {
		say_error("--%s takes a number from 1 to %lu", name, max);
		return false;
	}
	*ret = (uint32_t)v;
	return true;
}

static bool take_users(const struct invocation *inv, struct bench_plan *p)
{
	const char *one = invocation_option(inv, "user");
	const char *many = invocation_option(inv, "users");

	p->accounts = 1;
	if ((one == NULL) == (many == NULL)) {
		say_error("%s needs either --user or --users", p->what->name);
		return false;
	}
	if (pattern_parse(one != NULL ? one : many, &p->users) != YB_OK ||
	    p->users.has_number != (many != NULL)) {
		say_error(
			"%s",
			many != NULL
				? "--users takes a name with one number in it,"
				  " such as e%04d; %% stands for %"
				: "--user takes one name; %% stands for %");
		return false;
	}
	if (many == NULL)
		return true;
	if (invocation_option(inv, "accounts") == NULL) {
		say_error("--users needs --accounts N: numbers 0 to N-1 are "
			  "used in turn");
		return false;
	}
	return take_number(inv, "accounts", BENCH_ACCOUNTS_MAX, &p->accounts);
}

static bool take_password(const struct invocation *inv, struct bench_plan *p)
{
	const char *c;

	p->password = invocation_option(inv, "password");
	if (p->password == NULL && !p->what->sends_mail) {
		say_error("%s needs --password", p->what->name);
		return false;
	}
	for (c = p->password; c != NULL && *c != 0; c++)
		if (*c == '\r' || *c == '\n') {
			say_error("a password has no line ends");
			return false;
		}
	return true;
}

static bool take_length(const struct invocation *inv, struct bench_plan *p)
{
	unsigned long count = 0, warmup;

	if (!invocation_number(inv, "count", UINT32_MAX, &count))
		return false;
	p->count = count;
	p->seconds = count == 0 ? DEFAULT_SECONDS : 0;
	/* A count is most often wanted exactly. */
	warmup = count == 0 ? 1 : 0;
	if (!invocation_number(inv, "warmup", BENCH_SECONDS_MAX, &warmup))
		return false;
	p->warmup_seconds = (uint32_t)warmup;
	p->timeout_seconds = DEFAULT_TIMEOUT;
	return take_number(inv, "seconds", BENCH_SECONDS_MAX, &p->seconds) &&
	       take_number(inv, "timeout", BENCH_TIMEOUT_MAX,
			   &p->timeout_seconds);
}

static bool take_size(const struct invocation *inv, struct bench_plan *p)
{
	uint32_t size = DEFAULT_SIZE;

	if (!take_number(inv, "size", BENCH_SIZE_MAX, &size))
		return false;
	if (size < BENCH_SIZE_MIN) {
		say_error("--size takes at least %d octets", BENCH_SIZE_MIN);
		return false;
	}
	p->size = size;
	return true;
}

static bool take_cpu(const struct invocation *inv, struct bench_plan *p)
{
	uint32_t pid = 0;

	if (!take_number(inv, "pid", INT32_MAX, &pid))
		return false;
	p->cpu.pid = (pid_t)pid;
	p->cpu.cgroup = invocation_option(inv, "cgroup");
	if (pid != 0 && p->cpu.cgroup != NULL) {
		say_error("--pid and --cgroup exclude each other");
		return false;
	}
	return true;
}

static bool take_tls_version(const struct invocation *inv, struct bench_plan *p)
{
	const char *version = invocation_option(inv, "tls-version");

	if (version == NULL)
		return true;
	p->tls_version = strcmp(version, "1.2") == 0   ? TLS_VERSION_1_2
			 : strcmp(version, "1.3") == 0 ? TLS_VERSION_1_3
						       : TLS_VERSION_ANY;
	if (p->tls_version != TLS_VERSION_ANY)
		return true;
	say_error("--tls-version is 1.2 or 1.3");
	return false;
}

static bool take_tls(const struct invocation *inv, struct bench_plan *p,
		     struct buf *ca)
{
	const char *file = invocation_option(inv, "ca");
	bool stls = invocation_option(inv, "stls") != NULL;
	bool tls = invocation_option(inv, "tls") != NULL;
	enum yb_err err;

	p->server_name = invocation_option(inv, "server-name");
	p->resume = invocation_option(inv, "resume") != NULL;
	p->tls = tls ? BENCH_TLS : stls ? BENCH_STARTTLS : BENCH_PLAIN;
	if (tls && stls) {
		say_error("--stls and --tls exclude each other");
		return false;
	}
	if (!take_tls_version(inv, p))
		return false;
	if (!tls && !stls &&
	    (file != NULL || p->server_name != NULL || p->resume ||
	     p->tls_version != TLS_VERSION_ANY)) {
		say_error("--ca, --server-name, --resume and --tls-version "
			  "need --stls or --tls");
		return false;
	}
	err = file == NULL ? YB_OK : file_read(file, ca);
	if (err != YB_OK) {
		say_error("%s: %s", file, err_text(err));
		return false;
	}
	p->ca = buf_span(ca);
	return true;
}

static bool take_target(const struct invocation *inv, struct bench_plan *p)
{
	const char *text = inv->args[1];

	switch (target_find(text, &p->address)) {
	case YB_OK:
		break;
	case YB_NOT_FOUND:
		say_error("%s: no such name", text);
		return false;
	default:
		say_error("\"%s\" is no address: HOST:PORT, [IPV6]:PORT, or "
			  "the path of a Unix socket",
			  text);
		return false;
	}
	if (socket_address_is_loopback(&p->address) ||
	    invocation_option(inv, "i-own-this-server") != NULL)
		return true;
	say_error("%s is not this machine; load can hurt a server, so say "
		  "--i-own-this-server if it is yours to hurt",
		  text);
	return false;
}

static bool take_kind(const struct invocation *inv, struct bench_plan *p)
{
	p->pipelined = invocation_option(inv, "pipelined") != NULL;
	p->quit_alone = invocation_option(inv, "quit-alone") != NULL;
	p->random = invocation_option(inv, "random") != NULL;
	if (p->quit_alone && (!p->pipelined || !p->what->collects)) {
		say_error("--quit-alone belongs to --pipelined POP3");
		return false;
	}
	if (!p->what->sends_mail && invocation_option(inv, "size") != NULL) {
		say_error("--size belongs to the cases that send mail");
		return false;
	}
	p->connections = DEFAULT_CONNECTIONS;
	return take_number(inv, "connections", BENCH_CONNECTIONS_MAX,
			   &p->connections);
}

/* Who is there beside the load, or in place of it. */
static bool take_crowd(const struct invocation *inv, struct bench_plan *p)
{
	bool asked = invocation_option(inv, "idle") != NULL ||
		     invocation_option(inv, "slow") != NULL;

	p->pace_seconds = DEFAULT_PACE;
	if (asked && (!p->what->collects || p->what->only_crowd)) {
		say_error("--idle and --slow stand beside the POP3 cases that "
			  "are a load");
		return false;
	}
	if (p->what->only_crowd) {
		if (p->count > 0) {
			say_error("%s goes by --connections and --seconds",
				  p->what->name);
			return false;
		}
		p->idle = p->connections;
		p->connections = 0;
		p->warmup_seconds = 0;
	}
	return take_number(inv, "idle", BENCH_CONNECTIONS_MAX, &p->idle) &&
	       take_number(inv, "slow", BENCH_CONNECTIONS_MAX, &p->slow) &&
	       take_number(inv, "pace", BENCH_PACE_MAX, &p->pace_seconds);
}

static bool make_plan(const struct invocation *inv, struct bench_plan *p,
		      struct buf *ca)
{
	p->what = find_case(inv->args[0]);
	return p->what != NULL && take_kind(inv, p) && take_users(inv, p) &&
	       take_password(inv, p) && take_length(inv, p) &&
	       take_crowd(inv, p) && take_size(inv, p) && take_cpu(inv, p) &&
	       take_tls(inv, p, ca) && take_target(inv, p);
}

/* ---- the run ---- */

static void progress(void *ctx, const struct bench_progress *p)
{
	const struct bench_plan *plan = ctx;
	double s = (double)p->elapsed_ms / 1000;

	if (p->gathering)
		(void)fprintf(stderr,
			      "\r%" PRIu32 " of %" PRIu32
			      " idle connections\033[K",
			      p->logged_in, plan->idle);
	else if (p->warming)
		(void)fprintf(stderr, "\rwarming up\033[K");
	else
		(void)fprintf(stderr,
			      "\r%.1f s, %" PRIu64 " %ss, %.0f/s, %" PRIu64
			      " errors\033[K",
			      s, p->operations, plan->what->operation,
			      s > 0 ? (double)p->operations / s : 0, p->errors);
}

/* Every connection is a descriptor; the hard limit may be taken. */
static bool enough_descriptors(uint64_t connections)
{
	enum { OTHERS = 32 };
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return true;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* it is looked at below */
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur >= connections + OTHERS)
		return true;
	say_error("%" PRIu64 " connections need more descriptors than the "
		  "%llu that ulimit -n allows",
		  connections, (unsigned long long)limit.rlim_cur);
	return false;
}

static int run(struct bench_plan *plan, bool json)
{
	AUTO_FREE struct bench_result *result = malloc(sizeof *result);
	enum yb_err err;

	if (result == NULL) {
		say_error("out of memory");
		return COMMAND_FAILED;
	}
	if (isatty(STDERR_FILENO) != 0) {
		plan->progress = progress;
		plan->progress_ctx = plan;
	}
	/* A server that hangs up is counted, and ends nothing. */
	(void)signal(SIGPIPE, SIG_IGN);
	err = bench_run(plan, result);
	if (plan->progress != NULL)
		(void)fputs("\r\033[K", stderr);
	if (err != YB_OK) {
		say_error("%s", result->error);
		return COMMAND_FAILED;
	}
	return bench_report(plan, result, json);
}

int cmd_bench(const struct invocation *inv)
{
	struct bench_plan plan = { 0 };
	struct buf ca;
	int code = COMMAND_USAGE;

	buf_init(&ca, CA_MAX);
	if (make_plan(inv, &plan, &ca))
		code = enough_descriptors((uint64_t)plan.connections +
					  plan.idle + plan.slow)
			       ? run(&plan,
				     invocation_option(inv, "json") != NULL)
			       : COMMAND_FAILED;
	buf_done(&ca);
	return code;
}
