#include "bench/dialog.h"

const struct bench_case bench_cases[] = {
	{ "pop3-empty", "sessions that find nothing: USER, PASS, STAT, UIDL, "
			"QUIT", "session", "session", "session", false, true,
	  &dialog_pop3_empty },
	{ "pop3-fetch", "sessions that fetch all: USER, PASS, LIST, RETR of "
			"each, QUIT", "message", "RETR", "session", false,
	  true, &dialog_pop3_fetch },
	{ "lmtp", "deliveries by LMTP, many over one connection", "message",
	  "delivery", "delivery", true, false, &dialog_lmtp },
	{ "smtp", "deliveries by SMTP, many over one connection", "message",
	  "delivery", "delivery", true, false, &dialog_smtp },
};

const size_t bench_cases_n = sizeof bench_cases / sizeof bench_cases[0];

const struct bench_case *bench_case_find(const char *name)
{
	for (size_t i = 0; i < bench_cases_n; i++)
		if (strcmp(bench_cases[i].name, name) == 0)
			return &bench_cases[i];
	return NULL;
}
