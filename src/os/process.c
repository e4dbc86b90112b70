#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/fd.h"

extern char **environ;

enum {
	/* Descriptors named are first moved above all numbers they may get. */
	PARKING = 64,
	/* The exit code of shells for "could not be executed". */
	NOT_EXECUTED = 127,
	/* What select() can hold, and every program expects; the server's own
	 * number makes those slow that walk over all. */
	FDS_OF_OTHERS = 1024,
};

enum yb_err process_user_find(const char *name, struct process_user *ret)
{
	struct passwd *pw = getpwnam(name);

	if (pw == NULL)
		return YB_NOT_FOUND;
	*ret = (struct process_user){ true, pw->pw_uid, pw->pw_gid };
	return YB_OK;
}

static const struct __user_cap_header_struct caps_head = {
	.version = _LINUX_CAPABILITY_VERSION_3
};

static bool caps_get(struct __user_cap_data_struct ret[2])
{
	struct __user_cap_header_struct head = caps_head;

	return syscall(SYS_capget, &head, ret) == 0;
}

static bool caps_set(const struct __user_cap_data_struct caps[2])
{
	struct __user_cap_header_struct head = caps_head;

	return syscall(SYS_capset, &head, caps) == 0;
}

bool process_may_become_others(void)
{
	struct __user_cap_data_struct data[2];

	if (geteuid() == 0)
		return true;
	return caps_get(data) && (data[0].effective & 1u << CAP_SETUID) != 0 &&
	       (data[0].effective & 1u << CAP_SETGID) != 0;
}

/*
 * The kernel takes them from root that becomes somebody else; somebody who had
 * them without being root would keep them, over execve, too. The right to a
 * root folder of its own is kept over execve, if it is here and wanted.
 */
static bool drop_capabilities(bool keep_root_folder)
{
	const uint32_t kept = 1u << CAP_SYS_CHROOT;
	struct __user_cap_data_struct caps[2], none[2] = { { 0 } };

	if (geteuid() == 0)
		return true;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (!keep_root_folder || !caps_get(caps) ||
	    (caps[0].permitted & kept) == 0)
		return caps_set(none);
	none[0].effective = none[0].permitted = none[0].inheritable = kept;
	return caps_set(none) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE,
				       CAP_SYS_CHROOT, 0, 0) == 0;
}

/* Between fork and exec: only calls that are safe there. */
static bool become(const struct process_start *start)
{
	const struct process_user *user = &start->user;
	bool keep = start->folder > 0;

	if (!user->set)
		return start->keep_rights || drop_capabilities(keep);
	return prctl(PR_SET_KEEPCAPS, keep ? 1 : 0, 0, 0, 0) == 0 &&
	       setgroups(0, NULL) == 0 &&
	       setresgid(user->gid, user->gid, user->gid) == 0 &&
	       setresuid(user->uid, user->uid, user->uid) == 0 &&
	       drop_capabilities(keep);
}

static bool arrange_fds(const struct process_start *start)
{
	int parked[PARKING];
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || start->fds_n > PARKING)
		return false;
	for (size_t i = 0; i < start->fds_n; i++) {
		parked[i] = fcntl(start->fds[i], F_DUPFD_CLOEXEC, PARKING);
		if (parked[i] < 0)
			return false;
	}
	if (dup2(start->input_fd > 0 ? start->input_fd : null, STDIN_FILENO) <
		    0 ||
	    dup2(start->output_fd > 0 ? start->output_fd : null,
		 STDOUT_FILENO) < 0)
		return false;
	if (start->error_fd > 0 && dup2(start->error_fd, STDERR_FILENO) < 0)
		return false;
	for (size_t i = 0; i < start->fds_n; i++)
		if (dup2(parked[i], PROCESS_FIRST_FD + (int)i) < 0)
			return false;
	return close_range(PROCESS_FIRST_FD + (unsigned)start->fds_n, ~0u,
			   CLOSE_RANGE_CLOEXEC) == 0;
}

static bool set_apart(void)
{
	struct rlimit files = { FDS_OF_OTHERS, FDS_OF_OTHERS }, memory;

	/* What we need to live is no measure for them. */
	if (getrlimit(RLIMIT_AS, &memory) < 0)
		return false;
	memory.rlim_cur = memory.rlim_max;
	return setrlimit(RLIMIT_AS, &memory) == 0 && setpgid(0, 0) == 0 &&
	       chdir("/") == 0 && setrlimit(RLIMIT_NOFILE, &files) == 0;
}

__attribute__((noreturn)) static void
run_child(const struct process_start *start, pid_t parent)
{
	const char *program =
		start->program != NULL ? start->program : "/proc/self/exe";
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;

	(void)sigemptyset(&none);
	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &plain, NULL); /* KILL and STOP refuse */
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if ((start->folder <= 0 || fchdir(start->folder) == 0) &&
	    arrange_fds(start) && become(start) &&
	    (start->apart == NULL || set_apart()) &&
	    prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
		(void)execve(program, (char **)(uintptr_t)start->argv,
			     start->apart == NULL
				     ? environ
				     : (char **)(uintptr_t)start->apart);
	_exit(NOT_EXECUTED);
}

enum yb_err process_start(const struct process_start *start, pid_t *ret_pid)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return err_from_errno(errno);
	if (pid == 0)
		run_child(start, parent);
	*ret_pid = pid;
	return YB_OK;
}

enum yb_err process_nowhere(int *ret_fd)
{
	static const char *const places[] = { "/run", "/tmp", "/dev/shm" };
	enum yb_err err = YB_NOT_FOUND;

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		char path[32];
		AUTO_FD fd = -1;

		(void)snprintf(path, sizeof path, "%s/yubin-XXXXXX", places[i]);
		if (mkdtemp(path) == NULL) {
			err = err_from_errno(errno);
			continue;
		}
		fd = open(path,
			  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		/* Everybody may stand in it. */
		if (fd >= 0 && fchmod(fd, 0555) == 0 && rmdir(path) == 0) {
			*ret_fd = fd_steal(&fd);
			return YB_OK;
		}
		err = err_from_errno(errno);
		(void)rmdir(path);
	}
	return err;
}

void process_harden(void)
{
	struct rlimit none = { 0, 0 };

	/* None of these can fail for a process of our own. */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

void process_be_patient(void)
{
	struct sched_param none = { 0 };

	/* Where a filter forbids it, all is as it was. */
	if (sched_getscheduler(0) == SCHED_OTHER)
		(void)sched_setscheduler(0, SCHED_BATCH, &none);
}

void process_drop_rights(void)
{
	const uint32_t kept = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE |
			      1u << CAP_DAC_READ_SEARCH | 1u << CAP_FOWNER |
			      1u << CAP_KILL | 1u << CAP_SETGID |
			      1u << CAP_SETUID | 1u << CAP_SETPCAP |
			      1u << CAP_NET_BIND_SERVICE |
			      1u << CAP_SYS_CHROOT | 1u << CAP_SYS_RESOURCE;
	struct __user_cap_data_struct caps[2];

	if (!caps_get(caps))
		return;
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (cap >= 32 || (kept & 1u << cap) == 0)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	caps[0].effective &= kept;
	caps[0].permitted &= kept;
	caps[0].inheritable &= kept;
	caps[1] = (struct __user_cap_data_struct){ 0 };
	(void)caps_set(caps);
}

void process_set_title(const char *name)
{
	(void)prctl(PR_SET_NAME, name);
}
