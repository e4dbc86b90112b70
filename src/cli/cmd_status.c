#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/cmd.h"
#include "cli/live.h"
#include "cli/say.h"
#include "cli/supervise.h"

enum { DAY_S = 24 * 3600 };

static bool all_are_ready(const struct live *l)
{
	bool all = true;

	for (size_t i = 0; i < l->processes_n; i++)
		all = all && l->processes[i].ready != 0;
	return all;
}

static const char *state_of(const struct live_process *p)
{
	if (p->pid == 0)
		return "down";
	if (p->silent != 0)
		return "not answering";
	return p->ready == 0 ? "starting" : "ready";
}

/* Days until the first certificate ends; false without one. */
static bool certificate_days(const struct live *l, int64_t *ret)
{
	int64_t end = (int64_t)l->counters[METRIC_CERTIFICATE];

	*ret = (end - (int64_t)time(NULL)) / DAY_S;
	return end != 0;
}

/* A recipient that was refused at RCPT never becomes a delivery. */
static uint64_t mail(const struct live *l, enum metric_mail_result result)
{
	return l->counters[METRIC_DELIVERIES + result] +
	       (result != METRIC_MAIL_ACCEPTED
			? l->counters[METRIC_RECIPIENTS + result]
			: 0);
}

static uint64_t logins(const struct live *l, enum metric_auth_result result)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < METRIC_MECHANISMS_N; i++)
		n += l->counters[METRIC_AUTH + i * METRIC_AUTH_RESULTS_N +
				 result];
	return n;
}

/* ---- for people ---- */

static uint64_t connections_of(const struct live *l, const char *service)
{
	for (uint32_t i = 0; i < CONFIG_SERVICES; i++)
		if (strcmp(service,
			   config_service_name((enum config_service)i)) == 0)
			return l->counters[METRIC_CONNECTIONS + i];
	return 0;
}

static void print_listeners(const struct live *l)
{
	for (size_t i = 0; i < l->listeners_n; i++) {
		const struct live_listener *row = &l->listeners[i];

		(void)printf("%-12s %-32s tls %s\n", row->service, row->address,
			     row->tls);
	}
}

static void print_processes(const struct live *l)
{
	for (size_t i = 0; i < l->processes_n; i++) {
		const struct live_process *p = &l->processes[i];
		char name[LIVE_WORD_MAX + 24], up[SAY_TEXT_MAX];

		(void)snprintf(name, sizeof name, "%s-%llu", p->role,
			       (unsigned long long)p->number);
		say_duration(up, p->uptime_ms);
		(void)printf("%-12s pid %-8llu %-9s up %-12s %llu restart%s\n",
			     strcmp(p->role, "worker") == 0 ? name : p->role,
			     (unsigned long long)p->pid, state_of(p), up,
			     (unsigned long long)p->restarts,
			     p->restarts == 1 ? "" : "s");
	}
}

static void print_connections(const struct live *l)
{
	bool first = true;

	(void)printf("%-12s ", "connected");
	for (uint32_t i = 0; i < CONFIG_SERVICES; i++) {
		const char *name = config_service_name((enum config_service)i);
		uint64_t n = connections_of(l, name);

		if (n == 0)
			continue;
		(void)printf("%s%llu %s", first ? "" : ", ",
			     (unsigned long long)n, name);
		first = false;
	}
	(void)printf("%s; %llu maildrops open\n", first ? "nobody" : "",
		     (unsigned long long)l->counters[METRIC_POP3_OPEN]);
}

static void print_counters(const struct live *l)
{
	char free_space[SAY_TEXT_MAX], size[SAY_TEXT_MAX];
	int64_t days;

	print_connections(l);
	(void)printf(
		"%-12s %llu good, %llu refused, %llu failed\n", "logins",
		(unsigned long long)logins(l, METRIC_AUTH_OK_RESULT),
		(unsigned long long)logins(l, METRIC_AUTH_DENIED_RESULT),
		(unsigned long long)(logins(l, METRIC_AUTH_ERROR_RESULT) +
				     logins(l, METRIC_AUTH_OVERLOAD_RESULT)));
	(void)printf("%-12s %llu delivered, %llu put off, %llu refused; "
		     "%llu collected, %llu deleted\n",
		     "mail", (unsigned long long)mail(l, METRIC_MAIL_ACCEPTED),
		     (unsigned long long)mail(l, METRIC_MAIL_TEMPFAIL),
		     (unsigned long long)mail(l, METRIC_MAIL_REJECTED),
		     (unsigned long long)l->counters[METRIC_RETRIEVED],
		     (unsigned long long)l->counters[METRIC_DELETED]);
	say_octets(free_space, l->counters[METRIC_FREE]);
	say_octets(size, l->counters[METRIC_SIZE]);
	(void)printf("%-12s %s free of %s%s\n", "disk", free_space, size,
		     l->counters[METRIC_READ_ONLY] != 0
			     ? ", and it takes no writes"
			     : "");
	if (l->counters[METRIC_IMPORTED] > 0)
		(void)printf("%-12s %llu accounts whose password is still a "
			     "hash from elsewhere\n",
			     "imported",
			     (unsigned long long)l->counters[METRIC_IMPORTED]);
	if (certificate_days(l, &days))
		(void)printf("%-12s %lld days left\n", "certificate",
			     (long long)days);
}

