/*
 * What the processes say to each other. A packet (os/packet.h) carries one or
 * more messages; each is a head and fields one behind the other: integers in
 * native order and octets behind a 32-bit length. All ends run the same
 * executable, but each distrusts the others: a reader never leaves the
 * message, and one that does not add up ends the channel (threat 61).
 */
#ifndef SERVER_MESSAGE_H
#define SERVER_MESSAGE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

/* name, who sends it to whom */
/* clang-format off */
#define MESSAGE_TYPES(X)                                                    \
	/* supervisor -> all */                                             \
	X(CONFIG)        /* fd: sealed struct config */                     \
	X(LOG)           /* fd: append-only log file */                     \
	X(PEER)          /* role, number, incarnation; fd: a channel */     \
	X(LISTENER)      /* index in the configuration; fd: a socket */     \
	X(KEYS)          /* id: which; fds: certificate, private key */     \
	X(TICKETS)       /* period, secret of TLS tickets */                \
	X(CLIENT_CA)     /* fd: certificates of authorities, behind KEYS */ \
	X(START)         /* everything is handed over: cage and run */      \
	X(RELOAD)        /* what was handed over anew counts from now on */ \
	X(STOP)          /* finish what runs, then end */                   \
	X(DRAIN)         /* worker: make way for a successor */             \
	X(TOKEN_FILE)    /* id: enum lookup_file; fd: the file */           \
	X(PAGE)          /* fd: what this process counts, to be written */  \
	X(PAGE_OF)       /* role; fd: what a process counts, to be read */  \
	X(CONTROL)       /* fd: a command's connection, checked */          \
	X(PING)          /* is it still there? */                           \
	/* all -> supervisor */                                             \
	X(CAGED)         /* fd: tells of forbidden system calls */          \
	X(READY)         /* caged and running */                            \
	X(DRAINED)       /* auth and store are not needed any more */       \
	X(PONG)          /* it is */                                        \
	X(RELOADED)      /* err */                                          \
	X(PROBLEM)       /* config: 1 for a notice, line, column, text */   \
	X(ACCUSED)       /* role, number, incarnation of a peer to be ended */ \
	/* worker -> auth; answers carry the same id */                     \
	X(LOGIN)         /* peer, flags, protocol, session, maildrop, user,    \
	                  * password */                                     \
	X(SASL)          /* peer, flags, protocol, session, maildrop, bindings, \
	                  * certificate, mechanism, \
	                  * has_response, response */                       \
	X(SASL_STEP)     /* response */                                     \
	X(CANCEL)        /* the exchange or login is given up; no answer */ \
	X(RCPT)          /* address */                                      \
	/* auth -> worker */                                                \
	X(LOGIN_FAILED)  /* err, last words of the mechanism */             \
	X(SASL_CHALLENGE)/* challenge */                                    \
	X(LOGGED_IN)     /* address; where no maildrop was wanted */        \
	X(OFFERS)        /* u8: accounts exist that SCRAM cannot serve */   \
	X(STORE_LOST)    /* grants may have gone with it */                 \
	X(RCPT_DONE)     /* err, how many, struct auth_mailbox of each */   \
	/* auth -> store: a login is a capability */                        \
	X(GRANT)         /* worker, incarnation, account, mailbox, device,  \
	                  * may it delete, address */                       \
	X(REVOKED)       /* account, devices, a bit each */                 \
	/* auth -> lookup, whose answer has the same id (server/lookup.h) */ \
	X(LOOKUP)        /* kind, its fields */                             \
	X(LOOKUP_DONE)   /* err, fields of an answer of that kind */        \
	/* worker -> store */                                               \
	X(LOG_WANTED)    /* session */                                      \
	X(QUIT)          /* session, two numbers of its name in the log,    \
	                  * ranges inline or as sealed fd */                \
	X(CLOSE)         /* session; no answer */                           \
	X(DELIVER)       /* mode, received, places, quotas, prefix, wire    \
	                  * inline or as fd */                              \
	X(SPOOL_WANTED)                                                     \
	/* store -> worker */                                               \
	X(OPENED)        /* err, session, may it delete, address, listing's \
	                  * number, listing inline or fd */                 \
	X(SESSION_ENDED) /* session; its credential was revoked */          \
	X(LOG_READY)     /* err; fd */                                      \
	X(QUIT_DONE)     /* err */                                          \
	X(DELIVERED)     /* outcomes, an octet each */                      \
	X(SPOOL)         /* err; fd */

enum message_type {
	MESSAGE_NONE,
#define X(name) MESSAGE_##name,
	MESSAGE_TYPES(X)
#undef X
	MESSAGE_TYPE_COUNT
};
/* clang-format on */

const char *message_name(unsigned type);

/* How a client came, in LOGIN and SASL. */
enum message_peer_flags {
	MESSAGE_PEER_TLS = 1 << 0,
	/* Without, at a listener that lets old programs log in so. */
	MESSAGE_PEER_LEGACY = 1 << 1,
};

struct message_head {
	uint32_t size; /* of head and body, padded to 8 */
	uint16_t type;
	uint16_t fds; /* descriptors that belong to it */
	uint64_t id;  /* of the request, for its answer */
};

/* A message as received: `body` and `fds` are borrowed. */
struct message {
	enum message_type type;
	uint64_t id;
	struct span body;
	int *fds; /* take one by setting it to -1 */
	size_t fds_n;
};

/* Reads fields in order; after a mistake all reads give zero. */
struct message_reader {
	struct span rest;
	bool bad;
};

void message_read(struct message_reader *r, const struct message *m);
uint8_t message_read_u8(struct message_reader *r);
uint32_t message_read_u32(struct message_reader *r);
uint64_t message_read_u64(struct message_reader *r);
/* Exactly `n` octets into `dst`. */
void message_read_into(struct message_reader *r, void *dst, size_t n);
/* Octets with their length; borrowed from the message. */
struct span message_read_octets(struct message_reader *r);
/* An error code; what no enum yb_err is counts as a mistake. */
enum yb_err message_read_err(struct message_reader *r);
/* Whether all went well and nothing is left over (padding aside). */
bool message_read_ended(const struct message_reader *r);

/* Builds small fields in a fixed buffer; large octets go as own parts. */
enum { MESSAGE_FIELDS_MAX = 1024 };

struct message_writer {
	size_t n;
	bool full;
	uint8_t octets[MESSAGE_FIELDS_MAX];
};

void message_write(struct message_writer *w);
void message_write_u8(struct message_writer *w, uint8_t v);
void message_write_u32(struct message_writer *w, uint32_t v);
void message_write_u64(struct message_writer *w, uint64_t v);
void message_write_raw(struct message_writer *w, const void *p, size_t n);
void message_write_octets(struct message_writer *w, struct span s);
static inline struct span message_written(const struct message_writer *w)
{
	return span_of(w->octets, w->n);
}

#endif
