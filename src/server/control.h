/*
 * What commands and the running server say to each other over run/control, a
 * Unix socket of packets (SOCK_SEQPACKET). A command first sends a hello that
 * names the owner of the data it wants; the supervisor checks who is there
 * and hands the connection to that process. Then the command asks, one
 * request at a time, and the owner answers each with one reply. Lists come in
 * pages: a reply says that there is more, and the next request says from
 * where on.
 *
 * A message is a head and fields, each a 32-bit length and octets. Numbers
 * are native, since both ends run on one machine; the version in the hello
 * keeps programs of different age apart. A reader never leaves the message,
 * and one that does not add up is an error (threat 61).
 *
 * The handlers (control_directory.h, control_store.h) see a struct
 * control_call and do not know whether it came over the socket or from a
 * command that has taken the store's lock itself.
 */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include "base/buf.h"
#include "os/packet.h"

enum {
	CONTROL_MAGIC = 0x54435559, /* "YUCT" */
	CONTROL_VERSION = 1,
	CONTROL_MESSAGE_MAX = PACKET_MAX,
	/* Ranges that one request names: 8 octets each. */
	CONTROL_RANGES_MAX = 4096,
	/* A listing's row: an address, 64 device names, a few numbers. */
	CONTROL_ROW_MAX = 8 * 1024,
};

/* Who owns what a request is about. */
enum control_owner {
	CONTROL_SUPERVISOR,
	CONTROL_AUTH,
	CONTROL_STORE,
	CONTROL_OWNERS,
	/* Worker N is CONTROL_WORKER + N. */
	CONTROL_WORKER = 0x100
};

struct control_hello {
	uint32_t magic;
	uint16_t version;
	uint16_t owner; /* enum control_owner, and which worker */
};

