#include "server/pair_examine.h"

#include <stdio.h>

#include "base/buf.h"
#include "os/clock.h"
#include "os/file.h"
#include "tls/pair.h"

/* A chain of certificates, or a key. */
enum { PEM_MAX = 256 * 1024 };

static enum pair_state judge(struct span chain, struct span key,
			     const char *certificate_path, const char *key_path,
			     char text[PAIR_TEXT_MAX])
{
	char reason[TLS_REASON_MAX];
	struct tls_pair_facts facts;

	if (tls_pair_check(chain, key, reason, &facts) != YB_OK) {
		(void)snprintf(text, PAIR_TEXT_MAX,
			       "tls: %.120s and %.120s are no certificate with "
			       "its key: %s",
			       certificate_path, key_path, reason);
		return PAIR_BAD;
	}
	if (!tls_pair_tell_time(&facts, clock_real_ns() / 1000000000, reason))
		return PAIR_GOOD;
	(void)snprintf(text, PAIR_TEXT_MAX,
		       "tls: the certificate %.120s of "
		       "%.80s %s",
		       certificate_path, facts.name, reason);
	return PAIR_TOLD;
}

enum pair_state pair_examine(int certificate, int key,
			     const char *certificate_path, const char *key_path,
			     char text[PAIR_TEXT_MAX])
{
	enum pair_state state = PAIR_BAD;
	struct buf chain_pem, key_pem;
	enum yb_err err;

	buf_init(&chain_pem, PEM_MAX);
	buf_init(&key_pem, PEM_MAX);
	err = file_read_fd(certificate, &chain_pem);
	if (err == YB_OK)
		err = file_read_fd(key, &key_pem);
	if (err == YB_OK)
		state = judge(buf_span(&chain_pem), buf_span(&key_pem),
			      certificate_path, key_path, text);
	else
		(void)snprintf(text, PAIR_TEXT_MAX,
			       "tls: cannot read %.180s and %.180s: %s",
			       certificate_path, key_path, err_text(err));
	buf_wipe(&key_pem);
	buf_done(&key_pem);
	buf_done(&chain_pem);
	return state;
}

enum pair_state client_ca_examine(int fd, const char *path,
				  char text[PAIR_TEXT_MAX])
{
	uint8_t fingerprint[32];
	struct buf pem;
	enum yb_err err;

	buf_init(&pem, PEM_MAX);
	err = file_read_fd(fd, &pem);
	if (err == YB_OK)
		err = tls_fingerprint(buf_span(&pem), fingerprint);
	buf_done(&pem);
	if (err == YB_OK)
		return PAIR_GOOD;
	(void)snprintf(text, PAIR_TEXT_MAX,
		       "tls.client_ca: there is no PEM certificate in %.300s",
		       path);
	return PAIR_BAD;
}
