#include "attack/attack.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "auth/auth.h"
#include "os/memfd.h"
#include "proto/http_request.h"
#include "proto/pop3_server.h"
#include "server/lookup_private.h"
#include "server/pop3_session.h"
#include "server/worker.h"
#include "store/store.h"

enum {
	/* A packet as hex, and what stands before it. */
	LINE_LENGTH = 16 * 1024,
	FDS_MOST = 253, /* what the kernel lets through at a time */
};

/* Answers to questions with an id from here on are the attacker's. */
#define ATTACK_ID (1ull << 63)

/* In a worker: the connection that attacks, and which engine is whose. */
static struct connection *attacker;
static struct connection *beginning;
static struct {
	const struct pop3_server *engine;
	struct connection *connection;
} pairs[1024];
static size_t pairs_n;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	char text[512];
	size_t n;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text - 4, format, args);
	va_end(args);
	n = strlen(text);
	(void)snprintf(text + n, sizeof text - n,
		       attacker != NULL ? "\r\n" : "\n");
	if (attacker != NULL)
		(void)send(attacker->fd, text, strlen(text), MSG_NOSIGNAL);
	else
		(void)!write(STDERR_FILENO, text, strlen(text));
}

static const char *word(char **line)
{
	char *w = strsep(line, " ");

	return w != NULL ? w : "";
}

/* ---- lies on channels ---- */

static size_t from_hex(const char *hex, uint8_t *ret, size_t cap)
{
	size_t n = 0;
	unsigned v;

	for (; n < cap && sscanf(hex, "%2x", &v) == 1; hex += 2)
		ret[n++] = (uint8_t)v;
	return n;
}

/* A letter each: a memory file of 64 octets, open or sealed, a socket. */
static int make_fd(char kind)
{
	static const uint8_t octets[64];
	int fd = -1;

	if (kind == 'm' && memfd_open("attack", &fd) == YB_OK)
		(void)!write(fd, octets, sizeof octets);
	if (kind == 's')
		(void)!memfd_make("attack", span_of(octets, sizeof octets),
				  &fd);
	if (kind == 'k')
		fd = dup(attacker != NULL ? attacker->fd : 2);
	return fd;
}

static long send_raw(int fd, const uint8_t *packet, size_t n, const char *fds)
{
	static uint8_t control[CMSG_SPACE(sizeof(int) * FDS_MOST)];
	struct iovec iov = { (void *)(uintptr_t)packet, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int list[FDS_MOST];
	size_t fds_n = 0;
	ssize_t sent;

	for (; fds[fds_n] != 0 && fds_n < FDS_MOST; fds_n++)
		list[fds_n] = make_fd(fds[fds_n]);
	if (fds_n > 0) {
		struct cmsghdr *head = (struct cmsghdr *)control;

		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int) * fds_n);
		memcpy(CMSG_DATA(head), list, sizeof(int) * fds_n);
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fds_n);
	}
	sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (fds_n > 0)
		(void)close(list[--fds_n]);
	return sent;
}

static int channel_fd(struct worker *w, const char *name)
{
	return strcmp(name, "store") == 0  ? w->store.channel.fd
	       : strcmp(name, "auth") == 0 ? w->auth.channel.fd
					   : w->process.supervisor.fd;
}

/* raw CHANNEL HEX [FDS]: so many octets, with these descriptors. */
static void attack_raw(struct worker *w, char *line)
{
	static uint8_t packet[LINE_LENGTH];
	int fd = channel_fd(w, word(&line));
	size_t n = from_hex(word(&line), packet, sizeof packet);

	say("sent %ld", send_raw(fd, packet, n, word(&line)));
}

/* flood CHANNEL TIMES HEX [FDS]: as often as there is room. */
static void attack_flood(struct worker *w, char *line)
{
	static uint8_t packet[LINE_LENGTH];
	int fd = channel_fd(w, word(&line));
	long times = atol(word(&line)), sent = 0;
	size_t n = from_hex(word(&line), packet, sizeof packet);
	const char *fds = word(&line);

	while (sent < times && send_raw(fd, packet, n, fds) > 0)
		sent++;
	say("sent %ld", sent);
}

/* huge CHANNEL OCTETS: one packet of so many zeros. */
static void attack_huge(struct worker *w, char *line)
{
	int fd = channel_fd(w, word(&line));
	size_t n = strtoul(word(&line), NULL, 10);
	uint8_t *packet = calloc(1, n);

	say("sent %ld", packet == NULL ? -1 : send_raw(fd, packet, n, ""));
	free(packet);
}