/* Requests, each with its owner; "->" shows the fields of the reply. */
enum control_type {
	/* Nothing -> version, configuration file; u64 how many listeners, of
	 * each service, address, tls; then of each process: role, u64 number,
	 * u64 pid (0: down), u64 uptime in ms, u64 restarts, u64 ready,
	 * u64 silent: it does not answer. */
	CONTROL_STATUS = 1,
	/* address, password ("": make one), u64 allow weak -> the password
	 * that was made, or ""; on WEAK and INVALID: the reason. */
	CONTROL_ACCOUNT_ADD,
	CONTROL_ACCOUNT_PASSWORD,
	/* address -> id, address, u64 made, u64 last login, devices. */
	CONTROL_ACCOUNT_GET,
	/* address to start behind -> rows as of ACCOUNT_GET. */
	CONTROL_ACCOUNT_LIST,
	/* address -> id; on IN_USE: the reason. */
	CONTROL_ACCOUNT_REMOVE,
	/* u64 0 for an account, 1 for a domain; its name; NAME=VALUE, ... ->
	 * nothing; reason. */
	CONTROL_SETTINGS_SET,
	/* u64 and name as before -> name and u64 value of what is set there */
	CONTROL_SETTINGS_GET,
	/* u64 how many to pass over -> rows: u64 kind (enum
	 * auth_guesser_kind), 16 octets of the address, account or "", u64
	 * failures, u64 slowed. */
	CONTROL_AUTH_STATUS,
	/* u64 0: account, 1: address; its name, or 16 octets -> nothing. */
	CONTROL_AUTH_FORGIVE,
	/* u64 dry run; of each record: address, u64 kind, u64 iterations,
	 * salt, stored key, server key, hash or "" -> u64 error of each. */
	CONTROL_ACCOUNTS_ADD,
	/* domain, the one it is another name of or "" -> nothing; reason. */
	CONTROL_DOMAIN_ADD,
	/* domain -> nothing; reason. */
	CONTROL_DOMAIN_REMOVE,
	/* domain to start behind -> rows: name, as shown, alias of or "", u64
	 * made, u64 accounts, u64 aliases. */
	CONTROL_DOMAIN_LIST,
	/* alias, targets -> nothing; reason. */
	CONTROL_ALIAS_ADD,
	/* alias, targets (none: all) -> nothing; reason. */
	CONTROL_ALIAS_REMOVE,
	/* alias and target to start behind -> rows: alias, target. */
	CONTROL_ALIAS_LIST,
	/* id, u64 mailbox -> u64 messages, u64 octets. */
	CONTROL_MAILBOX_TOTALS,
	/* id -> nothing. */
	CONTROL_MAIL_REMOVE,
	/* id, u64 mailbox, u64 uid to start behind, u64 deleted -> of each
	 * message: u64 uid, octets, wire size, header size, received (ns),
	 * deleted (s, or 0); UIDL, who deleted it. */
	CONTROL_MAIL_LIST,
	/* id, u64 mailbox, u64 uid, u64 offset -> the row as above, octets of
	 * the wire form from there on. */
	CONTROL_MAIL_READ,
	/* id, u64 mailbox, uid ranges (struct uid_range) -> what to call the
	 * deletion, u64 how many, u64 how many there were before. */
	CONTROL_MAIL_DELETE,
	/* id, u64 mailbox, uid ranges or "", u64 since (s), who deleted them
	 * or "" -> u64 how many, u64 how many there were before. */
	CONTROL_MAIL_UNDELETE,
	/* id -> u64 number of each of its mailboxes. */
	CONTROL_MAILBOXES,
	/* id, u64 mailbox -> u64 octets of the log before, u64 after. */
	CONTROL_COMPACT,
	/* id, u64 mailbox, u64 what: 0, or 2 for slowly -> u64 octets, records, messages,
	 * damaged octets, whether what sessions see is not what the log says;
	 * of each damage u64 from, to, uid or 0. 1, repair -> u64 octets before,
	 * u64 after. */
	CONTROL_FSCK,
	/* id, u64 mailbox, u64 number, u64 offset -> name, u64 uid or 0,
	 * octets of what was set aside from there on; NO_MSG behind the
	 * last. */
	CONTROL_MAIL_DAMAGED,
	/* Nothing -> rows: kind ("problem", "note", "changed", "restart",
	 * "number"), u64 line or number, u64 column, text. */
	CONTROL_RELOAD,
	/* Nothing -> rows as above, once the new program said that it can. */
	CONTROL_RESTART,
	/* Supervisor: nothing -> struct metrics_page's cells, added up (u64
	 * each, in native order: metrics.h). */
	CONTROL_COUNTERS,
	/* Worker: u64 id to start behind -> of each session: u64 id, its name
	 * in the log, service, peer, TLS version or "", account or "", state,
	 * u64 octets in, out, ms since its begin, ms since octets moved,
	 * commands. */
	CONTROL_SESSIONS,
	/* address, hash as Dovecot has them -> nothing; on INVALID and
	 * UNSUPPORTED: the reason. */
	CONTROL_ACCOUNT_IMPORT,
	/* Worker: address, its account's id, u64 of the asker's own choice ->
	 * lines of its dialogues since the last call, u64 how many found no room; waits
	 * a while for some (wire.h). */
	CONTROL_WATCH,
	/* address, name ("": make one), u64 refused, u64 protocols, networks,
	 * u64 end (s, 0: none), mechanism of an old program or "",
	 * SHA-256 of a certificate or "" (else: an app password) -> name,
	 * password; on INVALID: the reason. */
	CONTROL_DEVICE_ADD,
	/* address -> of each: name, u64 kind, u64 refused, u64 protocols,
	 * networks, u64 made, u64 last used, u64 end, mechanism of an old
	 * program, SHA-256 of a certificate in hexadecimal, or "". */
	CONTROL_DEVICE_LIST,
	/* address, name -> nothing. */
	CONTROL_DEVICE_REVOKE,
	/* u64 kind, u64 number -> of the next account behind that number which
	 * has such a device: u64 number, address; nothing behind the last. */
	CONTROL_DEVICE_NEXT,
	/* id, u64 mailbox -> u64 generation, u64 octets that are synced, u64
	 * messages, u64 their octets; fd: the log, read-only. */
	CONTROL_LOG_LEND,
	/* id, u64 mailbox, CONTROL_COPY_SIZE octets for each message (id, s64
	 * received, u64 offset and u64 size in the file); fd: the file -> an
	 * enum yb_err for each, an octet each. */
	CONTROL_MAIL_ADD,
	/* Nothing -> fd: a sealed copy of the directory. */
	CONTROL_DIRECTORY_COPY,
	/* address, salt, u64 iterations; then of each device: u64 number, u64
	 * kind, name, hash, u64 refused, u64 protocols, u64 end, networks, two
	 * keys -> reason. */
	CONTROL_ACCOUNT_RESTORE,
	/* u64 enum lookup_kind -> u64 ms until the answer; or why there is
	 * none; UNSUPPORTED where nobody is asked that. */
	CONTROL_OUTSIDE_TRY,
	CONTROL_TYPES
};

