/*
 * The log: logfmt lines, one an event, written by each process itself to a
 * descriptor opened with O_APPEND. Lines of one turn of the loop leave in one
 * write. Whatever comes from outside is escaped, so that no line can be
 * forged (threat 58); secrets are never given to it.
 */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include "net/loop.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum {
	/* One write() of O_APPEND this size is not torn by others. */
	LOG_BUFFER = 16 * 1024,
	LOG_LINE_MAX = 2048,
	/* Foreign text beyond this is cut, and "..." shows it. */
	LOG_VALUE_MAX = 256,
	/* Lines a second that anybody may cause by knocking: a process that
	 * serves people has far fewer strangers, and a flood is told by its
	 * first lines and its number (threat 58). */
	LOG_STRANGERS_MAX = 200,
	LOG_SUPPRESSED_MS = 1000,
};

struct log {
	struct loop *loop; /* NULL: every line is written at once */
	struct loop_task flush;
	const char *process; /* "worker-0" */
	int fd;
	size_t n;
	uint64_t lost;            /* lines that could not be written */
	struct loop_timer window; /* in which strangers are counted */
	uint32_t strangers;
	uint64_t suppressed; /* lines in it that were left out */
	int64_t second;      /* that `stamp` shows, since 1970 */
	char stamp[32];      /* "2026-11-21T13:50:19" */
	char buffer[LOG_BUFFER];
};

struct log_line {
	struct log *log;
	size_t n;
	char text[LOG_LINE_MAX];
};

/* `fd` stays the caller's; `process` must outlive the log. */
void log_init(struct log *log, struct loop *loop, const char *process, int fd);

/* Writes what waits. */
void log_flush(struct log *log);

/*
 * Whether a line may be written that a stranger has caused: who has not
 * logged in, and whose mail was not taken. If not, it is counted, and the
 * number told once a second. Always, without a loop.
 */
bool log_allows_stranger(struct log *log);

/* A line is begun, given its fields, and ended. */
void log_begin(struct log_line *line, struct log *log, enum log_level level,
	       const char *event);
void log_field(struct log_line *line, const char *key, struct span value);
void log_field_str(struct log_line *line, const char *key, const char *value);
void log_field_u64(struct log_line *line, const char *key, uint64_t value);
void log_field_hex(struct log_line *line, const char *key, uint64_t value);
void log_end(struct log_line *line);

/* A line with one message, msg="...". */
void log_message(struct log *log, enum log_level level, const char *event,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