/* spray HEX: to every descriptor; for who knows no channel of its own. */
static void attack_spray(char *line)
{
	static uint8_t packet[LINE_LENGTH];
	size_t n = from_hex(word(&line), packet, sizeof packet);
	long sent = 0;

	for (int fd = 3; fd < 256; fd++)
		sent += send_raw(fd, packet, n, "") > 0;
	say("ts=0 event=attack msg=\"sent %ld\"", sent);
}

bool __real_requests_answer(struct requests *r, unsigned from,
			    struct message *m, bool *ret_unwanted);
bool __wrap_requests_answer(struct requests *r, unsigned from,
			    struct message *m, bool *ret_unwanted);

bool __wrap_requests_answer(struct requests *r, unsigned from,
			    struct message *m, bool *ret_unwanted)
{
	struct message_reader in;
	uint64_t handle;
	enum yb_err err;

	if (m->id < ATTACK_ID || attacker == NULL)
		return __real_requests_answer(r, from, m, ret_unwanted);
	message_read(&in, m);
	err = message_read_err(&in);
	handle = message_read_u64(&in);
	say("answer %s %s %zu %llu", message_name(m->type), err_name(err),
	    m->fds_n, (unsigned long long)handle);
	*ret_unwanted = false;
	return true;
}

/* ---- a worker ---- */

enum yb_err __real_pop3_session_new(struct connection *c);
enum yb_err __wrap_pop3_session_new(struct connection *c);

enum yb_err __wrap_pop3_session_new(struct connection *c)
{
	beginning = c;
	return __real_pop3_session_new(c);
}

struct pop3_server *
__real_pop3_server_new(const struct pop3_server_config *config,
		       uint64_t now_ms);
struct pop3_server *
__wrap_pop3_server_new(const struct pop3_server_config *config,
		       uint64_t now_ms);

struct pop3_server *
__wrap_pop3_server_new(const struct pop3_server_config *config, uint64_t now_ms)
{
	struct pop3_server *s = __real_pop3_server_new(config, now_ms);
	size_t at = pairs_n++ % (sizeof pairs / sizeof pairs[0]);

	pairs[at].engine = s;
	pairs[at].connection = beginning;
	return s;
}

static struct connection *connection_of(const struct pop3_server *s)
{
	const size_t n = sizeof pairs / sizeof pairs[0];

	/* The latest first: memory is used again. */
	for (size_t i = 1; i <= n && i <= pairs_n; i++)
		if (pairs[(pairs_n - i) % n].engine == s)
			return pairs[(pairs_n - i) % n].connection;
	abort();
}

static void attack_worker(struct connection *c, char *line)
{
	struct worker *w = c->worker;
	const char *name = word(&line);
	long result;

	if (strcmp(name, "who") == 0)
		say("worker %u fd %d", w->process.number, c->fd);
	else if (strcmp(name, "raw") == 0)
		attack_raw(w, line);
	else if (strcmp(name, "flood") == 0)
		attack_flood(w, line);
	else if (strcmp(name, "huge") == 0)
		attack_huge(w, line);
	else if (attack_system(name, line != NULL ? line : "", &result))
		say("%s returned %ld", name, result);
	else
		say("what is %s?", name);
}

size_t __real_pop3_server_feed(struct pop3_server *s, struct span in);
size_t __wrap_pop3_server_feed(struct pop3_server *s, struct span in);

size_t __wrap_pop3_server_feed(struct pop3_server *s, struct span in)
{
	static char line[LINE_LENGTH];
	const struct span word_attack = SPAN_LIT("ATTACK ");
	const char *end = in.n > 0 ? memchr(in.p, '\n', in.n) : NULL;
	size_t n = end == NULL ? 0 : (size_t)(end - (const char *)in.p);

	if (in.n < word_attack.n ||
	    memcmp(in.p, word_attack.p, word_attack.n) != 0)
		return __real_pop3_server_feed(s, in);
	if (end == NULL)
		return 0; /* all of it has to come at once, or again */
	(void)snprintf(line, sizeof line, "%.*s", (int)(n - word_attack.n),
		       (const char *)in.p + word_attack.n);
	line[strcspn(line, "\r")] = 0;
	attacker = connection_of(s);
	attack_worker(attacker, line);
	return n + 1;
}

/* ---- the others ---- */

/* What runs in lookup: the question that it has an answer to. */
static struct lookup_call *question;

/*
 * lie TYPE IDS TIMES HEX [FDS]: to auth, as an answer to this question's id and
 * so many after it.
 */
