/*
 * What commands print: results on standard output, errors and notes on
 * standard error. Errors name the thing, the place and the way out.
 */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "cli/command.h"
#include "config/config.h"

/* "yubin: ..." and a line end. */
void say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "SUBJECT: REASON", or the reason alone where it names the subject. */
void say_refusal(const char *subject, const char *reason);

/* What a plural ends with: "" for one, else "s". */
const char *say_plural(uint64_t n);

/* For people only: printed if standard error is a terminal. */
void say_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Foreign text with control characters made visible. */
void say_text(FILE *to, const char *text);

/* Bytes and times as people read them. */
enum { SAY_TEXT_MAX = 48 };
void say_time(char ret[SAY_TEXT_MAX], int64_t seconds);
/* "532 B", "1.2 MB", "40 GB". */
void say_octets(char ret[SAY_TEXT_MAX], uint64_t octets);
void say_duration(char ret[SAY_TEXT_MAX], uint64_t ms);

/* A point of time that was typed, as logline_since() reads it; false with
 * the text told. */
bool say_point(const char *text, int64_t *ret_s);

/* A problem on standard error: "FILE:LINE:COLUMN: text"; ctx is the file. */
void say_problem(void *file, const struct config_problem *p);

/*
 * Loads the configuration that -c, the environment or the default names.
 * NULL with the problems printed. Freed by the caller.
 */
struct config *say_config(const struct invocation *inv);

/* The exit code that tells of an error. */
int say_exit(enum yb_err err);

/* ---- JSON: a value at a time, commas by themselves ---- */

struct json {
	FILE *to;
	int depth;
	int first; /* nothing stands yet behind the last bracket */
};

/* `key` is NULL for the members of a list and for the outermost value. */
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
void json_str(struct json *j, const char *key, const char *value);
void json_u64(struct json *j, const char *key, uint64_t value);
/* With three decimals. */
void json_real(struct json *j, const char *key, double value);
void json_bool(struct json *j, const char *key, int value);
void json_null(struct json *j, const char *key);

#endif
