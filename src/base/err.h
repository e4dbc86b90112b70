/*
 * Every way an act can fail, from one map: enum, name, text, and the class
 * that mail needs: try later (TEMP), never (PERM), or data is damaged (FATAL).
 * POP3's [SYS/TEMP] and [SYS/PERM] (RFC 3206) and SMTP's 4yz and 5yz follow
 * from the class.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

/*
 * The result has to be looked at; where it deliberately is not, a cast to
 * void with a reason says so. (gcc's older warn_unused_result takes no cast.)
 */
#define YB_CHECKED [[nodiscard]]

#define YB_ERR_MAP(X)                                                 \
	X(NOMEM, TEMP, "out of memory")                               \
	X(IO, TEMP, "input or output error")                          \
	X(FULL, TEMP, "no space left on the disk")                    \
	X(BUSY, TEMP, "in use by another process")                    \
	X(OVERLOAD, TEMP, "too many requests at once")                \
	X(TIMEOUT, TEMP, "took too long")                             \
	X(GONE, TEMP, "the other side is gone")                       \
	X(SNAPSHOT_GONE, TEMP, "the maildrop has to be opened again") \
	X(READ_ONLY, TEMP, "can only be read at present")             \
	X(AGAIN, TEMP, "not ready yet")                               \
	X(QUOTA, TEMP, "the mailbox is full")                         \
	X(TOO_MANY, TEMP, "too many at once")                         \
	X(NOT_FOUND, PERM, "does not exist")                          \
	X(NO_ACCOUNT, PERM, "no such account")                        \
	X(NO_MAILBOX, PERM, "no such mailbox")                        \
	X(NO_MSG, PERM, "no such message")                            \
	X(EXISTS, PERM, "exists already")                             \
	X(IN_USE, PERM, "is still needed by others")                  \
	X(DENIED, PERM, "authentication failed")                      \
	X(APP_PASSWORD, PERM, "an app password is needed")            \
	X(WEAK, PERM, "the password is too weak")                     \
	X(ACCESS, PERM, "permission denied")                          \
	X(INVALID, PERM, "is not valid")                              \
	X(SYNTAX, PERM, "syntax error")                               \
	X(TOO_BIG, PERM, "is too large")                              \
	X(OVER_QUOTA, PERM, "is larger than the mailbox may be")      \
	X(BARE_LINE_END, PERM, "contains a bare CR or LF")            \
	X(LOOP, PERM, "has been through too many servers")            \
	X(UNSUPPORTED, PERM, "is not supported here")                 \
	X(VERSION, FATAL, "was written by a newer version")           \
	X(CORRUPT, FATAL, "is damaged")

/* clang-format off */
enum yb_err {
	YB_OK = 0,
#define X(name, class, text) YB_##name,
	YB_ERR_MAP(X)
#undef X
	YB_ERR_COUNT
};
/* clang-format on */

enum yb_class { YB_CLASS_OK, YB_CLASS_TEMP, YB_CLASS_PERM, YB_CLASS_FATAL };

/* Static text, such as "no such message"; "ok" for YB_OK. */
const char *err_text(enum yb_err err);

/* Static name for logs, such as "NO_MSG"; "OK" for YB_OK. */
const char *err_name(enum yb_err err);

enum yb_class err_class(enum yb_err err);

/* Whether trying again later may succeed. */
static inline bool err_is_temp(enum yb_err err)
{
	return err_class(err) == YB_CLASS_TEMP;
}

/* What an errno value means; never YB_OK. */
enum yb_err err_from_errno(int number);

#endif
