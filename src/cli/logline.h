/*
 * Lines of the server's log (server/log.h: logfmt) as `yubin log` reads them:
 * looked through by what they say, and printed for people or programs.
 */
#ifndef CLI_LOGLINE_H
#define CLI_LOGLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/span.h"

enum {
	/* "2026-11-21T13:50:19" */
	LOGLINE_STAMP_MAX = 32,
	/* A value; longer ones do not come from the server, and are cut. */
	LOGLINE_VALUE_MAX = 2048,
};

/* What a line has to say; NULL and "" for what does not matter. */
struct logline_filter {
	const char *session;           /* session= */
	const char *account;           /* account= and its like; any case */
	const char *peer;              /* peer= */
	int level;                     /* index in the names, at least */
	char since[LOGLINE_STAMP_MAX]; /* ts=, at least */
};

/* "debug" 0, "info", "warn", "error" 3; -1 for none of these. */
int logline_level(struct span name);

/*
 * A point of time: "10m", "2h", "3d" ago, "2026-11-21", "2026-11-21 13:50",
 * "...:19", local, or UTC with a Z; as a stamp, and in seconds. False if it
 * is none of these.
 */
bool logline_since(const char *text, int64_t now_s,
		   char ret_stamp[LOGLINE_STAMP_MAX], int64_t *ret_s);

/*
 * The next field off the front of `rest`: its key, and its value without
 * quotes, \" and \\ undone; \x.. stays, as the octet is no text. False at the
 * end, and where the line is no logfmt.
 */
bool logline_next(struct span *rest, struct span *ret_key,
		  char ret_value[LOGLINE_VALUE_MAX]);

bool logline_matches(struct span line, const struct logline_filter *filter);

/* With a line end; as it is, in colours by its level, or as JSON. */
enum logline_form { LOGLINE_PLAIN, LOGLINE_COLOUR, LOGLINE_JSON };
void logline_print(FILE *to, struct span line, enum logline_form form);

#endif
