#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/process.h"
#include "server/role.h"
#include "tls/certificate.h"
#include "tls/pair.h"

enum {
	DAY_S = 24 * 60 * 60,
	/* Files that are written by a clock that runs a little ahead. */
	CLOCK_SLACK_S = 60,
	/* Half a second: TLS and tokens bear it, logs are hard to compare. */
	CLOCK_ERROR_US = 500 * 1000,
	/* 2025: no older clock can be right. */
	CLOCK_LEAST_S = 1735689600,
	SYNCS = 9,
	/* A spinning disk needs 10 ms; beyond, deliveries queue up. */
	SYNC_SLOW_US = 50 * 1000,
	SYNC_ILL_US = 500 * 1000,
	FREE_LOW_PERCENT = 10,
	/* The store takes no mail without room for its largest message. */
	FREE_LEAST_MESSAGES = 4,
	INODES_LEAST = 10000,
};

/* ---- files ---- */

static void on_problem(void *ctx, const struct config_problem *p)
{
	doctor_tell(ctx, DOCTOR_ERROR, "files",
		    "`yubin init`, run again by root, makes what is missing",
		    "%s", p->text);
}

/* An update may have brought a role that has no user yet. */
static void look_at_users(struct doctor *d)
{
	char name[CONFIG_TEXT_MAX + ROLE_SUFFIX_MAX];
	struct process_user user;

	for (uint32_t i = 0; i < ROLE_COUNT; i++) {
		const char *suffix = role_user_suffix((enum role)i);

		if (suffix == NULL ||
		    (i == ROLE_LOOKUP && !config_needs_lookup(d->config)))
			continue;
		(void)snprintf(name, sizeof name, "%s%s", d->config->user,
			       suffix);
		if (process_user_find(name, &user) == YB_OK)
			continue;
		doctor_tell(d,
			    role_owns_files((enum role)i) ? DOCTOR_ERROR
							  : DOCTOR_WARNING,
			    "files", "`yubin init`, run by root, makes it",
			    "there is no user %s for the process %s%s", name,
			    role_name((enum role)i),
			    role_owns_files((enum role)i)
				    ? ""
				    : ", which runs as " ROLE_NOBODY);
	}
}

/* Whoever runs a server without root has none of its users. */
static bool has_users(const struct config *c)
{
	struct stat st;

	return geteuid() == 0 ||
	       (stat(c->store_path, &st) == 0 && st.st_uid != geteuid());
}

void doctor_files(struct doctor *d)
{
	const struct config *c = d->config;
	unsigned before = d->counts[DOCTOR_ERROR];

	if (has_users(c))
		look_at_users(d);
	if (config_needs_tls(c) && access(c->private_key, R_OK) < 0 &&
	    errno == EACCES) {
		doctor_tell(d, DOCTOR_SKIPPED, "files",
			    "run it as root, or as whoever runs the server",
			    "owners and permissions: only who may read the "
			    "private key can tell");
		return;
	}
	if (config_check_files(c, on_problem, d) == YB_OK &&
	    d->counts[DOCTOR_ERROR] == before)
		doctor_tell(d, DOCTOR_FINE, "files", NULL,
			    "folders, keys and their permissions are as they "
			    "should be");
}

/* ---- certificates ---- */

static void tell_time(struct doctor *d, const struct tls_pair_facts *facts)
{
	int64_t now = clock_real_ns() / 1000000000;
	char text[TLS_REASON_MAX];

	if (!tls_pair_tell_time(facts, now, text))
		doctor_tell(d, DOCTOR_FINE, "certificate", NULL,
			    "%s, good for another %lld days", facts->name,
			    (long long)((facts->until_s - now) / DAY_S));
	else
		doctor_tell(d,
			    now < facts->from_s || now >= facts->until_s
				    ? DOCTOR_ERROR
				    : DOCTOR_WARNING,
			    "certificate",
			    "put a new one in its place, then run `yubin "
			    "reload`",
			    "%s %s", facts->name, text);
}

