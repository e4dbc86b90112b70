#include "server/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "os/fd.h"
#include "os/process.h"

/* What every process does: memory, time, its loop and its log. */
#define CALLS_COMMON                                                         \
	"read", "write", "readv", "writev", "close", "brk", "munmap",        \
		"mremap", "madvise", "futex", "epoll_wait", "epoll_pwait",   \
		"epoll_ctl", "clock_gettime", "clock_nanosleep",             \
		"gettimeofday", "time", "nanosleep", "getrandom", "exit",    \
		"exit_group", "rt_sigreturn", "rt_sigprocmask",              \
		"rt_sigaction", "sendmsg", "recvmsg", "fstat", "newfstatat", \
		"lseek", "restart_syscall", "rseq", "set_robust_list",       \
		"getpid", "gettid", "sched_yield", "memfd_create",           \
		"ftruncate", CALLS_HARMLESS

/*
 * What other versions of the C library and of OpenSSL may want to know: these
 * tell a process of itself only, and an update must not end the service.
 */
#define CALLS_HARMLESS                                                      \
	"getuid", "geteuid", "getgid", "getegid", "getppid", "getrusage",   \
		"times", "uname", "sysinfo", "getcpu", "sched_getaffinity", \
		"clock_getres", "poll", "ppoll", "epoll_pwait2", "dup"

#define CALLS_THREADS \
	"membarrier", "eventfd2", "sched_setaffinity", "sigaltstack"

#define CALLS_FILES                                                            \
	"open", "openat", "openat2", "pread64", "pwrite64", "preadv",          \
		"pwritev", "preadv2", "pwritev2", "fsync", "fdatasync",        \
		"sync_file_range", "fallocate", "rename", "renameat",          \
		"renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "stat", \
		"lstat", "statx", "getdents64", "fadvise64", "flock",          \
		"access", "faccessat", "faccessat2", "statfs", "fstatfs",      \
		"readlink", "readlinkat", "copy_file_range", "linkat",         \
		"getcwd", "fchmod", "fchown", "umask", "rmdir"

#define CALLS_NETWORK                                                        \
	"accept4", "getsockname", "getpeername", "setsockopt", "getsockopt", \
		"recvfrom", "sendto", "shutdown", "sendfile", "pread64",     \
		"preadv", "preadv2", "pwrite64"

/*
 * By their arguments: memory is never executable (nothing here makes code),
 * signals go to oneself (abort() does that), and a descriptor can neither be
 * made to signal somebody (F_SETOWN) nor be watched as a folder (F_NOTIFY).
 */
#define RULES_COMMON                                           \
	{ "mmap", 2, SANDBOX_HAS_NOT, PROT_EXEC },             \
		{ "mprotect", 2, SANDBOX_HAS_NOT, PROT_EXEC }, \
		{ "tgkill", 0, SANDBOX_IS_SELF, 0 },           \
		{ "prlimit64", 2, SANDBOX_IS, 0 },             \
		{ "fcntl", 1, SANDBOX_IS, F_DUPFD_CLOEXEC },   \
		{ "fcntl", 1, SANDBOX_IS, F_GETFD },           \
		{ "fcntl", 1, SANDBOX_IS, F_SETFD },           \
		{ "fcntl", 1, SANDBOX_IS, F_GETFL },           \
		{ "fcntl", 1, SANDBOX_IS, F_SETFL },           \
		{ "fcntl", 1, SANDBOX_IS, F_ADD_SEALS },       \
	{                                                      \
		"fcntl", 1, SANDBOX_IS, F_GET_SEALS            \
	}

/* A thread, not a process; clone3() hides its flags, so it is not there. */
#define RULES_THREADS                                         \
	{ "clone", 0, SANDBOX_HAS, CLONE_THREAD | CLONE_VM }, \
		{ "prctl", 0, SANDBOX_IS, PR_SET_NAME },      \
		{ "prctl", 0, SANDBOX_IS, PR_SET_VMA },       \
		{ "fcntl", 1, SANDBOX_IS, F_SETLK },          \
		{ "fcntl", 1, SANDBOX_IS, F_SETLKW },         \
	{                                                     \
		"fcntl", 1, SANDBOX_IS, F_GETLK               \
	}

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
					    "access",     "openat", NULL };

static const struct sandbox_rule rules_alone[] = { RULES_COMMON, { 0 } };
static const struct sandbox_rule rules_threads[] = { RULES_COMMON,
						     RULES_THREADS,
						     { 0 } };
static const char *const absent_threads[] = { "clone3", NULL };

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

#define GIB (1024ull * 1024 * 1024)

/*
 * Of the addresses that a process may use. They are far above what it needs,
 * since much of what is counted takes no memory: mappings that sessions
 * share, stacks of which a page is used, what the allocator sets aside for
 * each thread (128 MiB). They hold up what would never end; what is refused
 * for want of them is an answer like any other (YB_NOMEM).
 */
static const uint64_t
	/* It keeps a few MiB. Its children go beyond it. */
	MEMORY_SUPERVISOR = 4 * GIB,
	/* 8,000 connections with TLS and all their input are 2 GiB; a listing
	 * of a million messages is 64 MiB, mapped for each of its sessions. */
	MEMORY_WORKER = 64 * GIB,
	/* Rows of all open mailboxes, 128 octets a message, and 34 threads. */
	MEMORY_STORE = 64 * GIB,
	/* A million accounts with all their credentials are 2 GiB. */
	MEMORY_AUTH = 16 * GIB,
	/* 64 answers of 1 MiB. */
	MEMORY_METRICS = GIB,
	/* Answers of a site's programs, which go beyond it themselves. */
	MEMORY_LOOKUP = 4 * GIB,
	/* One file of configuration, some certificates. */
	MEMORY_CONFIG = GIB;