static void print_text(const struct live *l)
{
	char up[SAY_TEXT_MAX];

	say_duration(up, l->processes_n > 0 ? l->processes[0].uptime_ms : 0);
	(void)printf("yubin %s runs with %s, for %s\n\n", l->version, l->file,
		     up);
	print_listeners(l);
	(void)putchar('\n');
	print_processes(l);
	(void)putchar('\n');
	print_counters(l);
}

/* ---- for programs ---- */

static void json_listeners(struct json *j, const struct live *l)
{
	json_open(j, "listeners", '[');
	for (size_t i = 0; i < l->listeners_n; i++) {
		json_open(j, NULL, '{');
		json_str(j, "service", l->listeners[i].service);
		json_str(j, "address", l->listeners[i].address);
		json_str(j, "tls", l->listeners[i].tls);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void json_processes(struct json *j, const struct live *l)
{
	json_open(j, "processes", '[');
	for (size_t i = 0; i < l->processes_n; i++) {
		const struct live_process *p = &l->processes[i];

		json_open(j, NULL, '{');
		json_str(j, "role", p->role);
		json_u64(j, "number", p->number);
		json_u64(j, "pid", p->pid);
		json_u64(j, "uptime_ms", p->uptime_ms);
		json_u64(j, "restarts", p->restarts);
		json_bool(j, "ready", p->ready != 0);
		json_str(j, "state", state_of(p));
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void json_counters(struct json *j, const struct live *l)
{
	int64_t days;

	json_open(j, "connections", '{');
	for (uint32_t i = 0; i < CONFIG_SERVICES; i++)
		if (metric_label_value(METRIC_LABEL_SERVICE, i) != NULL)
			json_u64(j, config_service_name((enum config_service)i),
				 l->counters[METRIC_CONNECTIONS + i]);
	json_close(j, '}');
	json_u64(j, "maildrops_open", l->counters[METRIC_POP3_OPEN]);
	json_open(j, "logins", '{');
	for (uint32_t i = 0; i < METRIC_AUTH_RESULTS_N; i++)
		json_u64(j, metric_label_value(METRIC_LABEL_AUTH_RESULT, i),
			 logins(l, (enum metric_auth_result)i));
	json_close(j, '}');
	json_open(j, "deliveries", '{');
	for (uint32_t i = 0; i < METRIC_MAIL_RESULTS_N; i++)
		json_u64(j, metric_label_value(METRIC_LABEL_MAIL_RESULT, i),
			 mail(l, (enum metric_mail_result)i));
	json_close(j, '}');
	json_u64(j, "collected", l->counters[METRIC_RETRIEVED]);
	json_u64(j, "deleted", l->counters[METRIC_DELETED]);
	json_open(j, "disk", '{');
	json_u64(j, "free", l->counters[METRIC_FREE]);
	json_u64(j, "size", l->counters[METRIC_SIZE]);
	json_bool(j, "read_only", l->counters[METRIC_READ_ONLY] != 0);
	json_close(j, '}');
	json_u64(j, "imported_accounts", l->counters[METRIC_IMPORTED]);
	if (certificate_days(l, &days) && days >= 0)
		json_u64(j, "certificate_days", (uint64_t)days);
	else
		json_null(j, "certificate_days");
}

static void print_json(const struct live *l)
{
	struct json j = { .to = stdout };

	json_open(&j, NULL, '{');
	json_str(&j, "version", l->version);
	json_str(&j, "config", l->file);
	json_u64(&j, "config_number", l->counters[METRIC_CONFIG_NUMBER]);
	json_listeners(&j, l);
	json_processes(&j, l);
	json_counters(&j, l);
	json_close(&j, '}');
}

int cmd_status(const struct invocation *inv)
{
	AUTO_FREE struct config *c = say_config(inv);
	AUTO_FREE struct live *l = calloc(1, sizeof *l);
	enum yb_err err;
	int code;

	if (c == NULL)
		return COMMAND_CONFIG;
	if (l == NULL)
		return COMMAND_FAILED;
	err = live_open(l, c);
	if (err == YB_OK)
		err = live_status(l);
	if (err == YB_OK)
		err = live_counters(l);
	code = supervise_tell(c, err);
	if (code == COMMAND_OK) {
		if (invocation_option(inv, "json") != NULL)
			print_json(l);
		else
			print_text(l);
		code = all_are_ready(l) ? COMMAND_OK : COMMAND_PARTLY;
	}
	live_close(l);
	return code;
}