static void look_at_chain(struct doctor *d, struct span chain, bool is_default,
			  const char *path)
{
	const char *host = d->config->hostname;
	struct tls_chain_facts facts;

	if (tls_chain_look(chain, host, &facts) != YB_OK) {
		doctor_tell(d, DOCTOR_ERROR, "certificate",
			    "the file has to be PEM, the server's own "
			    "certificate first",
			    "%s holds no certificate", path);
		return;
	}
	tell_time(d, &facts.first);
	/* Further ones are for other names. */
	if (is_default && !facts.made_out_to_host)
		doctor_tell(d, DOCTOR_ERROR, "certificate",
			    "get one for this name, or change `hostname`",
			    "%s is made out to %s, not to %s: mail programs "
			    "will warn their users",
			    path, facts.first.name, host);
	if (facts.known_here)
		doctor_tell(d, DOCTOR_FINE, "certificate", NULL,
			    "this system knows its authority (%zu "
			    "certificate%s in the chain)",
			    facts.certificates,
			    facts.certificates == 1 ? "" : "s");
	else if (strcmp(host, "localhost") == 0)
		doctor_tell(d, DOCTOR_FINE, "certificate", NULL,
			    "its authority is the one that `yubin init` made: "
			    "enough for localhost");
	else
		doctor_tell(d, DOCTOR_WARNING, "certificate",
			    "name a public certificate and its key under "
			    "`tls:`; or give ca.pem, beside it, to each client",
			    "this system does not know its authority, and "
			    "neither will mail programs");
}

static void look_at_pair(struct doctor *d, size_t i, struct span chain)
{
	const char *path = config_pair_key(d->config, i);
	struct tls_pair_facts facts;
	char reason[TLS_REASON_MAX];
	struct buf key;
	enum yb_err err;

	buf_init(&key, CERTIFICATE_PEM_MAX);
	err = file_read(path, &key);
	if (err != YB_OK)
		doctor_tell(d, err == YB_ACCESS ? DOCTOR_SKIPPED : DOCTOR_ERROR,
			    "certificate",
			    err == YB_ACCESS
				    ? "run it as root"
				    : "bring the key back, or make both anew "
				      "with `yubin init`",
			    "its key %s: %s", path, err_text(err));
	else if (tls_pair_check(chain, buf_span(&key), reason, &facts) != YB_OK)
		doctor_tell(d, DOCTOR_ERROR, "certificate",
			    "put certificate, chain and key of one issue there",
			    "%s with %s: %s",
			    config_pair_certificate(d->config, i), path,
			    reason);
	else
		doctor_tell(d, DOCTOR_FINE, "certificate", NULL,
			    "its key belongs to it, and its chain is in order");
	buf_wipe(&key);
	buf_done(&key);
}

void doctor_certificates(struct doctor *d)
{
	if (!config_needs_tls(d->config)) {
		doctor_tell(d, DOCTOR_SKIPPED, "certificate", NULL,
			    "no listener speaks TLS");
		return;
	}
	for (size_t i = 0; i < config_pairs(d->config); i++) {
		const char *path = config_pair_certificate(d->config, i);
		struct buf chain;
		enum yb_err err;

		buf_init(&chain, CERTIFICATE_PEM_MAX);
		err = file_read(path, &chain);
		if (err == YB_OK) {
			look_at_chain(d, buf_span(&chain), i == 0, path);
			look_at_pair(d, i, buf_span(&chain));
		} else {
			doctor_tell(d, DOCTOR_ERROR, "certificate",
				    "`yubin init` makes one where there is "
				    "none",
				    "%s: %s", path, err_text(err));
		}
		buf_done(&chain);
	}
}

/* ---- the clock ---- */

/* The latest that this server has written. */
static int64_t last_written(const struct config *c)
{
	const char *const paths[] = { c->store_path, c->directory_path,
				      c->run_path, c->log_path };
	int64_t last = 0;
	struct stat st;

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		if (paths[i][0] != 0 && stat(paths[i], &st) == 0 &&
		    st.st_mtime > last)
			last = st.st_mtime;
	return last;
}

void doctor_clock(struct doctor *d)
{
	int64_t now = clock_real_ns() / 1000000000;
	int64_t ahead = last_written(d->config) - now;
	struct timex kernel = { .modes = 0 };
	int state = adjtimex(&kernel);

	if (now < CLOCK_LEAST_S || ahead > CLOCK_SLACK_S) {
		doctor_tell(d, DOCTOR_ERROR, "clock",
			    "set it, and run a time service such as chrony",
			    now < CLOCK_LEAST_S
				    ? "it shows a day before this program was "
				      "written"
				    : "files of this server were written in "
				      "what it takes for the future");
		return;
	}
	if (state < 0)
		doctor_tell(d, DOCTOR_SKIPPED, "clock", NULL,
			    "the kernel does not say whether it is kept right");
	else if ((kernel.status & STA_UNSYNC) != 0)
		doctor_tell(d, DOCTOR_WARNING, "clock",
			    "run a time service: chrony, systemd-timesyncd",
			    "nobody keeps it right: dates of mail, codes that "
			    "expire and certificates depend on it");
	else if (kernel.esterror > CLOCK_ERROR_US)
		doctor_tell(d, DOCTOR_WARNING, "clock",
			    "look at `chronyc tracking` or `timedatectl`",
			    "it may be wrong by %.1f s",
			    (double)kernel.esterror / 1e6);
	else
		doctor_tell(d, DOCTOR_FINE, "clock", NULL,
			    "it is kept right, to %.1f ms",
			    (double)kernel.esterror / 1e3);
}

