/*
 * Where the lines of `yubin log` come from: the log's file with those that
 * logrotate has put aside, compressed ones too, or the journal.
 */
#ifndef CLI_LOGFILE_H
#define CLI_LOGFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/* A line without its end. False ends the reading. */
typedef bool logfile_line_fn(void *ctx, struct span line);

/*
 * Reads `path` and its rotated brothers (NAME.1, NAME-20261121, .gz), those
 * written last before `since_s` left out, in the order in which they were
 * written. NOT_FOUND, ACCESS, IO of `path` itself.
 */
YB_CHECKED enum yb_err logfile_read(const char *path, int64_t since_s,
				    logfile_line_fn *line, void *ctx);

/*
 * The same, and then what is added, over rotation, until `line` says no or
 * the process is interrupted. `caught_up` is called once in between.
 */
YB_CHECKED enum yb_err logfile_follow(const char *path, int64_t since_s,
				      logfile_line_fn *line,
				      void (*caught_up)(void *ctx), void *ctx);

/*
 * The unit's lines as journalctl gives them. NOT_FOUND without journalctl; GONE
 * if it failed.
 */
YB_CHECKED enum yb_err logfile_journal(const char *since, bool follow,
				       logfile_line_fn *line, void *ctx);

#endif
