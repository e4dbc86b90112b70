/*
 * What has to be there before anything starts. What is wrong goes to standard
 * error: there is no log yet.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"
#include "os/memfd.h"
#include "os/socket.h"
#include "server/supervisor_private.h"

enum {
	/* Anybody on this host may hand mail in, as with sendmail. */
	LMTP_SOCKET_MODE = 0666,
	/* Of a few dozen certificates that end soon. */
	NOTICES_MAX = 32 * 1024,
};

/* ---- configuration ---- */

/* While it is read at the start; notices wait for the log. */
struct first_reading {
	struct supervisor *s;
	struct buf notices;
	enum yb_err err;
};

static void tell_problem(void *ctx, bool notice,
			 const struct config_problem *problem)
{
	struct first_reading *r = ctx;

	if (notice) /* one that finds no room is found by `yubin check` */
		(void)buf_addf(&r->notices, "%s\n", problem->text);
	else if (problem->line > 0)
		(void)fprintf(stderr, "%s:%u:%u: %s\n", r->s->file,
			      problem->line, problem->column, problem->text);
	else
		/* What cannot be read names the file itself. */
		(void)fprintf(
			stderr, "yubin: %s%s%s\n",
			strstr(problem->text, r->s->file) != NULL ? ""
								  : r->s->file,
			strstr(problem->text, r->s->file) != NULL ? "" : ": ",
			problem->text);
}

static void on_read(void *ctx, enum yb_err err)
{
	struct first_reading *r = ctx;

	r->err = err;
	loop_stop(r->s->loop);
}

static int read_config(struct first_reading *r)
{
	struct supervisor *s = r->s;
	struct config_reader *reader = &s->reload.reader;

	reader->loop = s->loop;
	reader->problem = tell_problem;
	reader->done = on_read;
	reader->ctx = r;
	r->err = config_reader_begin(reader, s->file);
	if (r->err == YB_OK)
		loop_run(s->loop);
	if (r->err != YB_OK)
		return SERVER_EXIT_CONFIG;
	s->config = reader->config;
	s->config.number = 1;
	memcpy(s->marks.of, reader->marks, sizeof s->marks.of);
	if (memfd_make("yubin-config", span_of(&s->config, sizeof s->config),
		       &s->config_fd) == YB_OK)
		return SERVER_EXIT_OK;
	(void)fprintf(stderr, "yubin: out of memory\n");
	return SERVER_EXIT_FAILED;
}

enum yb_err supervisor_open_log(const struct config *config, int *ret_fd)
{
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
	int fd = config->log_path[0] == 0
			 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)
			 : open(config->log_path, flags, 0640);

	if (fd < 0)
		return err_from_errno(errno);
	*ret_fd = fd;
	return YB_OK;
}

static int open_log(struct supervisor *s)
{
	enum yb_err err = supervisor_open_log(&s->config, &s->log_fd);

	if (err == YB_OK) {
		log_init(&s->log, s->loop, "supervisor", s->log_fd);
		return SERVER_EXIT_OK;
	}
	(void)fprintf(stderr, "yubin: cannot open the log %s: %s\n",
		      s->config.log_path, err_text(err));
	return SERVER_EXIT_FAILED;
}

int supervisor_load(struct supervisor *s)
{
	struct first_reading r = { .s = s };
	struct span notices;
	int status;

	buf_init(&r.notices, NOTICES_MAX);
	status = read_config(&r);
	if (status == SERVER_EXIT_OK)
		status = open_log(s);
	notices = buf_span(&r.notices);
	while (status == SERVER_EXIT_OK && notices.n > 0) {
		struct span line = span_cut(&notices, '\n');

		log_message(&s->log, LOG_WARN, "config", "%.*s", (int)line.n,
			    (const char *)line.p);
	}
	buf_done(&r.notices);
	return status;
}

/* ---- users and folders ---- */

static void tell_no_user(struct supervisor *s, const char *name, enum role role)
{
	log_message(&s->log, LOG_WARN, "user",
		    "there is no user %s on this host: %s runs as %s until "
		    "`yubin init`, run by root, has made it",
		    name, role_name(role), ROLE_NOBODY);
}

bool supervisor_find_user(struct supervisor *s, enum role role, char *name)
{
	struct process_user *user = &s->children.users[role];

	(void)snprintf(name, CONFIG_TEXT_MAX + ROLE_SUFFIX_MAX, "%s%s",
		       s->config.user, role_user_suffix(role));
	if (process_user_find(name, user) == YB_OK)
		return true;
	if (!role_owns_files(role) &&
	    process_user_find(ROLE_NOBODY, user) == YB_OK) {
		tell_no_user(s, name, role);
		return true;
	}
	return false;
}

