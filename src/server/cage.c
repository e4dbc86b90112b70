#include "server/cage.h"

/* What every process does: memory, time, its loop and its log. */
#define CALLS_COMMON                                                          \
	"read", "write", "readv", "writev", "close", "brk", "mmap", "munmap", \
		"mprotect", "mremap", "madvise", "futex", "epoll_wait",       \
		"epoll_pwait", "epoll_ctl", "clock_gettime",                  \
		"clock_nanosleep", "gettimeofday", "time", "nanosleep",       \
		"getrandom", "exit", "exit_group", "rt_sigreturn",            \
		"rt_sigprocmask", "rt_sigaction", "sendmsg", "recvmsg",       \
		"fcntl", "fstat", "newfstatat", "lseek", "restart_syscall",   \
		"rseq", "set_robust_list", "getpid", "gettid", "tgkill",      \
		"sched_yield", "memfd_create", "ftruncate"

#define CALLS_THREADS                                                  \
	"clone", "clone3", "sched_getaffinity", "prctl", "membarrier", \
		"eventfd2", "sched_setaffinity", "sigaltstack"

#define CALLS_FILES                                                            \
	"open", "openat", "openat2", "pread64", "pwrite64", "preadv",          \
		"pwritev", "preadv2", "pwritev2", "fsync", "fdatasync",        \
		"sync_file_range", "fallocate", "rename", "renameat",          \
		"renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "stat", \
		"lstat", "statx", "getdents64", "fadvise64", "flock",          \
		"access", "faccessat", "faccessat2", "statfs", "fstatfs",      \
		"readlink", "readlinkat", "copy_file_range", "linkat",         \
		"getuid", "geteuid", "getgid", "getegid", "getcwd", "fchmod",  \
		"fchown", "umask", "uname", "rmdir"

#define CALLS_NETWORK                                                        \
	"accept4", "getsockname", "getpeername", "setsockopt", "getsockopt", \
		"recvfrom", "sendto", "shutdown", "sendfile", "pread64",     \
		"preadv", "preadv2", "pwrite64", "dup", "ioctl"

static const char *const store_calls[] = { CALLS_COMMON, CALLS_THREADS,
					   CALLS_FILES, "accept4", NULL };

static const char *const auth_calls[] = { CALLS_COMMON, CALLS_THREADS,
					  CALLS_FILES, NULL };

/* It accepts, and reads and sends what it was handed; it opens nothing. */
static const char *const worker_calls[] = { CALLS_COMMON, CALLS_NETWORK, NULL };

/* It answers those who ask, with what is mapped already. */
static const char *const metrics_calls[] = { CALLS_COMMON, "accept4",
					     "recvfrom",   "sendto",
					     "shutdown",   "setsockopt",
					     NULL };

static const char *const config_calls[] = { CALLS_COMMON, "stat",   "lstat",
					    "access",     "openat", "uname",
					    NULL };

/* Whoever does one of these has been taken over. */
static const char *const kill_worker[] = { "execve",
					   "execveat",
					   "ptrace",
					   "socket",
					   "connect",
					   "bpf",
					   "open",
					   "openat",
					   "openat2",
					   "bind",
					   "fork",
					   "vfork",
					   "clone",
					   "clone3",
					   "process_vm_readv",
					   "process_vm_writev",
					   "io_uring_setup",
					   "mount",
					   "init_module",
					   "finit_module",
					   "kexec_load",
					   "keyctl",
					   "userfaultfd",
					   NULL };

static const char *const kill_keeper[] = { "execve",
					   "execveat",
					   "ptrace",
					   "socket",
					   "connect",
					   "bpf",
					   "bind",
					   "process_vm_readv",
					   "process_vm_writev",
					   "io_uring_setup",
					   "mount",
					   "init_module",
					   "finit_module",
					   "kexec_load",
					   "keyctl",
					   "userfaultfd",
					   NULL };

/* What no role of any version does, nor any program that one starts. */
#define KILLS_FOR_ALL                                                         \
	"ptrace", "process_vm_readv", "process_vm_writev", "bpf",             \
		"perf_event_open", "userfaultfd", "mount", "umount2",         \
		"move_mount", "open_tree", "fsopen", "fsmount",               \
		"mount_setattr", "pivot_root", "unshare", "setns",            \
		"init_module", "finit_module", "delete_module", "kexec_load", \
		"kexec_file_load", "reboot", "swapon", "swapoff", "acct",     \
		"quotactl", "open_by_handle_at", "add_key", "request_key",    \
		"keyctl", "iopl", "ioperm", "modify_ldt", "personality",      \
		"settimeofday", "clock_settime", "clock_adjtime", "adjtimex", \
		"sethostname", "setdomainname", "syslog", "vhangup",          \
		"io_uring_setup"

/*
 * It starts the others, binds ports, and becomes a newer program at a restart,
 * and a filter is inherited over execve: so this one says only what no role of
 * any version does. Each of the others then closes its own, narrower one.
 */
static const char *const kill_supervisor[] = { KILLS_FOR_ALL, NULL };

/*
 * The site's programs, which inherit it, may call much that nobody here has
 * heard of. They ask others, and nobody asks them.
 */
static const char *const kill_lookup[] = { KILLS_FOR_ALL, "listen", "accept",
					   "accept4", NULL };

static const struct sandbox_calls calls_of[ROLE_COUNT] = {
	[ROLE_SUPERVISOR] = { NULL, kill_supervisor },
	[ROLE_STORE] = { store_calls, kill_keeper },
	[ROLE_AUTH] = { auth_calls, kill_keeper },
	[ROLE_WORKER] = { worker_calls, kill_worker },
	[ROLE_METRICS] = { metrics_calls, kill_worker },
	[ROLE_LOOKUP] = { NULL, kill_lookup },
	[ROLE_CONFIG] = { config_calls, kill_keeper },
};

static enum yb_err filter(struct log *log, enum role role, bool strict)
{
	enum yb_err err = sandbox_seccomp(&calls_of[role], strict);

	if (err != YB_UNSUPPORTED)
		return err;
	log_message(log, LOG_WARN, "cage",
		    "this kernel has no seccomp filters: %s runs without one",
		    role_name(role));
	return YB_OK;
}

enum yb_err cage_close(struct process *p, const struct sandbox_path *paths,
		       size_t n)
{
	enum yb_err err = sandbox_landlock(paths, n);

	if (err == YB_UNSUPPORTED) {
		log_message(&p->log, LOG_WARN, "cage",
			    "this kernel has no Landlock: the files of %s are "
			    "guarded by their owner alone",
			    p->name);
		err = YB_OK;
	}
	if (err != YB_OK)
		return err;
	return filter(&p->log, p->role, p->strict);
}

enum yb_err cage_close_supervisor(struct log *log, bool strict)
{
	return filter(log, ROLE_SUPERVISOR, strict);
}
