/*
 * Hashing of passwords as a job for the pool. How many may be under way is
 * decided by whoever gives them.
 */
#ifndef AUTH_HASH_H
#define AUTH_HASH_H

#include "base/span.h"
#include "crypto/scram.h"
#include "directory/directory.h"
#include "os/pool.h"

enum { HASH_THREADS_MAX = 64 };

/* One hash. `password` and `salt` stay where they are until it is done. */
struct hash_job {
	struct pool_job job; /* its `done` is the giver's */
	struct span password;
	struct span salt;
	uint32_t iterations;
	char imported[DIRECTORY_HASH_MAX + 1]; /* of crypt(3), or "" */
	enum yb_err err;                       /* of the hash, */
	struct scram_verifier ret;             /* its outcome, */
	bool fits_imported;                    /* and of the other */
};

/* For pool_new(): hashes once, so that all it needs is loaded. */
void hash_warm_up(void);

/* For struct pool_job. */
void hash_run(struct pool_job *job);

#endif
