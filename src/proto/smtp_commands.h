/*
 * The commands of SMTP and LMTP: verb, who has it, when it is valid, whether
 * an argument is needed, handler, what HELP says. The dispatcher enforces all
 * of it.
 */
#ifndef PROTO_SMTP_COMMANDS_H
#define PROTO_SMTP_COMMANDS_H

enum smtp_command_flags {
	SMTP_IN_SMTP = 1 << 0,
	SMTP_IN_LMTP = 1 << 1,
	SMTP_IN_BOTH = SMTP_IN_SMTP | SMTP_IN_LMTP,
	/* Only behind EHLO, HELO or LHLO. */
	SMTP_AFTER_HELLO = 1 << 2,
	SMTP_NEEDS_ARG = 1 << 3,
	/* RFC 5321 section 4.1.1: an argument is a syntax error. */
	SMTP_NO_ARG = 1 << 4,
};

/* clang-format off */
#define SMTP_COMMANDS(X)                                                      \
	X(RCPT, SMTP_IN_BOTH | SMTP_AFTER_HELLO | SMTP_NEEDS_ARG,             \
	  smtp_on_rcpt, "RCPT TO:<address>: one more recipient")              \
	X(MAIL, SMTP_IN_BOTH | SMTP_AFTER_HELLO | SMTP_NEEDS_ARG,             \
	  smtp_on_mail, "MAIL FROM:<address> [SIZE=n] [BODY=8BITMIME] "       \
	  "[SMTPUTF8]: begins a message")                                     \
	X(DATA, SMTP_IN_BOTH | SMTP_AFTER_HELLO | SMTP_NO_ARG, smtp_on_data,  \
	  "DATA: the message, ended by a line with a dot")                    \
	/* In any state: its octets follow, wanted or not. */                 \
	X(BDAT, SMTP_IN_BOTH | SMTP_NEEDS_ARG, smtp_on_bdat,                  \
	  "BDAT n [LAST]: n octets of the message follow")                    \
	X(RSET, SMTP_IN_BOTH | SMTP_NO_ARG, smtp_on_rset,                     \
	  "RSET: forgets the message")                                        \
	X(EHLO, SMTP_IN_SMTP, smtp_on_ehlo, "EHLO hostname: who you are")     \
	X(HELO, SMTP_IN_SMTP, smtp_on_helo, "HELO hostname: who you are")     \
	X(LHLO, SMTP_IN_LMTP, smtp_on_ehlo, "LHLO hostname: who you are")     \
	X(NOOP, SMTP_IN_BOTH, smtp_on_noop, "NOOP: does nothing")             \
	X(QUIT, SMTP_IN_BOTH | SMTP_NO_ARG, smtp_on_quit,                     \
	  "QUIT: ends the session")                                           \
	X(STARTTLS, SMTP_IN_BOTH | SMTP_NO_ARG, smtp_on_starttls,             \
	  "STARTTLS: begins TLS")                                             \
	X(XCLIENT, SMTP_IN_BOTH | SMTP_NEEDS_ARG, smtp_on_xclient,            \
	  "XCLIENT name=value ...: for whom you speak")                       \
	X(VRFY, SMTP_IN_BOTH | SMTP_NEEDS_ARG, smtp_on_vrfy,                  \
	  "VRFY address: is never told")                                      \
	X(EXPN, SMTP_IN_BOTH | SMTP_NEEDS_ARG, smtp_on_expn,                  \
	  "EXPN list: is never told")                                         \
	X(HELP, SMTP_IN_BOTH, smtp_on_help, "HELP [command]")
/* clang-format on */

/* clang-format off */
/* Commands by number, for whoever counts them; OTHER are unknown ones. */
enum smtp_verb {
#define X(verb, ...) SMTP_VERB_##verb,
	SMTP_COMMANDS(X)
#undef X
	SMTP_VERB_OTHER,
	SMTP_VERBS
};
/* clang-format on */

#endif
