/*
 * What auth asks the process `lookup`, which alone may execute programs and
 * connect to the outside. Auth sends fields and gets fields: JSON and HTTP are
 * read in lookup, whose peers distrust it.
 */
#ifndef SERVER_LOOKUP_H
#define SERVER_LOOKUP_H

#include <stdint.h>

/* clang-format off */
#define LOOKUP_KINDS(X)                                                       \
	/* May this login go on? Client's address, TLS, protocol, mechanism,  \
	 * account, as whom it acts or "" -> may it, its delay in ms, for how  \
	 * many seconds that counts */                                        \
	X(POLICY)                                                             \
	/* How it went: the same, what came of it, why, the device or "" ->   \
	 * nothing */                                                         \
	X(OUTCOME)                                                            \
	/* Who is this? Address -> found, kind, iterations, salt, two keys,   \
	 * hash, which settings, all of them */                               \
	X(ACCOUNT)                                                            \
	/* Is this the main password? Address, password -> is it */           \
	X(PASSWORD)                                                           \
	/* Whose is this token? Client's address, protocol, mechanism, as whom \
	 * it asks or "", token -> enum token_verdict, whose it is, until when \
	 * in seconds since 1970 or 0 */                                      \
	X(TOKEN)

enum lookup_kind {
#define X(name) LOOKUP_##name,
	LOOKUP_KINDS(X)
#undef X
	LOOKUP_KIND_COUNT
};
/* clang-format on */

enum {
	/* Of each kind: as many logins as may wait to be asked about. */
	LOOKUP_IN_FLIGHT_MAX = 1024,
	/* Added to the time limit of a question by who waits for lookup: its
	 * own clock comes first, and tells what was late. */
	LOOKUP_GRACE_MS = 500,
};

/* What the supervisor opens for lookup, which may not (oauth in config.h). */
enum lookup_file { LOOKUP_FILE_SECRET, LOOKUP_FILE_CA, LOOKUP_FILES };

#endif
