/*
 * What the supervisor hands over to a process: its settings, the page on which
 * it counts, and channels to those that it talks to.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/memfd.h"
#include "server/children_private.h"
#include "server/lookup.h"

enum yb_err child_hand(struct child *c, enum message_type type, uint64_t id,
		       const int *fds, size_t n)
{
	return channel_send(&c->channel, type, id, NULL, 0, fds, n);
}

/* ---- the page ---- */

/* The metrics process may read it, and cannot write it. */
static enum yb_err show_page(struct child *metrics, enum role role, int fd)
{
	AUTO_FD reader = -1;
	UNSET struct message_writer w;
	struct span body;
	enum yb_err err = memfd_reader(fd, &reader);

	if (err != YB_OK)
		return err;
	message_write(&w);
	message_write_u32(&w, role);
	body = message_written(&w);
	return channel_send(&metrics->channel, MESSAGE_PAGE_OF, 0, &body, 1,
			    &reader, 1);
}

static enum yb_err show_pages(struct child *metrics)
{
	struct children *all = metrics->all;
	enum yb_err err = show_page(metrics, ROLE_SUPERVISOR, all->page_fd);

	for (size_t i = 0; i < all->n && err == YB_OK; i++)
		if (all->child[i].page != NULL)
			err = show_page(metrics, all->child[i].role,
					all->child[i].page_fd);
	return err;
}

enum yb_err child_make_page(struct child *c)
{
	struct child *metrics = children_find(c->all, ROLE_METRICS, 0);
	void *page;
	enum yb_err err;

	if (c->page != NULL)
		return YB_OK;
	err = memfd_share("yubin-metrics", sizeof *c->page, &c->page_fd, &page);
	if (err != YB_OK)
		return err;
	c->page = page;
	if (metrics != NULL && metrics != c && !metrics->channel.ended)
		err = show_page(metrics, c->role, c->page_fd);
	return err;
}

/* ---- channels ---- */

/* Which roles talk to each other. */
static bool are_joined(enum role a, enum role b)
{
	const unsigned keepers = 1u << ROLE_STORE | 1u << ROLE_AUTH;
	const unsigned all = keepers | 1u << ROLE_WORKER;

	if (a == ROLE_LOOKUP || b == ROLE_LOOKUP)
		return a == ROLE_AUTH || b == ROLE_AUTH;
	return a != b && (all >> a & 1) != 0 && (all >> b & 1) != 0;
}

static enum yb_err introduce(struct child *to, const struct child *other,
			     int fd)
{
	UNSET struct message_writer w;
	struct span body;

	message_write(&w);
	message_write_u32(&w, other->role);
	message_write_u32(&w, other->number);
	message_write_u64(&w, other->incarnation);
	body = message_written(&w);
	return channel_send(&to->channel, MESSAGE_PEER, 0, &body, 1, &fd, 1);
}

/* A new pair between two processes; it takes the place of an older one. */
static enum yb_err join(struct child *a, struct child *b)
{
	int pair[2];
	enum yb_err err = packet_pair(pair);

	if (err != YB_OK)
		return err;
	AUTO_FD end_a = pair[0];
	AUTO_FD end_b = pair[1];
	err = introduce(a, b, end_a);
	if (err == YB_OK)
		err = introduce(b, a, end_b);
	return err;
}

static enum yb_err join_all(struct child *c)
{
	enum yb_err err = YB_OK;

	for (size_t i = 0; i < c->all->n && err == YB_OK; i++) {
		struct child *other = &c->all->child[i];

		if (other != c && !other->channel.ended &&
		    other->state != CHILD_STOPPING &&
		    are_joined(c->role, other->role))
			err = join(c, other);
	}
	return err;
}

/* ---- settings ---- */

/*
 * Each worker reads the files through descriptors of its own. Links are
 * followed: that is how certificates are renewed (certbot's live/).
 */
static enum yb_err hand_over_pair(struct child *c, size_t i)
{
	const struct config *config = c->all->config;
	int flags = O_RDONLY | O_CLOEXEC;
	AUTO_FD certificate = open(config_pair_certificate(config, i), flags);
	AUTO_FD key = open(config_pair_key(config, i), flags);

