/*
 * The roles that processes have: the executable starts itself anew for each.
 */
#ifndef SERVER_ROLE_H
#define SERVER_ROLE_H

#include <stdbool.h>
#include <stdint.h>

/* name, text in ps and the log */
#define ROLES(X)                    \
	X(SUPERVISOR, "supervisor") \
	X(STORE, "store")           \
	X(AUTH, "auth")             \
	X(WORKER, "worker")         \
	X(METRICS, "metrics")       \
	X(LOOKUP, "lookup")         \
	X(CONFIG, "config")

/* clang-format off */
enum role {
#define X(name, text) ROLE_##name,
	ROLES(X)
#undef X
	ROLE_COUNT
};
/* clang-format on */

enum { WORKERS_MAX = 64 };

const char *role_name(enum role role);

/*
 * What comes behind `user` of the configuration in the name of the user that
 * a role has where root starts the server; NULL: it has none of its own.
 */
const char *role_user_suffix(enum role role);

/* Whether that user owns files; if not, ROLE_NOBODY can stand in for it. */
bool role_owns_files(enum role role);
#define ROLE_NOBODY "nobody"

enum { ROLE_SUFFIX_MAX = 16 };

/*
 * Whether this process was started as a role: argv[1] is then its name
 * behind "--role=". Returns its exit status.
 */
bool role_is_asked(int argc, char **argv);
int role_main(int argc, char **argv);

/* Each role's main; the processes are described in their files. */
int store_process_main(void);
int auth_process_main(void);
int worker_main(uint32_t number);
int metrics_process_main(void);
int lookup_process_main(void);
int config_process_main(const char *file);

#endif
