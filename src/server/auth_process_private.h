/*
 * Between the files of the process auth: auth_process.c is its frame,
 * auth_process_logins.c answers who wants to log in, and
 * auth_process_rcpts.c where mail goes.
 */
#ifndef SERVER_AUTH_PROCESS_PRIVATE_H
#define SERVER_AUTH_PROCESS_PRIVATE_H

#include "auth/auth.h"
#include "base/map.h"
#include "server/control_server.h"
#include "server/outside_client.h"
#include "server/paced.h"
#include "server/policy_client.h"
#include "server/process.h"
#include "server/token_client.h"

struct auth_process {
	struct process process;
	struct directory *directory;
	struct auth *auth;
	struct peer store;
	struct peer workers[WORKERS_MAX];
	struct map logins; /* by worker, incarnation and id */
	size_t logins_n[WORKERS_MAX];
	struct lookup_client lookup; /* asks outside, where configured */
	struct policy_client policy;
	struct outside_client outside;
	size_t rcpts_n; /* recipients that wait for it */
	struct token_client tokens;
	struct loop_io pool;     /* results of hashing */
	struct loop_timer timer; /* delayed answers */
	struct paced paced;      /* answers without a hash */
	struct loop_task retime;
	bool told_hide; /* what tell_offers() said last */
	struct control_server control;
	struct auth_counters counted; /* what of it the page has */
};

/* That worker, if it still is the same process; else NULL. */
struct peer *auth_process_worker(struct auth_process *p, uint32_t number,
				 uint64_t incarnation);

/* Counts what the library has done since the last time. */
void auth_process_count(struct auth_process *p);

/* ---- auth_process_logins.c ---- */

void auth_process_logins_init(struct auth_process *p);

/*
 * The handlers of what workers ask. False: the message is malformed, and the
 * channel ends.
 */
typedef bool auth_process_handle_fn(struct auth_process *p, struct peer *from,
				    struct message *m);
auth_process_handle_fn auth_process_login, auth_process_sasl,
	auth_process_sasl_step, auth_process_cancel;

/* Exchanges wait for clients that this worker had; hashes run to their end
 * and find nobody to tell. */
void auth_process_forget(struct auth_process *p, uint32_t worker);

/* ---- auth_process_rcpts.c ---- */

auth_process_handle_fn auth_process_rcpt;

#endif
