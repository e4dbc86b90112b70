#include "cli/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/say.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "server/role.h"
#include "tls/certificate.h"

enum { USER_NAME_MAX = CONFIG_TEXT_MAX + 16 };

/* ---- users ---- */

static bool run_useradd(const char *name)
{
	static const char program[] = "/usr/sbin/useradd";
	const char *argv[] = { program,        "--system",
			       "--user-group", "--no-create-home",
			       "--home-dir",   "/nonexistent",
			       "--shell",      "/usr/sbin/nologin",
			       name,           NULL };
	char *const envp[] = { NULL };
	pid_t pid;
	int status = -1;
	int err = posix_spawn(&pid, program, NULL, NULL,
			      (char *const *)(uintptr_t)argv, envp);

	if (err != 0) {
		say_error("cannot run %s: %s; make the system user %s by hand",
			  program, strerror(err), name);
		return false;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	say_error("%s could not make the system user %s", program, name);
	return false;
}

static bool need_user(const struct config *c, const char *suffix,
		      struct process_user *ret)
{
	char name[USER_NAME_MAX];

	(void)snprintf(name, sizeof name, "%s%s", c->user, suffix);
	if (process_user_find(name, ret) == YB_OK)
		return true;
	if (!run_useradd(name))
		return false;
	if (process_user_find(name, ret) != YB_OK) {
		say_error("the system user %s was made and cannot be found",
			  name);
		return false;
	}
	(void)printf("made user   %s\n", name);
	return true;
}

/*
 * useradd looks for the name before it takes its own lock: of two that make
 * the same user, the second gives it another number, and what the first was
 * made for belongs to nobody. The file is lckpwdf()'s, which only root may
 * open; useradd's lock is of another kind and does not see this one.
 */
static int lock_users(void)
{
	int fd = open("/etc/.pwd.lock",
		      O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX) < 0)
		fd_close(&fd);
	return fd;
}

bool layout_users(struct layout *l)
{
	struct process_user users[ROLE_COUNT], supervisor;
	AUTO_FD lock = l->root ? lock_users() : -1;
	bool good = true;

	if (!l->root)
		return true;
	for (uint32_t i = 0; good && i < ROLE_COUNT; i++) {
		const char *suffix = role_user_suffix((enum role)i);

		good = suffix == NULL ||
		       need_user(l->config, suffix, &users[i]);
	}
	good = good && need_user(l->config, "-supervisor", &supervisor);
	fd_close(&lock);
	if (!good)
		return false;
	l->store = users[ROLE_STORE];
	l->auth = users[ROLE_AUTH];
	return true;
}

/* ---- folders ---- */

bool layout_is_reachable(const struct layout *l, const char *path)
{
	char above[PATH_MAX];
	struct stat st;

	if (!l->root)
		return true;
	for (size_t i = 1; path[i] != 0 && i < sizeof above; i++) {
		if (path[i] != '/')
			continue;
		memcpy(above, path, i);
		above[i] = 0;
		if (stat(above, &st) < 0)
			return true; /* it will be made */
		if ((st.st_mode & S_IXOTH) != 0)
			continue;
		say_error("%s (mode %03o) lets no other users pass, and the "
			  "server's processes have users of their own; choose "
			  "another place, or run: chmod o+x %s",
			  above, st.st_mode & 0777u, above);
		return false;
	}
	return true;
}

static bool tell_folder(const char *path, int number)
{
	say_error("cannot make %s: %s%s", path, strerror(number),
		  number == EACCES || number == EPERM
			  ? "; run it as root, or name a folder of yours: "
			    "yubin init DIR"
			  : "");
	return false;
}

bool layout_folder(const char *path)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof part)
		return tell_folder(path, ENAMETOOLONG);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != 0)
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (mkdir(part, 0755) == 0) {
			/* The umask of the caller may have closed it. */
			if (chmod(part, 0755) < 0)
				return tell_folder(part, errno);
			(void)printf("made        %s\n", part);
		} else if (errno != EEXIST) {
			return tell_folder(part, errno);
		}
	}
	return true;
}

static bool is_empty(int folder)
{
	int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;
	size_t n = 0;

	if (dir == NULL) {
		fd_close(&copy);
		return false;
	}
	while ((entry = readdir(dir)) != NULL)
		n += strcmp(entry->d_name, ".") != 0 &&
		     strcmp(entry->d_name, "..") != 0;
	(void)closedir(dir);
	return n == 0;
}

struct folder {
	const char *path;
	mode_t mode;
	bool set; /* owner and group are meant */
	uid_t uid;
	gid_t gid;
};

/*
 * Gives the folder to its user. One that already holds files of another user
 * is left as it is: what is inside would still be the other's.
 */
