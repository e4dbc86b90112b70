/*
 * Devices of an account, as commands take and show them: app passwords,
 * secrets of old programs, certificates.
 */
#ifndef CLI_DEVICES_H
#define CLI_DEVICES_H

#include "auth/auth.h"
#include "cli/work.h"

struct device_row {
	char name[AUTH_DEVICE_NAME_MAX + 1];
	char networks[1024];
	char detail[80]; /* an old program's mechanism, a fingerprint, or "" */
	uint64_t kind, refused, protocols;
	int64_t created_s, last_used_s, expires_s;
};

/* Tells why a request about a device was refused; for work_begin(). */
int devices_tell(const struct work *w, enum yb_err err, const char *reason);

/* A date, whose day is the last, or so many days from now; tells of errors. */
bool devices_read_end(const char *text, uint64_t *ret);

/* "pop3,submission"; tells of errors. */
bool devices_read_protocols(const char *text, uint64_t *ret);

/*
 * Begins the request for a new device: what all have in common. `legacy` is
 * the word of an old mechanism, or ""; `fingerprint` that of a certificate, or
 * empty.
 */
void devices_put(const struct invocation *inv, struct work *w, const char *name,
		 const char *legacy, struct span fingerprint,
		 uint64_t protocols, uint64_t end_s);

/*
 * Prints the devices of that kind, of the account that the command names or,
 * if it names none, of all; the exit code.
 */
int devices_list(const struct invocation *inv, enum auth_device_kind kind);

/* Asks for it, and prints its name and secret; the exit code. */
int devices_make(struct work *w, const char *legacy);

bool devices_read_row(struct control_reader *r, struct device_row *row);

/* Prints one; `address` may be NULL. */
void devices_print(struct work *w, const char *address,
		   const struct device_row *row);

/* Takes one away and says so; the exit code. */
int devices_revoke(struct work *w, const char *name, const char *what);

#endif
