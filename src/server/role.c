#include "server/role.h"

#include <string.h>

#include "base/num.h"
#include "os/process.h"

/* clang-format off */
static const char *const names[ROLE_COUNT] = {
#define X(name, text) [ROLE_##name] = text,
	ROLES(X)
#undef X
};
/* clang-format on */

static const char asked[] = "--role=";

const char *role_name(enum role role)
{
	return role < ROLE_COUNT ? names[role] : "unknown";
}

/* The supervisor's is for systemd, which starts it so. */
static const char *const suffixes[ROLE_COUNT] = {
	[ROLE_STORE] = "",
	[ROLE_AUTH] = "-auth",
	[ROLE_WORKER] = "-worker",
	[ROLE_METRICS] = "-metrics",
	[ROLE_LOOKUP] = "-lookup",
};

const char *role_user_suffix(enum role role)
{
	return suffixes[role];
}

bool role_owns_files(enum role role)
{
	return role == ROLE_STORE || role == ROLE_AUTH;
}

bool role_is_asked(int argc, char **argv)
{
	return argc >= 2 && strncmp(argv[1], asked, sizeof asked - 1) == 0;
}

int role_main(int argc, char **argv)
{
	const char *name = argv[1] + sizeof asked - 1;
	uint64_t number = 0;

	process_harden();
	process_be_patient();
	if (strcmp(name, names[ROLE_CONFIG]) == 0 && argc == 3)
		return config_process_main(argv[2]);
	if (argc >= 3 &&
	    !num_parse(span_str(argv[2]), WORKERS_MAX - 1, &number))
		return 2;
	if (strcmp(name, names[ROLE_STORE]) == 0)
		return store_process_main();
	if (strcmp(name, names[ROLE_AUTH]) == 0)
		return auth_process_main();
	if (strcmp(name, names[ROLE_WORKER]) == 0)
		return worker_main((uint32_t)number);
	if (strcmp(name, names[ROLE_METRICS]) == 0)
		return metrics_process_main();
	if (strcmp(name, names[ROLE_LOOKUP]) == 0)
		return lookup_process_main();
	return 2;
}