static bool give(const struct folder *f)
{
	AUTO_FD fd =
		open(f->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return tell_folder(f->path, errno);
	if (f->set && (st.st_uid != f->uid || st.st_gid != f->gid)) {
		if (st.st_uid != f->uid && st.st_uid != 0 && !is_empty(fd)) {
			say_error("%s holds files of user %u; give it to "
				  "another one yourself: chown -R %u:%u %s",
				  f->path, (unsigned)st.st_uid,
				  (unsigned)f->uid, (unsigned)f->gid, f->path);
			return false;
		}
		if (fchown(fd, f->uid, f->gid) < 0)
			return tell_folder(f->path, errno);
	}
	if ((st.st_mode & 07777) != f->mode && fchmod(fd, f->mode) < 0)
		return tell_folder(f->path, errno);
	return true;
}

static bool folder_of(const char *file, char ret[CONFIG_PATH_LEN])
{
	const char *slash = strrchr(file, '/');

	return slash != NULL &&
	       span_to_str(span_of(file, (size_t)(slash - file)), ret,
			   CONFIG_PATH_LEN);
}

bool layout_folders(struct layout *l)
{
	const struct config *c = l->config;
	char auth[CONFIG_PATH_LEN] = "";
	char certificate[CONFIG_PATH_LEN] = "", key[CONFIG_PATH_LEN] = "";
	const struct folder folders[] = {
		{ c->store_path, 0700, l->root, l->store.uid, l->store.gid },
		{ auth, 0700, l->root, l->auth.uid, l->auth.gid },
		/* Sockets made in it get the group by the folder's setgid. */
		{ c->run_path, l->root ? 02755 : 0755, l->root, 0,
		  l->store.gid },
	};

	if (!folder_of(c->directory_path, auth) ||
	    !folder_of(c->certificate, certificate) ||
	    !folder_of(c->private_key, key))
		return tell_folder(c->directory_path, ENAMETOOLONG);
	/* A folder that is shared with others must not become one's own. */
	if (strcmp(auth, c->base) == 0) {
		say_error("directory: %s has to be in a folder of its own, "
			  "such as auth/directory.db",
			  c->directory_path);
		return false;
	}
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		if (!layout_is_reachable(l, folders[i].path) ||
		    !layout_folder(folders[i].path) || !give(&folders[i]))
			return false;
	return !config_needs_tls(c) ||
	       (layout_folder(certificate) && layout_folder(key));
}

/* ---- files ---- */

bool layout_write(const char *path, struct span text, unsigned mode)
{
	enum yb_err err = file_replace(path, text, (mode_t)mode);

	if (err == YB_OK) {
		(void)printf("made        %s\n", path);
		return true;
	}
	say_error("cannot write %s: %s", path, err_text(err));
	return false;
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* Half a pair is somebody's work in progress: nothing is written over it. */
static bool is_half(const char *certificate, const char *key)
{
	if (exists(certificate) == exists(key))
		return false;
	say_error("%s exists and %s does not; remove it, or bring the other "
		  "one back",
		  exists(key) ? key : certificate,
		  exists(key) ? certificate : key);
	return true;
}

struct pair {
	struct buf certificate, key;
};

static void pair_init(struct pair *p)
{
	buf_init(&p->certificate, CERTIFICATE_PEM_MAX);
	buf_init(&p->key, CERTIFICATE_PEM_MAX);
}

static void pair_done(struct pair *p)
{
	buf_wipe(&p->key);
	buf_done(&p->key);
	buf_done(&p->certificate);
}

/* The key first: a certificate without it would be of no use. */
static bool pair_write(const struct pair *p, const char *certificate,
		       const char *key)
{
	return layout_write(key, buf_span(&p->key), 0600) &&
	       layout_write(certificate, buf_span(&p->certificate), 0644);
}

static bool get_ca(const struct certificate_request *request,
		   const char *certificate, const char *key, struct pair *ret)
{
	enum yb_err err;

	if (is_half(certificate, key))
		return false;
	if (exists(key)) {
		err = file_read(certificate, &ret->certificate);
		if (err == YB_OK)
			err = file_read(key, &ret->key);
		if (err != YB_OK)
			say_error("cannot read %s and %s: %s", certificate, key,
				  err_text(err));
		return err == YB_OK;
	}
	err = certificate_make_ca(request, &ret->certificate, &ret->key);
	if (err == YB_OK)
		return pair_write(ret, certificate, key);
	say_error("cannot make a certificate authority for %s: %s",
		  request->hostname, err_text(err));
	return false;
}

static bool make_server(const struct layout *l,
			const struct certificate_request *request,
			const struct pair *ca)
{
	struct pair server;
	enum yb_err err;
	bool ok;

	pair_init(&server);
	err = certificate_make_server(request, buf_span(&ca->certificate),
				      buf_span(&ca->key), &server.certificate,
				      &server.key);
	ok = err == YB_OK && pair_write(&server, l->config->certificate,
					l->config->private_key);
	if (err != YB_OK)
		say_error("cannot make a certificate for %s: %s",
			  request->hostname, err_text(err));
	pair_done(&server);
	return ok;
}

/* The authority's files lie beside the server's certificate. */
bool layout_certificates(struct layout *l)
{
	const struct config *c = l->config;
	const struct certificate_request request = {
		.hostname = c->hostname,
		.loopback = l->loopback,
		.now_s = clock_real_ns() / 1000000000,
	};
	char folder[CONFIG_PATH_LEN];
	char certificate[CONFIG_PATH_LEN + 16], key[CONFIG_PATH_LEN + 16];
	struct pair ca;
	bool ok;

	if (!config_needs_tls(c) || is_half(c->certificate, c->private_key))
		return !config_needs_tls(c);
	if (exists(c->private_key) || !folder_of(c->certificate, folder))
		return true; /* perhaps real ones: none of our business */
	(void)snprintf(certificate, sizeof certificate, "%s/ca.pem", folder);
	(void)snprintf(key, sizeof key, "%s/ca.key", folder);
	pair_init(&ca);
	ok = get_ca(&request, certificate, key, &ca) &&
	     make_server(l, &request, &ca);
	pair_done(&ca);
	return ok;
}