	if (certificate < 0 || key < 0)
		return err_from_errno(errno);
	const int fds[] = { certificate, key };
	return child_hand(c, MESSAGE_KEYS, i, fds, 2);
}

static enum yb_err hand_over_client_ca(struct child *c)
{
	const struct config *config = c->all->config;

	if (config->client_ca[0] == 0 || config_pairs(config) == 0)
		return YB_OK;
	AUTO_FD fd = open(config->client_ca, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_from_errno(errno);
	return child_hand(c, MESSAGE_CLIENT_CA, 0, &fd, 1);
}

static enum yb_err hand_over_keys(struct child *c)
{
	enum yb_err err = YB_OK;

	for (size_t i = 0; err == YB_OK && i < config_pairs(c->all->config);
	     i++)
		err = hand_over_pair(c, i);
	return err == YB_OK ? hand_over_client_ca(c) : err;
}

static enum yb_err hand_over_tickets(struct child *c)
{
	UNSET struct message_writer w;
	struct span body;
	enum yb_err err = tickets_advance(&c->all->tickets, clock_mono_ms());

	if (err != YB_OK)
		return err;
	tickets_write(&c->all->tickets, &w);
	body = message_written(&w);
	err = channel_send(&c->channel, MESSAGE_TICKETS, 0, &body, 1, NULL, 0);
	mem_wipe(&w, sizeof w);
	return err;
}

static enum yb_err hand_over_listeners(struct child *c)
{
	const struct config *config = c->all->config;
	enum yb_err err = YB_OK;

	for (uint32_t i = 0; i < config->listeners_n && !err; i++)
		if ((config->listeners[i].service == CONFIG_METRICS) ==
		    (c->role == ROLE_METRICS))
			err = child_hand(c, MESSAGE_LISTENER, i,
					 &c->all->listeners[i], 1);
	return err;
}

/* Their owner may be root, so that no other process could open them. */
static enum yb_err hand_over_token_files(struct child *c)
{
	const char *const paths[LOOKUP_FILES] = {
		[LOOKUP_FILE_SECRET] = c->all->config->oauth_client_secret_file,
		[LOOKUP_FILE_CA] = c->all->config->oauth_ca,
	};
	enum yb_err err = YB_OK;

	for (uint64_t i = 0; i < LOOKUP_FILES && err == YB_OK; i++) {
		AUTO_FD fd = -1;

		if (*paths[i] == 0)
			continue;
		fd = open(paths[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		err = fd < 0 ? err_from_errno(errno)
			     : child_hand(c, MESSAGE_TOKEN_FILE, i, &fd, 1);
	}
	return err;
}

enum yb_err child_hand_settings(struct child *c)
{
	enum yb_err err =
		child_hand(c, MESSAGE_CONFIG, 0, &c->all->config_fd, 1);

	if (err == YB_OK)
		err = child_hand(c, MESSAGE_LOG, 0, &c->all->log_fd, 1);
	if (err == YB_OK && c->role == ROLE_WORKER)
		err = hand_over_keys(c);
	if (err == YB_OK && c->role == ROLE_LOOKUP)
		err = hand_over_token_files(c);
	if (err == YB_OK && c->role == ROLE_WORKER)
		err = hand_over_tickets(c);
	if (err == YB_OK && (c->role == ROLE_WORKER || c->role == ROLE_METRICS))
		err = hand_over_listeners(c);
	return err;
}

/* ---- all of it ---- */

enum yb_err child_hand_all(struct child *c)
{
	enum yb_err err = child_hand_settings(c);

	if (err == YB_OK)
		err = child_hand(c, MESSAGE_PAGE, 0, &c->page_fd, 1);
	if (err == YB_OK && c->role == ROLE_METRICS)
		err = show_pages(c);
	/* A keeper has to be open before somebody asks it, a worker joined
	 * before somebody connects. */
	if (err == YB_OK && c->role == ROLE_WORKER)
		err = join_all(c);
	if (err == YB_OK)
		err = child_hand(c, MESSAGE_START, 0, NULL, 0);
	if (err == YB_OK && c->role != ROLE_WORKER)
		err = join_all(c);
	return err;
}
