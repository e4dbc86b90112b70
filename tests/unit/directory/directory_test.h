/*
 * A folder for one test, and verifiers made of nothing.
 */
#ifndef TESTS_UNIT_DIRECTORY_DIRECTORY_TEST_H
#define TESTS_UNIT_DIRECTORY_DIRECTORY_TEST_H

#include <sys/stat.h>
#include <unistd.h>

#include "directory/directory_private.h"
#include "unit/unit.h"

struct place {
	char folder[64];
	char path[96];
	char wal[96];
};

static inline int place_make(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	assert_non_null(p);
	strcpy(p->folder, "/tmp/yubin-directory-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->path, sizeof p->path, "%s/directory.db", p->folder);
	snprintf(p->wal, sizeof p->wal, "%s/directory.db-wal", p->folder);
	*state = p;
	return 0;
}

static inline int place_remove(void **state)
{
	struct place *p = *state;

	(void)unlink(p->path);
	(void)unlink(p->wal);
	assert_int_equal(rmdir(p->folder), 0); /* nothing else came to be */
	free(p);
	return 0;
}

static inline struct directory *place_open(const struct place *p)
{
	struct directory *d = NULL;

	assert_ok(directory_open(p->path, &d));
	return d;
}

static inline struct directory_verifier verifier(unsigned seed)
{
	struct directory_verifier v = { .kind = DIRECTORY_SCRAM_SHA_256, .device = 0,
					.name = "main",
					.iterations = 100000 };

	memset(v.salt, (int)seed, sizeof v.salt);
	memset(v.stored_key, (int)seed + 1, sizeof v.stored_key);
	memset(v.server_key, (int)seed + 2, sizeof v.server_key);
	return v;
}

static inline enum yb_err add(struct directory *d, const char *address,
			      unsigned seed)
{
	struct directory_verifier v = verifier(seed);
	uint8_t id[DIRECTORY_ID_LEN];

	return directory_account_add(d, span_str(address), &v, 1000 + seed, id);
}

static inline bool has(struct directory *d, const char *address)
{
	struct directory_account *a = NULL;
	enum yb_err err = directory_account_find(d, span_str(address), &a);

	assert_true(err == YB_OK || err == YB_NO_ACCOUNT);
	directory_account_free(&a);
	return err == YB_OK;
}

#endif