static void attack_lie(char *line)
{
	static uint8_t packet[LINE_LENGTH];
	struct message_head head = { .type = (uint16_t)atoi(word(&line)) };
	uint64_t ids = strtoull(word(&line), NULL, 10);
	long times = atol(word(&line)), sent = 0;
	size_t n = from_hex(word(&line), packet + sizeof head,
			    sizeof packet - sizeof head - 8);
	const char *fds = word(&line);
	int fd = question->process->auth.channel.fd;

	head.size = (uint32_t)(sizeof head + (n + 7) / 8 * 8);
	head.fds = (uint16_t)strlen(fds);
	for (head.id = question->id + ids; sent < times; sent++) {
		memcpy(packet, &head, sizeof head);
		if (send_raw(fd, packet, head.size, fds) < 0)
			break;
		head.id += ids;
	}
	say("ts=0 event=attack role=lookup call=lie returned=%ld", sent);
}

static void attack_other(const char *role, const char *text, size_t n)
{
	char copy[LINE_LENGTH], *line = copy;
	const char *name;
	long result;

	(void)snprintf(copy, sizeof copy, "%.*s", (int)n, text);
	copy[strcspn(copy, "\r\n")] = 0;
	name = word(&line);
	say("ts=0 event=attack role=%s call=%s msg=begins", role, name);
	if (strcmp(name, "spray") == 0)
		attack_spray(line);
	else if (strcmp(name, "lie") == 0 && question != NULL)
		attack_lie(line);
	else if (attack_system(name, line != NULL ? line : "", &result))
		say("ts=0 event=attack role=%s call=%s returned=%ld", role,
		    name, result);
}

static bool is_attack(struct span in, const char *how, struct span *ret)
{
	size_t n = strlen(how);

	if (in.n < n || memcmp(in.p, how, n) != 0)
		return false;
	*ret = span_skip(in, n);
	return true;
}

void __real_auth_login(struct auth *a, const struct auth_peer *peer,
		       struct span name, struct span password, uint64_t now_ms,
		       auth_done_fn *done, void *ctx);
void __wrap_auth_login(struct auth *a, const struct auth_peer *peer,
		       struct span name, struct span password, uint64_t now_ms,
		       auth_done_fn *done, void *ctx);

void __wrap_auth_login(struct auth *a, const struct auth_peer *peer,
		       struct span name, struct span password, uint64_t now_ms,
		       auth_done_fn *done, void *ctx)
{
	struct span text;

	if (is_attack(name, "attack ", &text))
		attack_other("auth", (const char *)text.p, text.n);
	__real_auth_login(a, peer, name, password, now_ms, done, ctx);
}

void __real_store_deliver(struct store *st, const struct store_delivery *d,
			  store_delivered_fn *done, void *ctx);
void __wrap_store_deliver(struct store *st, const struct store_delivery *d,
			  store_delivered_fn *done, void *ctx);

void __wrap_store_deliver(struct store *st, const struct store_delivery *d,
			  store_delivered_fn *done, void *ctx)
{
	struct span text;

	if (is_attack(d->wire, "Attack: ", &text))
		attack_other("store", (const char *)text.p, text.n);
	__real_store_deliver(st, d, done, ctx);
}

enum http_status __real_http_request_read(struct span in,
					  struct http_request *ret);
enum http_status __wrap_http_request_read(struct span in,
					  struct http_request *ret);

enum http_status __wrap_http_request_read(struct span in,
					  struct http_request *ret)
{
	struct span text;

	if (is_attack(in, "GET /attack/", &text))
		attack_other("metrics", (const char *)text.p, text.n);
	return __real_http_request_read(in, ret);
}

/* Whose answer it is that is read. */
struct answer {
	command_done_fn *done;
	void *ctx;
};

static void on_answer(void *ctx, enum yb_err err, const json_t *answer)
{
	struct answer a = *(struct answer *)ctx;
	const char *text = json_string_value(json_object_get(answer, "attack"));

	free(ctx);
	question = a.ctx;
	if (text != NULL)
		attack_other("lookup", text, strlen(text));
	question = NULL;
	a.done(a.ctx, err, answer);
}

void __real_command_ask(struct command *c, json_t *question_asked,
			command_done_fn *done, void *ctx);
void __wrap_command_ask(struct command *c, json_t *question_asked,
			command_done_fn *done, void *ctx);

void __wrap_command_ask(struct command *c, json_t *question_asked,
			command_done_fn *done, void *ctx)
{
	struct answer *a = malloc(sizeof *a);

	if (a == NULL)
		abort();
	*a = (struct answer){ done, ctx };
	__real_command_ask(c, question_asked, on_answer, a);
}
