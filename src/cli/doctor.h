/*
 * `yubin doctor`: looks at one thing after the other and says what it found.
 * Each finding that is not good names a way out.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/live.h"
#include "cli/say.h"

enum doctor_state {
	DOCTOR_FINE,
	DOCTOR_SKIPPED, /* could not be looked at, and why */
	DOCTOR_WARNING,
	DOCTOR_ERROR,
	DOCTOR_STATES
};

struct doctor {
	const struct config *config;
	struct live live;     /* asked once, where the server runs */
	bool runs;            /* and may be asked */
	const char *resolver; /* "ADDRESS:PORT", or NULL: the system's */
	struct json json;
	bool as_json, colour;
	const char *section; /* the last one printed */
	unsigned counts[DOCTOR_STATES];
};

/* The way out is NULL where all is well. `section` is one static word. */
void doctor_tell(struct doctor *d, enum doctor_state state, const char *section,
		 const char *way_out, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* ---- the visits, each a file's ---- */

/* doctor_here.c: what lies on this machine's disk. */
void doctor_files(struct doctor *d);
void doctor_certificates(struct doctor *d);
void doctor_clock(struct doctor *d);
void doctor_disk(struct doctor *d);

/* doctor_server.c: what runs. */
void doctor_server(struct doctor *d);
void doctor_ports(struct doctor *d);

/* doctor_outside.c: whom the server asks. */
void doctor_outside(struct doctor *d);

/* doctor_dns.c: what the world is told. */
void doctor_dns(struct doctor *d);

/* doctor_mail.c: accounts' mailboxes, and a message from door to door. */
void doctor_store(struct doctor *d);
void doctor_round_trip(struct doctor *d);

#endif