enum {
	/* Of workers, store, and commands (CONTROL_SERVER). */
	FILES_AUTH = 4096,
	/* 64 connections, a listener for each address, a page a process. */
	FILES_METRICS = 512,
	FILES_CONFIG = 64,
};

/* What a role may do, and use. */
struct frame {
	struct sandbox_calls calls;
	uint64_t memory; /* RLIMIT_AS */
	uint64_t files;  /* RLIMIT_NOFILE; 0: all that the system grants */
	bool threads;    /* else RLIMIT_NPROC is 0: it starts nothing */
	/* It starts others, which want more than it does: its limit of
	 * addresses can be raised again, and it may connect. */
	bool starts;
};

static const struct frame frames[ROLE_COUNT] = {
	[ROLE_SUPERVISOR] = { .calls = { .kill = kill_supervisor },
			      .memory = MEMORY_SUPERVISOR,
			      .threads = true,
			      .starts = true },
	[ROLE_STORE] = { .calls = { .allow = store_calls,
				    .rules = rules_threads,
				    .absent = absent_threads },
			 .memory = MEMORY_STORE,
			 .threads = true },
	[ROLE_AUTH] = { .calls = { .allow = auth_calls,
				   .rules = rules_threads,
				   .absent = absent_threads },
			.memory = MEMORY_AUTH,
			.files = FILES_AUTH,
			.threads = true },
	[ROLE_WORKER] = { .calls = { .allow = worker_calls,
				     .rules = rules_alone },
			  .memory = MEMORY_WORKER },
	[ROLE_METRICS] = { .calls = { .allow = metrics_calls,
				      .rules = rules_alone },
			   .memory = MEMORY_METRICS,
			   .files = FILES_METRICS },
	[ROLE_LOOKUP] = { .calls = { .kill = kill_lookup },
			  .memory = MEMORY_LOOKUP,
			  .threads = true,
			  .starts = true },
	[ROLE_CONFIG] = { .calls = { .allow = config_calls,
				     .rules = rules_alone },
			  .memory = MEMORY_CONFIG,
			  .files = FILES_CONFIG },
};

static enum yb_err filter(struct log *log, enum role role, int *ret_listener)
{
	enum yb_err err = sandbox_seccomp(&frames[role].calls, ret_listener);

	if (err != YB_UNSUPPORTED)
		return err;
	log_message(log, LOG_WARN, "cage",
		    "this kernel has no seccomp filters: %s runs without one",
		    role_name(role));
	return YB_OK;
}

static enum yb_err set_limits(const struct frame *f)
{
	bool good = sandbox_limit(RLIMIT_CORE, 0, true) &&
		    sandbox_limit(RLIMIT_AS, f->memory, !f->starts);

	if (good && f->files > 0)
		good = sandbox_limit(RLIMIT_NOFILE, f->files, true);
	if (good && !f->threads)
		good = sandbox_limit(RLIMIT_NPROC, 0, true);
	return good ? YB_OK : YB_ACCESS;
}

/* So that it hears of a forbidden call, and can say which. */
static enum yb_err hand_over_listener(struct process *p, int fd)
{
	AUTO_FD listener = fd;

	if (listener < 0)
		return YB_OK;
	return channel_send(&p->supervisor, MESSAGE_CAGED, 0, NULL, 0,
			    &listener, 1);
}

enum yb_err cage_close_in(struct process *p, const char *folder,
			  const struct sandbox_path *paths, size_t n,
			  bool *ret_is_root)
{
	const struct frame *f = &frames[p->role];
	/* Nobody watches the child that reads the configuration. */
	bool watched = p->role != ROLE_CONFIG;
	int listener = -1;
	enum yb_err err = set_limits(f);

	if (err == YB_OK)
		err = sandbox_landlock(paths, n, f->starts);
	if (err == YB_UNSUPPORTED) {
		log_message(&p->log, LOG_WARN, "cage",
			    "this kernel has no Landlock: the files of %s are "
			    "guarded by their owner alone",
			    p->name);
		err = YB_OK;
	}
	*ret_is_root = false;
	if (err == YB_OK && folder != NULL)
		err = sandbox_root(folder, ret_is_root);
	if (err == YB_OK)
		err = filter(&p->log, p->role, watched ? &listener : NULL);
	if (err == YB_OK)
		err = hand_over_listener(p, listener);
	return err;
}

enum yb_err cage_close(struct process *p, const struct sandbox_path *paths,
		       size_t n)
{
	bool is_root;

	/* The supervisor of an earlier program, which tries this one's, gives
	 * neither the folder nor the right to it. */
	return cage_close_in(p, sandbox_stands_nowhere() ? "." : NULL, paths, n,
			     &is_root);
}

enum yb_err cage_close_supervisor(struct log *log)
{
	enum yb_err err = set_limits(&frames[ROLE_SUPERVISOR]);

	process_drop_rights();
	return err == YB_OK ? filter(log, ROLE_SUPERVISOR, NULL) : err;
}
