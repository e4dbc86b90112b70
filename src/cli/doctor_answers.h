/*
 * What a name server's answer says, for `yubin doctor`: whoever is on the way
 * may have written it (threat 44). Names come as text by the C library, which
 * escapes what is not printable.
 */
#ifndef CLI_DOCTOR_ANSWERS_H
#define CLI_DOCTOR_ANSWERS_H

#include <arpa/nameser.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* More addresses or servers than a host of mail has. */
	DOCTOR_ANSWERS_MAX = 16,
};

struct doctor_answers {
	size_t n;
	char names[DOCTOR_ANSWERS_MAX][NS_MAXDNAME]; /* or addresses */
	unsigned ports[DOCTOR_ANSWERS_MAX];          /* of SRV */
};

/*
 * Adds the answers of `type`, one of A, AAAA, PTR, MX and SRV, in a packet of
 * `n` octets; none of one that is malformed.
 */
void doctor_answers_read(const uint8_t *packet, size_t n, ns_type type,
			 struct doctor_answers *ret);

#endif
