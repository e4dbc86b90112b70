/*
 * What the configuration names, as it is on the disk.
 */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "config/problem.h"
#include "os/process.h"

static const struct place whole = { 0, 0 };

static bool look(struct problems *ps, const char *key, const char *path,
		 struct stat *ret)
{
	if (stat(path, ret) == 0)
		return true;
	problem_add(ps, whole, "%s: cannot look at %s: %s%s", key, path,
		    strerror(errno),
		    errno == ENOENT ? "; `yubin init` makes what is missing"
				    : "");
	return false;
}

/* Mail and credentials are nobody else's to read. */
/* Started by root, each process becomes a user of its own. */
static void check_owner(struct problems *ps, const char *key, const char *path,
			const struct stat *st, const char *user)
{
	struct process_user owner;

	if (!process_may_become_others() ||
	    process_user_find(user, &owner) != YB_OK || st->st_uid == owner.uid)
		return;
	problem_add(ps, whole,
		    "%s: %s does not belong to %s; run: chown -R %s: %s", key,
		    path, user, user, path);
}

static void check_private_folder(struct problems *ps, const char *key,
				 const char *path, const char *user)
{
	struct stat st;

	if (!look(ps, key, path, &st))
		return;
	if (!S_ISDIR(st.st_mode))
		problem_add(ps, whole, "%s: %s is not a folder", key, path);
	else if ((st.st_mode & 077) != 0)
		problem_add(ps, whole,
			    "%s: %s is open to other users (mode %03o); run: "
			    "chmod 700 %s",
			    key, path, st.st_mode & 0777u, path);
	else
		check_owner(ps, key, path, &st, user);
}

static void check_directory(struct problems *ps, const struct config *c)
{
	const char *path = c->directory_path;
	char user[CONFIG_TEXT_MAX + 8];
	char folder[CONFIG_PATH_LEN];
	char *slash;
	struct stat st;

	memcpy(folder, path, sizeof folder);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		return;
	*slash = 0;
	(void)snprintf(user, sizeof user, "%s-auth", c->user);
	check_private_folder(ps, "directory", folder, user);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		problem_add(ps, whole, "directory: %s is not a file", path);
}

static void check_readable(struct problems *ps, const char *key,
			   const char *path, struct stat *ret)
{
	if (!look(ps, key, path, ret))
		return;
	if (!S_ISREG(ret->st_mode))
		problem_add(ps, whole, "%s: %s is not a file", key, path);
	else if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0)
		problem_add(ps, whole, "%s: cannot read %s: %s%s", key, path,
			    strerror(errno),
			    errno == EACCES ? "; run it as root" : "");
}

/* What is for the server alone. */
static void check_secret(struct problems *ps, const char *key, const char *path)
{
	struct stat st = { 0 };

	check_readable(ps, key, path, &st);
	if (S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
		problem_add(ps, whole,
			    "%s: %s is open to other users (mode %03o); "
			    "run: chmod 600 %s",
			    key, path, st.st_mode & 0777u, path);
}

static void check_pair(struct problems *ps, const char *certificate,
		       const char *key)
{
	struct stat st = { 0 };

	check_readable(ps, "tls.certificate", certificate, &st);
	check_secret(ps, "tls.key", key);
}

/* Who signs certificates is no secret. */
static void check_oauth(struct problems *ps, const struct config *c)
{
	struct stat st = { 0 };

	if (*c->oauth_ca != 0)
		check_readable(ps, "oauth.ca", c->oauth_ca, &st);
	if (*c->oauth_client_secret_file != 0)
		check_secret(ps, "oauth.client_secret_file",
			     c->oauth_client_secret_file);
}

/*
 * Who may write a program that the server runs, does what it may. Its owner is
 * root, or whoever runs the server.
 */
static void check_program(struct problems *ps, const char *key,
			  const char *path)
{
	struct stat st;

	if (!look(ps, key, path, &st))
		return;
	if (!S_ISREG(st.st_mode))
		problem_add(ps, whole, "%s: %s is not a file", key, path);
	else if ((st.st_mode & 022) != 0)
		problem_add(ps, whole,
			    "%s: %s can be changed by other users (mode "
			    "%03o); run: chmod 755 %s",
			    key, path, st.st_mode & 0777u, path);
	else if (st.st_uid != 0 && st.st_uid != geteuid())
		problem_add(ps, whole,
			    "%s: %s belongs to another user, who could change "
			    "it; run: chown root: %s",
			    key, path, path);
	else if ((st.st_mode & 0111) == 0)
		problem_add(ps, whole,
			    "%s: %s is no program that can be run; run: "
			    "chmod 755 %s",
			    key, path, path);
}

/* Who writes it decides what root's server reads and where it writes. */
static void check_own_file(struct problems *ps, const struct config *c)
{
	mode_t foreign = process_may_become_others() ? 022 : 002;
	struct stat st;

	if (!look(ps, "configuration", c->file, &st))
		return;
	if ((st.st_mode & foreign) != 0)
		problem_add(ps, whole,
			    "%s can be changed by other users (mode %03o); "
			    "run: chmod 644 %s",
			    c->file, st.st_mode & 0777u, c->file);
}

enum yb_err config_check_files(const struct config *config,
			       config_problem_fn *problem, void *ctx)
{
	AUTO_FREE struct problems *ps = calloc(1, sizeof *ps);
	const char *path, *key;
	struct stat st;

	if (ps == NULL)
		return YB_NOMEM;
	check_own_file(ps, config);
	check_private_folder(ps, "store", config->store_path, config->user);
	check_directory(ps, config);
	for (size_t i = 0; i < config_pairs(config); i++)
		check_pair(ps, config_pair_certificate(config, i),
			   config_pair_key(config, i));
	if (config->client_ca[0] != 0 && config_needs_tls(config))
		check_readable(ps, "tls.client_ca", config->client_ca, &st);
	for (size_t i = 0; (path = config_program(config, i, &key)) != NULL;
	     i++)
		check_program(ps, key, path);
	check_oauth(ps, config);
	problems_tell(ps, problem, ctx);
	return ps->n > 0 ? YB_INVALID : YB_OK;
}
