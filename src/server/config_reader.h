/*
 * Reads the configuration by a child without rights (config_process.c), looks
 * at the files that it names, and has the child examine the certificates. The
 * supervisor does so when it starts, at a reload, and before a restart, then
 * with the program that is to take over.
 */
#ifndef SERVER_CONFIG_READER_H
#define SERVER_CONFIG_READER_H

#include <sys/types.h>

#include "config/config.h"
#include "server/channel.h"

/* Enough to see that a file is not the one that it was. */
struct file_mark {
	uint64_t device, inode, size;
	int64_t changed_ns;
};

struct config_reader {
	/* Set before config_reader_begin(). */
	struct loop *loop;
	const char *program; /* whose child reads; NULL: this one */
	int folder;          /* that it stands in; 0: ours */
	/* Tells what is wrong, or with `notice` what is worth knowing. */
	void (*problem)(void *ctx, bool notice,
			const struct config_problem *problem);
	/* All is told; YB_OK: `config` can be used. INVALID, TIMEOUT, GONE. */
	void (*done)(void *ctx, enum yb_err err);
	void *ctx;
	/* The result. */
	struct config config;
	struct file_mark marks[1 + CONFIG_CERTIFICATES_MAX][2];
	/* private */
	struct channel channel;
	struct loop_timer patience;
	pid_t pid;
	bool bad, got;
};

/* `file` is shown, its real path given to the child; INVALID is told. */
YB_CHECKED enum yb_err config_reader_begin(struct config_reader *r,
					   const char *file);

#endif
