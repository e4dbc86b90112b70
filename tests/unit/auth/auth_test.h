/*
 * A directory and an auth over it, with hashes that are quick, and callbacks
 * that write down what they are told.
 */
#ifndef TESTS_UNIT_AUTH_AUTH_TEST_H
#define TESTS_UNIT_AUTH_AUTH_TEST_H

#include <poll.h>
#include <unistd.h>

#include "auth/auth_private.h"
#include "base/cleanup.h"
#include "directory/directory_private.h"
#include "os/clock.h"
#include "unit/unit.h"

struct office {
	char folder[64];
	char path[96];
	struct directory *directory;
	struct auth *auth;
	uint64_t now;
};

/* Where a reason goes that a test does not look at. */
static const char *why __attribute__((unused));

/* What a login came to. */
struct outcome {
	unsigned calls;
	enum yb_err err;
	struct auth_identity identity; /* if YB_OK; its address is below */
	char address[AUTH_ADDRESS_MAX + 1];
	char challenge[512];
};

static inline void note(void *ctx, enum yb_err err,
			const struct auth_identity *identity,
			struct span challenge)
{
	struct outcome *o = ctx;

	o->calls++;
	o->err = err;
	assert_int_equal(identity != NULL, err == YB_OK);
	if (identity != NULL) {
		o->identity = *identity;
		snprintf(o->address, sizeof o->address, "%s",
			 identity->address);
	}
	assert_true(span_to_str(challenge, o->challenge, sizeof o->challenge));
}

static inline void office_open(struct office *o, unsigned threads)
{
	struct auth_config config = { .default_domain = "example.org",
				      .threads = threads };

	assert_ok(directory_open(o->path, &o->directory));
	config.directory = o->directory;
	assert_ok(auth_open(&config, &o->auth));
	o->auth->iterations = DIRECTORY_ITERATIONS_MIN;
	o->auth->cache.iterations = DIRECTORY_ITERATIONS_MIN;
}

static inline void office_shut(struct office *o)
{
	auth_close(&o->auth);
	directory_close(&o->directory);
}

static inline int office_make(void **state)
{
	struct office *o = calloc(1, sizeof *o);

	assert_non_null(o);
	strcpy(o->folder, "/tmp/yubin-auth-XXXXXX");
	assert_non_null(mkdtemp(o->folder));
	snprintf(o->path, sizeof o->path, "%s/directory.db", o->folder);
	o->now = 1000000;
	office_open(o, 0);
	*state = o;
	return 0;
}

static inline int office_remove(void **state)
{
	struct office *o = *state;
	char wal[128];

	office_shut(o);
	snprintf(wal, sizeof wal, "%s-wal", o->path);
	assert_int_equal(unlink(o->path), 0);
	assert_int_equal(unlink(wal), 0);
	assert_int_equal(rmdir(o->folder), 0);
	free(o);
	return 0;
}

static inline void add_account(struct office *o, const char *address,
			       const char *password)
{
	const char *reason = NULL;

	assert_ok(auth_account_add(o->auth, span_str(address),
				   span_str(password), true, &reason));
}

/* An IPv4 address as it stands in IPv6; each in a network of its own. */
static inline struct auth_peer peer_number(unsigned n)
{
	struct auth_peer p = { .tls = true, .protocol = AUTH_POP3 };

	p.address[10] = p.address[11] = 0xff;
	p.address[12] = 10;
	p.address[13] = (uint8_t)(n >> 8);
	p.address[14] = (uint8_t)n;
	p.address[15] = (uint8_t)(n >> 16);
	return p;
}

static inline void login_from(struct office *o, unsigned peer, const char *user,
			      const char *password, struct outcome *ret)
{
	struct auth_peer p = peer_number(peer);

	*ret = (struct outcome){ .calls = 0 };
	auth_login(o->auth, &p, span_str(user), span_str(password), o->now,
		   note, ret);
}

/* A login from an address that nobody used: its outcome comes at once. */
static inline enum yb_err login(struct office *o, const char *user,
				const char *password)
{
	static unsigned fresh = 1000;
	struct outcome got;

	login_from(o, fresh++, user, password, &got);
	assert_int_equal(got.calls, 1);
	return got.err;
}

static inline void pass(struct office *o, uint64_t ms)
{
	o->now += ms;
	auth_run(o->auth, o->now);
}

/* The same, where refusals may come late. */
static inline enum yb_err login_late(struct office *o, const char *user,
				     const char *password)
{
	static unsigned fresh = 20000;
	struct outcome got;

	login_from(o, fresh++, user, password, &got);
	for (int i = 0; got.calls == 0 && i < 60; i++)
		pass(o, 1000);
	assert_int_equal(got.calls, 1);
	return got.err;
}

/* Runs turns until `calls` is reached; for an auth with threads. */
static inline void wait_for(struct office *o, const unsigned *calls,
			    unsigned want)
{
	for (int i = 0; i < 3000 && *calls < want; i++) {
		struct pollfd fd = { .fd = auth_fd(o->auth), .events = POLLIN };

		assert_true(poll(&fd, 1, 10) >= 0);
		auth_run(o->auth, o->now);
	}
	assert_int_equal(*calls, want);
}

#define IN_OFFICE(test) \
	cmocka_unit_test_setup_teardown(test, office_make, office_remove)

#endif