/* ---- the disk ---- */

static void tell_space(struct doctor *d, const char *path)
{
	struct statvfs disk;
	char free_space[SAY_TEXT_MAX], size[SAY_TEXT_MAX];
	uint64_t left, all;

	if (statvfs(path, &disk) < 0) {
		doctor_tell(d, DOCTOR_SKIPPED, "disk", NULL, "%s: %s", path,
			    strerror(errno));
		return;
	}
	left = (uint64_t)disk.f_bavail * disk.f_frsize;
	all = (uint64_t)disk.f_blocks * disk.f_frsize;
	say_octets(free_space, left);
	say_octets(size, all);
	if ((disk.f_flag & ST_RDONLY) != 0)
		doctor_tell(d, DOCTOR_ERROR, "disk",
			    "see the kernel's log (dmesg) for why, repair, "
			    "mount it anew",
			    "%s is mounted read-only: mail is refused", path);
	if (left < FREE_LEAST_MESSAGES * d->config->message_size_max)
		doctor_tell(d, DOCTOR_ERROR, "disk",
			    "make room, or give the store a larger disk",
			    "only %s of %s is free under %s", free_space, size,
			    path);
	else if (left < all / 100 * FREE_LOW_PERCENT)
		doctor_tell(d, DOCTOR_WARNING, "disk",
			    "make room before mail is refused",
			    "less than a tenth, %s of %s, is free under %s",
			    free_space, size, path);
	else
		doctor_tell(d, DOCTOR_FINE, "disk", NULL,
			    "%s of %s is free under %s", free_space, size,
			    path);
	if (disk.f_files > 0 && disk.f_favail < INODES_LEAST)
		doctor_tell(d, DOCTOR_WARNING, "disk",
			    "a file system with more inodes, or fewer files",
			    "only %llu more files can be made under %s",
			    (unsigned long long)disk.f_favail, path);
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The middle one of a few syncs, as a delivery makes them; 0: no luck. */
static uint64_t sync_us(int fd)
{
	static const uint8_t block[4096];
	uint64_t took[SYNCS];

	for (int i = 0; i < SYNCS; i++) {
		uint64_t began = clock_mono_ns();

		if (pwrite(fd, block, sizeof block,
			   (off_t)(i * (int)sizeof block)) !=
			    (ssize_t)sizeof block ||
		    fdatasync(fd) < 0)
			return 0;
		took[i] = (clock_mono_ns() - began) / 1000;
	}
	qsort(took, SYNCS, sizeof took[0], by_size);
	return took[SYNCS / 2] + 1;
}

static void tell_sync(struct doctor *d, const char *path)
{
	/* Without a name: nothing is left of it, whatever happens. */
	AUTO_FD fd = open(path, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	uint64_t us;

	if (fd < 0) {
		doctor_tell(d, DOCTOR_SKIPPED, "disk",
			    errno == EACCES ? "run it as root" : NULL,
			    "how long a sync takes: %s", strerror(errno));
		return;
	}
	us = sync_us(fd);
	if (us == 0)
		doctor_tell(d, DOCTOR_ERROR, "disk",
			    errno == ENOSPC ? "make room, see above"
					    : "see the kernel's log (dmesg)",
			    "a file under %s cannot be written and synced: %s",
			    path, strerror(errno));
	else if (us > SYNC_SLOW_US)
		doctor_tell(d, us > SYNC_ILL_US ? DOCTOR_ERROR : DOCTOR_WARNING,
			    "disk",
			    "each delivery waits for one: look at the disk's "
			    "health (smartctl), at what else writes there, or "
			    "take a faster one",
			    "a sync takes %.0f ms", (double)us / 1000);
	else
		doctor_tell(d, DOCTOR_FINE, "disk", NULL,
			    "a sync takes %.1f ms", (double)us / 1000);
}

void doctor_disk(struct doctor *d)
{
	tell_space(d, d->config->store_path);
	tell_sync(d, d->config->store_path);
}
