/*
 * The commands of POP3, in the order in which they are looked for: those that
 * come by the thousand first. Verb, states in which it is valid, the fewest
 * and most arguments, flags, handler. The dispatcher enforces all of it.
 */
#ifndef PROTO_POP3_COMMANDS_H
#define PROTO_POP3_COMMANDS_H

enum pop3_command_flags {
	/* The argument is the rest of the line, spaces included. */
	POP3_REST = 1 << 0,
	/* Needs TLS, or leave to log in without it. */
	POP3_NEEDS_TLS = 1 << 1,
	/* Unknown unless the greeting had a timestamp. */
	POP3_NEEDS_STAMP = 1 << 2,
};

/* AUTH and TRANS are states of pop3_private.h, ANY both of them. */
#define POP3_COMMANDS(X)                                                     \
	X(RETR, TRANS, 1, 1, 0, pop3_on_retr)                                \
	X(DELE, TRANS, 1, 1, 0, pop3_on_dele)                                \
	X(LIST, TRANS, 0, 1, 0, pop3_on_list)                                \
	X(UIDL, TRANS, 0, 1, 0, pop3_on_uidl)                                \
	X(TOP, TRANS, 2, 2, 0, pop3_on_top)                                  \
	X(STAT, TRANS, 0, 0, 0, pop3_on_stat)                                \
	X(NOOP, TRANS, 0, 0, 0, pop3_on_noop)                                \
	X(RSET, TRANS, 0, 0, 0, pop3_on_rset)                                \
	X(QUIT, ANY, 0, 0, 0, pop3_on_quit)                                  \
	X(CAPA, ANY, 0, 0, 0, pop3_on_capa)                                  \
	X(USER, AUTH, 1, 1, POP3_REST | POP3_NEEDS_TLS, pop3_on_user)        \
	X(PASS, AUTH, 1, 1, POP3_REST | POP3_NEEDS_TLS, pop3_on_pass)        \
	X(AUTH, AUTH, 0, 2, POP3_NEEDS_TLS, pop3_on_auth)                    \
	X(APOP, AUTH, 2, 2, POP3_NEEDS_TLS | POP3_NEEDS_STAMP, pop3_on_apop) \
	X(STLS, AUTH, 0, 0, 0, pop3_on_stls)                                 \
	X(UTF8, AUTH, 0, 0, 0, pop3_on_utf8)                                 \
	X(LANG, ANY, 0, 1, 0, pop3_on_lang)

/* clang-format off */
/* Commands by number, for whoever counts them; OTHER are unknown ones. */
enum pop3_verb {
#define X(verb, ...) POP3_VERB_##verb,
	POP3_COMMANDS(X)
#undef X
	POP3_VERB_OTHER,
	POP3_VERBS
};
/* clang-format on */

#endif