enum {
	CONTROL_COPY_SIZE = 16 + 3 * 8,
	CONTROL_COPIES_MAX = 512,
};

struct control_head {
	uint16_t type; /* of the request, also in its reply */
	uint16_t more; /* 1: the list goes on */
	uint32_t err;  /* enum yb_err of the reply; 0 in requests */
};

/* ---- writing ---- */

/* Holds passwords at times: wiped by control_writer_done(). */
struct control_writer {
	struct buf out;
	int fd;      /* that goes with the message, its own; or -1 */
	bool failed; /* too large, or out of memory: not to be sent */
};

void control_writer_init(struct control_writer *w);
void control_writer_done(struct control_writer *w);

/* Starts a message anew. */
void control_begin(struct control_writer *w, enum control_type type);
void control_put(struct control_writer *w, struct span field);
void control_put_u64(struct control_writer *w, uint64_t v);
void control_put_str(struct control_writer *w, const char *text);

/* Sends a descriptor along, which becomes the writer's; one a message. */
void control_put_fd(struct control_writer *w, int fd);

/* Changes the head of a message that was begun. */
void control_set_head(struct control_writer *w, enum yb_err err, bool more);

/* Whether a further row of CONTROL_ROW_MAX octets fits. */
bool control_has_room(const struct control_writer *w);

/* ---- reading ---- */

/* Gives fields in order; after a mistake all are empty. */
struct control_reader {
	struct span rest;
	bool bad;
};

/* INVALID if `message` has no head, or one that means nothing. */
YB_CHECKED enum yb_err control_read(struct span message,
				    struct control_head *ret_head,
				    struct control_reader *ret);

struct span control_get(struct control_reader *r); /* borrowed */
uint64_t control_get_u64(struct control_reader *r);
/* A field of exactly `n` octets. */
void control_get_into(struct control_reader *r, void *dst, size_t n);
/* A field without NUL as a string of less than `cap` octets. */
void control_get_str(struct control_reader *r, char *dst, size_t cap);

/* Whether there are further fields. */
static inline bool control_has_more(const struct control_reader *r)
{
	return !r->bad && r->rest.n > 0;
}

/* Whether every field was there, and nothing is left over. */
static inline bool control_ended(const struct control_reader *r)
{
	return !r->bad && r->rest.n == 0;
}

/* ---- a request being answered ---- */

struct control_call {
	enum control_type type;
	struct control_reader fields; /* only until the handler returns */
	int fd; /* that came with it, or -1; steal it, or it is closed */
	struct control_writer reply; /* begun; put the fields */
	bool more;
	void (*replied)(struct control_call *call, enum yb_err err);
};

/*
 * Ends the call, now or later; `call` is then gone. What fields were put is
 * part of the reply also where `err` is an error.
 */
void control_reply(struct control_call *call, enum yb_err err);

#endif