/*
 * Each role has a user of its own. One that owns no file can do without its
 * own: after an update that brings a new role the server has to run.
 */
static int find_users(struct supervisor *s)
{
	char name[CONFIG_TEXT_MAX + ROLE_SUFFIX_MAX];

	if (!process_may_become_others())
		return SERVER_EXIT_OK;
	for (uint32_t role = 0; role < ROLE_COUNT; role++) {
		if (role_user_suffix((enum role)role) == NULL ||
		    (role == ROLE_LOOKUP && !config_needs_lookup(&s->config)) ||
		    supervisor_find_user(s, (enum role)role, name))
			continue;
		(void)fprintf(stderr,
			      "yubin: there is no user %s on this host; run "
			      "`yubin init` as root\n",
			      name);
		return SERVER_EXIT_CONFIG;
	}
	return SERVER_EXIT_OK;
}

/* /run is empty after a reboot. Everybody may reach the LMTP socket in it. */
static int make_run_folder(struct supervisor *s)
{
	const struct process_user *user = &s->children.users[ROLE_STORE];
	const char *path = s->config.run_path;
	enum yb_err err = file_mkdir(path, 0755);

	if (err == YB_OK && user->set && chown(path, (uid_t)-1, user->gid) < 0)
		err = err_from_errno(errno);
	if (err == YB_OK)
		return SERVER_EXIT_OK;
	(void)fprintf(stderr, "yubin: cannot make the folder %s: %s\n", path,
		      err_text(err));
	return SERVER_EXIT_FAILED;
}

/* ---- listeners ---- */

/* Of the socket file at a path; 0 if there is none. */
static ino_t inode_of(const char *path)
{
	struct stat st;

	return path[0] == '/' && lstat(path, &st) == 0 ? st.st_ino : 0;
}

enum yb_err supervisor_bind(const struct config_listener *l, int *ret_fd,
			    ino_t *ret_inode)
{
	struct socket_address address;
	enum yb_err err = socket_address_parse(l->address, &address);

	if (err == YB_OK)
		err = socket_listen(&address, LMTP_SOCKET_MODE, ret_fd);
	if (err == YB_OK)
		*ret_inode = inode_of(l->address);
	return err;
}

/*
 * Sockets that nobody answers on any more only puzzle those who look. One
 * that another program has made at the same place since is not ours.
 */
void supervisor_remove_socket(const char *address, ino_t inode)
{
	if (inode != 0 && inode_of(address) == inode)
		(void)unlink(address); /* the next start does it too */
}

/* From systemd, or from the program that ran here before. */
static bool take_listener(struct supervisor *s, uint32_t i)
{
	const char *text = s->config.listeners[i].address;
	struct socket_address address;
	bool own = false;
	int fd;

	if (socket_address_parse(text, &address) != YB_OK)
		return false;
	fd = supervisor_find_inherited(s, SOCK_STREAM, &address, &own);
	if (fd < 0)
		return false;
	s->children.listeners[i] = fd;
	s->foreign[i] = !own;
	/* The file of systemd's socket is systemd's. */
	s->sockets[i] = own ? inode_of(text) : 0;
	return true;
}

static int bind_listener(struct supervisor *s, uint32_t i)
{
	const struct config_listener *l = &s->config.listeners[i];
	enum yb_err err =
		supervisor_bind(l, &s->children.listeners[i], &s->sockets[i]);

	if (err == YB_OK)
		return SERVER_EXIT_OK;
	(void)fprintf(stderr, "yubin: cannot listen on %s: %s%s\n", l->address,
		      err_text(err),
		      err == YB_ACCESS ? "; ports below 1024 need root"
		      : err == YB_BUSY ? "; `ss -lptn` shows which"
				       : "");
	return err == YB_BUSY ? SERVER_EXIT_BUSY : SERVER_EXIT_FAILED;
}

static int bind_listeners(struct supervisor *s)
{
	int status = SERVER_EXIT_OK;

	for (uint32_t i = 0; i < s->config.listeners_n; i++)
		(void)take_listener(s, i);
	supervisor_drop_inherited(s);
	for (uint32_t i = 0;
	     i < s->config.listeners_n && status == SERVER_EXIT_OK; i++)
		if (s->children.listeners[i] < 0)
			status = bind_listener(s, i);
	return status;
}

int supervisor_prepare(struct supervisor *s)
{
	int status = find_users(s);

	if (status == SERVER_EXIT_OK)
		status = make_run_folder(s);
	if (status == SERVER_EXIT_OK)
		status = supervisor_open_door(s);
	if (status == SERVER_EXIT_OK)
		status = bind_listeners(s);
	return status;
}
