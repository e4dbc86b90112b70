#include "bench/dialog.h"

const struct bench_case bench_cases[] = {
	{
		.name = "pop3-empty",
		.help = "sessions that find nothing: USER, PASS, STAT, UIDL, "
			"QUIT",
		.operation = "session",
		.timed = "session",
		.timed_pipelined = "session",
		.collects = true,
		.kind = &dialog_pop3_empty,
	},
	{
		.name = "pop3-fetch",
		.help = "sessions that fetch all: USER, PASS, LIST, RETR of "
			"each, QUIT",
		.operation = "message",
		.timed = "RETR",
		.timed_pipelined = "session",
		.collects = true,
		.kind = &dialog_pop3_fetch,
	},
	{
		.name = "pop3-login",
		.help = "logins, such as those of many accounts: USER, PASS, "
			"QUIT",
		.operation = "login",
		.timed = "session",
		.timed_pipelined = "session",
		.collects = true,
		.kind = &dialog_pop3_login,
	},
	{
		.name = "pop3-idle",
		.help = "connections that log in and say nothing: their memory",
		.operation = "login",
		.timed = "login",
		.timed_pipelined = "login",
		.collects = true,
		.only_crowd = true,
		.kind = &dialog_pop3_idle,
	},
	{
		.name = "lmtp",
		.help = "deliveries by LMTP, many over one connection",
		.operation = "message",
		.timed = "delivery",
		.timed_pipelined = "delivery",
		.sends_mail = true,
		.kind = &dialog_lmtp,
	},
	{
		.name = "smtp",
		.help = "deliveries by SMTP, many over one connection",
		.operation = "message",
		.timed = "delivery",
		.timed_pipelined = "delivery",
		.sends_mail = true,
		.kind = &dialog_smtp,
	},
};

const size_t bench_cases_n = sizeof bench_cases / sizeof bench_cases[0];

const struct bench_case *bench_case_find(const char *name)
{
	for (size_t i = 0; i < bench_cases_n; i++)
		if (strcmp(bench_cases[i].name, name) == 0)
			return &bench_cases[i];
	return NULL;
}
