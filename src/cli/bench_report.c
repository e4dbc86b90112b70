#include "cli/bench_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/cmd.h"
#include "cli/say.h"

struct figures {
	double seconds, rate, cpu_us, own_us;
	double p50, p99, p999, max; /* ms */
	double in_mb, out_mb;       /* a second */
	double memory_kib;          /* an idle connection */
	double core;                /* of the server, percent */
};

/* Where there is nothing but a crowd, its logins are what is counted. */
static uint64_t operations(const struct bench_plan *p,
			   const struct bench_result *r)
{
	return p->what->only_crowd ? r->crowd.connections : r->operations;
}

static bool has_cpu(const struct bench_plan *p)
{
	return p->cpu.pid != 0 || p->cpu.cgroup != NULL;
}

static double percent_of(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : (double)part * 100 / (double)whole;
}

static double ms_at(const struct bench_result *r, uint32_t per_100k)
{
	return (double)histogram_quantile(&r->latency, per_100k) / 1e6;
}

static struct figures figure(const struct bench_plan *p,
			     const struct bench_result *r)
{
	struct figures f = { .seconds = (double)r->elapsed_ns / 1e9 };
	double n = (double)operations(p, r);
	uint64_t server = r->server_cpu_ns;

	f.p50 = ms_at(r, 50000);
	f.p99 = ms_at(r, 99000);
	f.p999 = ms_at(r, 99900);
	f.max = (double)r->latency.max / 1e6;
	f.core = percent_of(server, r->elapsed_ns);
	if (p->what->only_crowd) {
		f.seconds = (double)r->crowd.opening_ns / 1e9;
		server = r->crowd.server_cpu_ns;
	}
	if (r->crowd.connections > 0)
		f.memory_kib = (double)r->crowd.memory_octets / 1024 /
			       (double)r->crowd.connections;
	if (f.seconds > 0) {
		f.rate = n / f.seconds;
		f.in_mb = (double)r->in_octets / 1e6 / f.seconds;
		f.out_mb = (double)r->out_octets / 1e6 / f.seconds;
	}
	if (n > 0) {
		f.cpu_us = (double)server / 1e3 / n;
		f.own_us = (double)r->own_cpu_ns / 1e3 / n;
	}
	return f;
}

static const char *timed(const struct bench_plan *p)
{
	return p->pipelined ? p->what->timed_pipelined : p->what->timed;
}

static void print_crowd(const struct bench_plan *p,
			const struct bench_result *r, const struct figures *f)
{
	if (p->idle > 0 && r->crowd.memory_known)
		(void)printf("idle         %" PRIu32
			     " connections, %.2f KiB of "
			     "the server's memory each\n",
			     r->crowd.connections, f->memory_kib);
	else if (p->idle > 0)
		(void)printf("idle         %" PRIu32 " connections\n",
			     r->crowd.connections);
	if (p->slow > 0)
		(void)printf("slow         %" PRIu32 " connections: %" PRIu64
			     " sessions, %" PRIu64 " cut off by the server\n",
			     p->slow, r->crowd.slow_sessions,
			     r->crowd.slow_cut_off);
}

static void print_text(const struct bench_plan *p, const struct bench_result *r)
{
	struct figures f = figure(p, r);
	const char *operation = p->what->operation;

	(void)printf("%-12s %" PRIu64 " %ss in %.2f s, %" PRIu32
		     " connections%s\n",
		     p->what->name, operations(p, r), operation, f.seconds,
		     p->what->only_crowd ? p->idle : p->connections,
		     p->pipelined ? ", pipelined" : "");
	if (r->tls_version != NULL)
		(void)printf("TLS          %s %s, %s\n", r->tls_version,
			     r->tls_cipher,
			     r->handshakes == 0 && r->resumed == 0
				     ? "before the run"
			     : r->resumed == 0             ? "full handshakes"
			     : r->resumed == r->handshakes ? "resumed"
							   : "resumed in part");
	(void)printf("rate         %.1f %ss/s\n", f.rate, operation);
	(void)printf("latency      p50 %.3f, p99 %.3f, p99.9 %.3f, max %.3f ms "
		     "(%s)\n",
		     f.p50, f.p99, f.p999, f.max, timed(p));
	(void)printf("octets       %.2f MB/s received, %.2f MB/s sent\n",
		     f.in_mb, f.out_mb);
	if (has_cpu(p))
		(void)printf("server CPU   %.2f us a %s, %.*f %% of a core%s\n",
			     f.cpu_us, operation, p->what->only_crowd ? 2 : 0,
			     f.core, p->what->only_crowd ? " while idle" : "");
	(void)printf("own CPU      %.2f us a %s, %.0f %% of a core\n", f.own_us,
		     operation, percent_of(r->own_cpu_ns, r->elapsed_ns));
	print_crowd(p, r, &f);
	(void)printf("errors       %" PRIu64 "\n", r->errors);
}

static void print_json(const struct bench_plan *p, const struct bench_result *r)
{
	struct json j = { .to = stdout };
	struct figures f = figure(p, r);

	json_open(&j, NULL, '{');
	json_str(&j, "case", p->what->name);
	json_str(&j, "operation", p->what->operation);
	json_u64(&j, "connections",
		 p->what->only_crowd ? p->idle : p->connections);
	json_bool(&j, "pipelined", p->pipelined);
	json_str(&j, "tls", r->tls_version != NULL ? r->tls_version : "");
	json_str(&j, "tls_cipher", r->tls_cipher != NULL ? r->tls_cipher : "");
	if (p->what->sends_mail)
		json_u64(&j, "size", p->size);
	json_u64(&j, "handshakes", r->handshakes);
	json_u64(&j, "resumed", r->resumed);
	json_u64(&j, "operations", operations(p, r));
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
	if (has_cpu(p))
		json_real(&j, "server_core_percent", f.core);
	json_real(&j, "own_cpu_us", f.own_us);
	json_u64(&j, "idle", r->crowd.connections);
	if (p->idle > 0 && r->crowd.memory_known)
		json_real(&j, "memory_kib", f.memory_kib);
	json_u64(&j, "slow", p->slow);
	json_u64(&j, "slow_sessions", r->crowd.slow_sessions);
	json_u64(&j, "slow_cut_off", r->crowd.slow_cut_off);
	json_u64(&j, "errors", r->errors);
	if (r->errors > 0)
		json_str(&j, "first_error", r->error);
	json_close(&j, '}');
}

int bench_report(const struct bench_plan *plan, const struct bench_result *r,
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
	if (operations(plan, r) == 0) {
		say_error("nothing was measured: no %s ended in time, or the "
			  "maildrops are empty",
			  plan->what->operation);
		return COMMAND_FAILED;
	}
	return COMMAND_OK;
}
