#include "cli/dial.h"
#include "cli/doctor.h"

/* ---- processes ---- */

static void tell_processes(struct doctor *d)
{
	unsigned missing = 0;
	uint64_t restarts = 0;
	char up[SAY_TEXT_MAX];

	for (size_t i = 0; i < d->live.processes_n; i++) {
		missing += d->live.processes[i].ready == 0;
		restarts += d->live.processes[i].restarts;
	}
	say_duration(up, d->live.processes_n > 0
				 ? d->live.processes[0].uptime_ms
				 : 0);
	if (missing > 0)
		doctor_tell(d, DOCTOR_ERROR, "server",
			    "`yubin log --level error` tells why",
			    "%u of its processes are missing", missing);
	else
		doctor_tell(d, DOCTOR_FINE, "server", NULL,
			    "version %s runs for %s, with all of its "
			    "processes",
			    d->live.version, up);
	if (restarts > 0)
		doctor_tell(d, DOCTOR_WARNING, "server",
			    "`yubin log --level error` tells how they ended",
			    "processes died and were started again: %llu "
			    "since the start",
			    (unsigned long long)restarts);
	if (strcmp(d->live.version, YUBIN_VERSION) != 0)
		doctor_tell(d, DOCTOR_WARNING, "server", "restart the server",
			    "it is version %s still, the program on the disk "
			    "is %s",
			    d->live.version, YUBIN_VERSION);
	if (strcmp(d->live.file, d->config->file) != 0)
		doctor_tell(d, DOCTOR_WARNING, "server", "name it with -c",
			    "it runs with another configuration, %s",
			    d->live.file);
}

static const char *start_how(void)
{
	return "start it: `yubin serve`, or `systemctl start yubin`";
}

void doctor_server(struct doctor *d)
{
	enum yb_err err = live_open(&d->live, d->config);

	if (err == YB_OK)
		err = live_status(&d->live);
	if (err == YB_OK)
		err = live_counters(&d->live);
	d->runs = err == YB_OK;
	if (err == YB_OK)
		tell_processes(d);
	else if (err == YB_NOT_FOUND || err == YB_GONE)
		doctor_tell(d, DOCTOR_WARNING, "server", start_how(),
			    "it does not run");
	else
		doctor_tell(d, err == YB_ACCESS ? DOCTOR_SKIPPED : DOCTOR_ERROR,
			    "server",
			    err == YB_ACCESS
				    ? "run it as root, or as a member of the "
				      "server's group"
				    : "`yubin log` may tell more",
			    "%s/control: %s", d->config->run_path,
			    err_text(err));
}

/* ---- ports ---- */

enum greeting { GREETING_OURS, GREETING_OLD_NAME, GREETING_FOREIGN };

/* Ours has the host's name between two words of its service. */
static enum greeting judge(const struct config *c,
			   const struct config_listener *l, const char *line)
{
	static const char *const ends[CONFIG_SERVICES] = {
		[CONFIG_POP3] = " POP3 ready",
		[CONFIG_POP3S] = " POP3 ready",
		[CONFIG_SMTP] = " ESMTP ready",
		[CONFIG_LMTP] = " LMTP ready",
	};
	bool pop3 = l->service == CONFIG_POP3 || l->service == CONFIG_POP3S;
	const char *start = pop3 ? "+OK " : "220 ";
	size_t n = strlen(line), end;

	if (l->service == CONFIG_AUTH)
		return strncmp(line, "VERSION\t1\t", 10) == 0
			       ? GREETING_OURS
			       : GREETING_FOREIGN;
	if (ends[l->service] == NULL)
		return strncmp(line, "HTTP/1.1 ", 9) == 0 ? GREETING_OURS
							  : GREETING_FOREIGN;
	end = strlen(ends[l->service]);
	if (n <= 4 + end || strncmp(line, start, 4) != 0 ||
	    strcmp(line + n - end, ends[l->service]) != 0)
		return GREETING_FOREIGN;
	return span_eq(span_of(line + 4, n - 4 - end), span_str(c->hostname))
		       ? GREETING_OURS
		       : GREETING_OLD_NAME;
}

static enum yb_err get_greeting(struct dial *at,
				const struct config_listener *l,
				char line[DIAL_LINE_MAX])
{
	enum yb_err err =
		dial_open(at, l->address, l->tls == CONFIG_TLS_IMPLICIT);

	if (err == YB_OK && l->service == CONFIG_METRICS)
		err = dial_send(at, SPAN_LIT("GET /livez HTTP/1.1\r\n"
					     "Host: localhost\r\n\r\n"));
	return err == YB_OK ? dial_line(at, line) : err;
}

static void look_at_port(struct doctor *d, const struct config_listener *l)
{
	const char *service =
		config_service_name((enum config_service)l->service);
	char line[DIAL_LINE_MAX] = "";
	struct dial at;
	enum yb_err err = get_greeting(&at, l, line);

	dial_close(&at);
	if (err == YB_OK && judge(d->config, l, line) == GREETING_OURS) {
		doctor_tell(d, DOCTOR_FINE, "ports", NULL, "%s answers at %s",
			    service, l->address);
		return;
	}
	/* A port that nobody answers at is what one expects of no server. */
	if ((err == YB_GONE || err == YB_NOT_FOUND) && !d->live.processes_n) {
		doctor_tell(d, DOCTOR_SKIPPED, "ports", NULL,
			    "%s at %s: nobody answers", service, l->address);
		return;
	}
	if (err == YB_OK && judge(d->config, l, line) == GREETING_OLD_NAME)
		doctor_tell(d, DOCTOR_WARNING, "ports",
			    "`yubin reload` makes a changed configuration "
			    "count",
			    "%s at %s greets by another name than the "
			    "configuration's: \"%.100s\"",
			    service, l->address, line);
	else if (err == YB_OK)
		doctor_tell(d, DOCTOR_ERROR, "ports",
			    "`ss -lntp` shows whose it is; end that program, "
			    "or choose another address",
			    "another program answers at %s for %s: \"%.100s\"",
			    l->address, service, line);
	else
		doctor_tell(d, DOCTOR_ERROR, "ports",
			    "`yubin status` shows whether it listens, `yubin "
			    "log` what went wrong",
			    "%s at %s: %s", service, l->address, err_text(err));
}

void doctor_ports(struct doctor *d)
{
	for (uint32_t i = 0; i < d->config->listeners_n; i++)
		look_at_port(d, &d->config->listeners[i]);
}
