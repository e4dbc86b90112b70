/*
 * Threads that hash and do nothing else. Jobs belong to whoever submits them;
 * they go in and come out by one thread. How many may be under way is decided
 * there too, so the pool itself keeps no limit.
 */
#ifndef AUTH_POOL_H
#define AUTH_POOL_H

#include "base/list.h"
#include "base/span.h"
#include "crypto/scram.h"

enum {
	POOL_THREADS_MAX = 64,
	/* PBKDF2 needs a few KiB; the default of 8 MiB only costs space. */
	POOL_STACK = 256 * 1024,
};

/* One hash. `password` and `salt` stay where they are until it is done. */
struct hash_job {
	struct list link;
	struct span password;
	struct span salt;
	uint32_t iterations;
	enum yb_err err;           /* of the hash, */
	struct scram_verifier ret; /* and its outcome */
};

struct hash_pool;

/*
 * Starts the threads, and returns once each has hashed something: whatever
 * they need from the system is there before a sandbox closes. With 0 threads
 * a job is done when it is submitted. INVALID above POOL_THREADS_MAX.
 */
YB_CHECKED enum yb_err hash_pool_open(unsigned threads, struct hash_pool **ret);

/* Waits for the hashes under way; others are not begun. */
void hash_pool_close(struct hash_pool **p);

/* Readable when a job is done; -1 without threads. */
int hash_pool_fd(const struct hash_pool *p);

void hash_pool_submit(struct hash_pool *p, struct hash_job *job);

/* A job that is done; NULL if there is none, and then the fd is quiet. */
struct hash_job *hash_pool_take(struct hash_pool *p);

#endif
