/*
 * The server half of SCRAM (RFC 5802, 7677), for sasl/server.c: takes its
 * messages apart, holds the channel binding against the channel, and keeps
 * what the proof is over. Parsing is strict: attributes in their order, none
 * twice, a mandatory extension ("m=") refused.
 */
#ifndef SASL_SCRAM_H
#define SASL_SCRAM_H

#include "base/buf.h"
#include "crypto/hmac.h"
#include "crypto/scram.h"
#include "sasl/name.h"

enum {
	/* What gsasl, Thunderbird, curl and Java use is below 50. */
	SCRAM_CLIENT_NONCE_MAX = 256,
	/* 144 random bits in base64. */
	SCRAM_NONCE_LEN = 24,
	/* RFC 9266: "TLS-Exporter value ... L: 32 (octets)". */
	SCRAM_EXPORTER_LEN = 32,
	/* RFC 5929 section 4: a hash of the certificate, SHA-512 at most. */
	SCRAM_END_POINT_MAX = 64,
	/* "p=tls-server-end-point,a=NAME,", all octets of the name escaped. */
	SCRAM_HEADER_MAX = 32 + 3 * SASL_USER_MAX,
	/* All three messages that the proof is over: two names and nonces, the
	 * binding in base64, and a few attributes. */
	SCRAM_TEXT_MAX = 4096,
};

/*
 * What a mechanism has to know of the connection: channel bindings, all zeros
 * without TLS, and the server's name for its challenges.
 */
struct sasl_channel {
	const char *host; /* or NULL */
	/* The client has shown a certificate that is trusted, of that SHA-256;
	 * for EXTERNAL. */
	bool has_certificate;
	uint8_t certificate[32];
	size_t exporter_n, end_point_n; /* 0: there is no such binding */
	uint8_t exporter[SCRAM_EXPORTER_LEN];
	uint8_t end_point[SCRAM_END_POINT_MAX];
};

/* RFC 5802 section 7, server-error-value; NULL: none. Static. */
typedef const char *scram_error;

/* SHA-1 is legacy, and has no -PLUS form here. */
enum scram_hash { SCRAM_SHA_256, SCRAM_SHA_1 };

struct scram {
	enum scram_hash hash;
	struct sasl_channel channel;
	bool plus;                       /* the -PLUS form of the mechanism */
	char nonce[SCRAM_NONCE_LEN + 8]; /* the server's part, with NUL */
	size_t nonce_at, nonce_n;        /* both parts, in `text` */
	size_t header_n;
	uint8_t header[SCRAM_HEADER_MAX];     /* gs2-header, as it came */
	bool binds_exporter, binds_end_point; /* what the header names */
	struct buf text;                      /* what the proof is over */
	uint8_t proof[SCRAM_KEY_LEN];
	uint8_t reply[64]; /* the server's final message */
};

struct scram_names {
	size_t user_n, authzid_n;
	uint8_t user[SASL_USER_MAX], authzid[SASL_USER_MAX];
};

/* Draws a nonce. IO. */
YB_CHECKED enum yb_err scram_init(struct scram *s, enum scram_hash hash,
				  bool plus,
				  const struct sasl_channel *channel);
void scram_done(struct scram *s);

/* The client's first message. */
scram_error scram_take_first(struct scram *s, struct span message,
			     struct scram_names *ret);

/* The server's first message, valid until the next call. NOMEM, TOO_BIG. */
YB_CHECKED enum yb_err scram_put_first(struct scram *s, struct span salt,
				       uint32_t iterations, struct span *ret);

/* The client's final message; its proof is to be tried. */
scram_error scram_take_final(struct scram *s, struct span message);

/* Whether the proof was made with the key behind `stored_key`. */
YB_CHECKED enum yb_err scram_try(const struct scram *s, struct hmac *h,
				 const uint8_t stored_key[SCRAM_KEY_LEN],
				 bool *ret_fits);

/* The server's final message, its own proof. */
YB_CHECKED enum yb_err scram_put_final(struct scram *s, struct hmac *h,
				       const uint8_t server_key[SCRAM_KEY_LEN],
				       struct span *ret);

#endif
