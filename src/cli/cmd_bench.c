#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "bench/bench.h"
#include "bench/target.h"
#include "cli/cmd.h"
#include "cli/say.h"
#include "os/file.h"

enum {
	CA_MAX = 1 << 20, /* a file of certificates */
	DEFAULT_CONNECTIONS = 8,
	DEFAULT_SECONDS = 5,
	DEFAULT_TIMEOUT = 30,
	DEFAULT_SIZE = 10240,
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

static bool take_tls(const struct invocation *inv, struct bench_plan *p,
		     struct buf *ca)
{
	const char *file = invocation_option(inv, "ca");
	bool stls = invocation_option(inv, "stls") != NULL;
	bool tls = invocation_option(inv, "tls") != NULL;
	enum yb_err err;

	p->server_name = invocation_option(inv, "server-name");
	p->tls = tls ? BENCH_TLS : stls ? BENCH_STARTTLS : BENCH_PLAIN;
	if (tls && stls) {
		say_error("--stls and --tls exclude each other");
		return false;
	}
	if (!tls && !stls && (file != NULL || p->server_name != NULL)) {
		say_error("--ca and --server-name need --stls or --tls");
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

static bool make_plan(const struct invocation *inv, struct bench_plan *p,
		      struct buf *ca)
{
	p->what = find_case(inv->args[0]);
	return p->what != NULL && take_kind(inv, p) && take_users(inv, p) &&
	       take_password(inv, p) && take_length(inv, p) &&
	       take_size(inv, p) && take_cpu(inv, p) && take_tls(inv, p, ca) &&
	       take_target(inv, p);
}

/* ---- results ---- */

struct figures {
	double seconds, rate, cpu_us, own_us;
	double p50, p99, p999, max; /* ms */
	double in_mb, out_mb;       /* a second */
};

static double ms_at(const struct bench_result *r, uint32_t per_100k)
{
	return (double)histogram_quantile(&r->latency, per_100k) / 1e6;
}

static struct figures figure(const struct bench_result *r)
{
	struct figures f = { .seconds = (double)r->elapsed_ns / 1e9 };
	double n = (double)r->operations;

	f.p50 = ms_at(r, 50000);
	f.p99 = ms_at(r, 99000);
	f.p999 = ms_at(r, 99900);
	f.max = (double)r->latency.max / 1e6;
	if (f.seconds > 0) {
		f.rate = n / f.seconds;
		f.in_mb = (double)r->in_octets / 1e6 / f.seconds;
		f.out_mb = (double)r->out_octets / 1e6 / f.seconds;
	}
	if (n > 0) {
		f.cpu_us = (double)r->server_cpu_ns / 1e3 / n;
		f.own_us = (double)r->own_cpu_ns / 1e3 / n;
	}
	return f;
}

static bool has_cpu(const struct bench_plan *p)
{
	return p->cpu.pid != 0 || p->cpu.cgroup != NULL;
}

static const char *timed(const struct bench_plan *p)
{
	return p->pipelined ? p->what->timed_pipelined : p->what->timed;
}

static void print_text(const struct bench_plan *p, const struct bench_result *r)
{
	struct figures f = figure(r);
	const char *operation = p->what->operation;

	(void)printf("%-12s %" PRIu64 " %ss in %.2f s, %" PRIu32
		     " connections%s\n",
		     p->what->name, r->operations, operation, f.seconds,
		     p->connections, p->pipelined ? ", pipelined" : "");
	if (r->tls_version != NULL)
		(void)printf("TLS          %s %s\n", r->tls_version,
			     r->tls_cipher);
	(void)printf("rate         %.1f %ss/s\n", f.rate, operation);
	(void)printf("latency      p50 %.3f, p99 %.3f, p99.9 %.3f, max %.3f ms "
		     "(%s)\n",
		     f.p50, f.p99, f.p999, f.max, timed(p));
	(void)printf("octets       %.2f MB/s received, %.2f MB/s sent\n",
		     f.in_mb, f.out_mb);
	if (has_cpu(p))
		(void)printf("server CPU   %.2f us a %s, %.0f %% of a core\n",
			     f.cpu_us, operation,
			     (double)r->server_cpu_ns * 100 /
				     (double)(r->elapsed_ns + 1));
	(void)printf("own CPU      %.2f us a %s, %.0f %% of a core\n", f.own_us,
		     operation,
		     (double)r->own_cpu_ns * 100 / (double)(r->elapsed_ns + 1));
	(void)printf("errors       %" PRIu64 "\n", r->errors);
}

static void print_json(const struct bench_plan *p, const struct bench_result *r)
{
	struct json j = { .to = stdout };
	struct figures f = figure(r);

	json_open(&j, NULL, '{');
	json_str(&j, "case", p->what->name);
	json_str(&j, "operation", p->what->operation);
	json_u64(&j, "connections", p->connections);
	json_bool(&j, "pipelined", p->pipelined);
	json_str(&j, "tls", r->tls_version != NULL ? r->tls_version : "");
	json_str(&j, "tls_cipher", r->tls_cipher != NULL ? r->tls_cipher : "");
	if (p->what->sends_mail)
		json_u64(&j, "size", p->size);
	json_u64(&j, "operations", r->operations);
	json_u64(&j, "sessions", r->sessions);
	json_real(&j, "seconds", f.seconds);
	json_real(&j, "rate", f.rate);
	json_str(&j, "latency_of", timed(p));
	json_real(&j, "p50_ms", f.p50);
	json_real(&j, "p99_ms", f.p99);
	json_real(&j, "p99_9_ms", f.p999);
	json_real(&j, "max_ms", f.max);
	json_u64(&j, "in_octets", r->in_octets);
	json_u64(&j, "out_octets", r->out_octets);
	if (has_cpu(p))
		json_real(&j, "server_cpu_us", f.cpu_us);
	json_real(&j, "own_cpu_us", f.own_us);
	json_u64(&j, "errors", r->errors);
	if (r->errors > 0)
		json_str(&j, "first_error", r->error);
	json_close(&j, '}');
}

static void progress(void *ctx, const struct bench_progress *p)
{
	const struct bench_plan *plan = ctx;
	double s = (double)p->elapsed_ms / 1000;

	if (p->warming)
		(void)fprintf(stderr, "\rwarming up\033[K");
	else
		(void)fprintf(stderr,
			      "\r%.1f s, %" PRIu64 " %ss, %.0f/s, %" PRIu64
			      " errors\033[K",
			      s, p->operations, plan->what->operation,
			      s > 0 ? (double)p->operations / s : 0, p->errors);
}

/* Every connection is a descriptor; the hard limit may be taken. */
static bool enough_descriptors(uint32_t connections)
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
	say_error("%u connections need more descriptors than the %llu that "
		  "ulimit -n allows",
		  connections, (unsigned long long)limit.rlim_cur);
	return false;
}

static int report(const struct bench_plan *plan, const struct bench_result *r,
		  bool json)
{
	if (json)
		print_json(plan, r);
	else
		print_text(plan, r);
	(void)fflush(stdout); /* errors stand below it */
	if (r->errors > 0) {
		say_error("%" PRIu64 " error%s; the first: %s", r->errors,
			  r->errors > 1 ? "s" : "", r->error);
		return COMMAND_FAILED;
	}
	if (r->operations == 0) {
		say_error("nothing was measured: no %s ended in time, or the "
			  "maildrops are empty",
			  plan->what->operation);
		return COMMAND_FAILED;
	}
	return COMMAND_OK;
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
	return report(plan, result, json);
}

int cmd_bench(const struct invocation *inv)
{
	struct bench_plan plan = { 0 };
	struct buf ca;
	int code = COMMAND_USAGE;

	buf_init(&ca, CA_MAX);
	if (make_plan(inv, &plan, &ca))
		code = enough_descriptors(plan.connections)
			       ? run(&plan,
				     invocation_option(inv, "json") != NULL)
			       : COMMAND_FAILED;
	buf_done(&ca);
	return code;
}
