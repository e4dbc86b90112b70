#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/fd.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

/* What the sanitizers' own runtime calls; nothing in a plain build. */
static const char *const sanitizer_calls[] = {
#ifdef SANITIZED
	"sigaltstack", "sched_yield", "sched_getaffinity", "getrusage",
	"readlink",    "readlinkat",  "mincore",           "gettid",
	"getpid",      "prctl",
#endif
	NULL
};

/* EEXIST: a name stands on two lists, the first one counts; EACCES: the
 * action is the default one already. */
static bool add_rule(scmp_filter_ctx filter, uint32_t action, const char *name,
		     const struct scmp_arg_cmp *arg)
{
	int call = seccomp_syscall_resolve_name(name);
	int got;

	if (call == __NR_SCMP_ERROR)
		return true;
	got = seccomp_rule_add_array(filter, action, call, arg != NULL, arg);
	return got >= 0 || got == -EEXIST || got == -EACCES;
}

static bool add_names(scmp_filter_ctx filter, uint32_t action,
		      const char *const *names)
{
	for (; names != NULL && *names != NULL; names++)
		if (!add_rule(filter, action, *names, NULL))
			return false;
	return true;
}

static bool add_rules(scmp_filter_ctx filter, const struct sandbox_rule *rule)
{
	for (; rule != NULL && rule->call != NULL; rule++) {
		struct scmp_arg_cmp arg = { .arg = rule->arg,
					    .op = SCMP_CMP_EQ,
					    .datum_a = rule->value };

		if (rule->how == SANDBOX_IS_SELF)
			arg.datum_a = (uint64_t)getpid();
		if (rule->how == SANDBOX_HAS || rule->how == SANDBOX_HAS_NOT) {
			arg.op = SCMP_CMP_MASKED_EQ;
			arg.datum_b =
				rule->how == SANDBOX_HAS ? rule->value : 0;
		}
		if (!add_rule(filter, SCMP_ACT_ALLOW, rule->call, &arg))
			return false;
	}
	return true;
}

static bool fill(scmp_filter_ctx filter, const struct sandbox_calls *calls)
{
	return seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
	       seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1) == 0 &&
	       seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
	       add_names(filter, SCMP_ACT_ALLOW, calls->allow) &&
	       add_names(filter, SCMP_ACT_ALLOW, sanitizer_calls) &&
	       add_rules(filter, calls->rules) &&
	       add_names(filter, SCMP_ACT_ERRNO(ENOSYS), calls->absent) &&
	       add_names(filter, SCMP_ACT_KILL_PROCESS, calls->kill);
}

static enum yb_err load(const struct sandbox_calls *calls, uint32_t other,
			int *ret_listener)
{
	scmp_filter_ctx filter = seccomp_init(other);
	enum yb_err err = YB_OK;

	if (filter == NULL)
		return YB_NOMEM;
	if (!fill(filter, calls))
		err = YB_INVALID;
	else if (seccomp_load(filter) < 0)
		err = YB_UNSUPPORTED;
	else if (other == SCMP_ACT_NOTIFY)
		*ret_listener = seccomp_notify_fd(filter);
	seccomp_release(filter);
	return err;
}

enum yb_err sandbox_seccomp(const struct sandbox_calls *calls,
			    int *ret_listener)
{
	enum yb_err err = YB_UNSUPPORTED;

	if (calls->allow == NULL)
		return load(calls, SCMP_ACT_ALLOW, NULL);
	/* 6: Linux 5.7, which lets all threads wait for one listener. */
	if (ret_listener != NULL && seccomp_api_get() >= 6)
		err = load(calls, SCMP_ACT_NOTIFY, ret_listener);
	if (err != YB_UNSUPPORTED)
		return err;
	if (ret_listener != NULL)
		*ret_listener = -1;
	return load(calls, SCMP_ACT_KILL_PROCESS, NULL);
}

enum yb_err sandbox_breach_read(int listener, struct sandbox_breach *ret)
{
	struct seccomp_notif notice = { 0 };

	while (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notice) < 0)
		if (errno != EINTR)
			/* ENOENT: it has ended meanwhile. */
			return errno == ENOENT ? YB_GONE
					       : err_from_errno(errno);
	ret->call = notice.data.nr;
	ret->name = seccomp_syscall_resolve_num_arch(notice.data.arch,
						     notice.data.nr);
	return YB_OK;
}

/* Rights that each version of Landlock knows, as its header names them. */
static uint64_t known_rights(int version)
{
	uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	/* Version 2 adds REFER, 3 TRUNCATE: bits 13 and 14. */
	if (version >= 2)
		rights |= 1u << 13;
	if (version >= 3)
		rights |= 1u << 14;
	return rights;
}

static uint64_t rights_for(enum sandbox_access access, bool folder,
			   uint64_t known)
{
	const uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE;
	const uint64_t list = LANDLOCK_ACCESS_FS_READ_DIR;
	const uint64_t write = LANDLOCK_ACCESS_FS_WRITE_FILE | 1u << 14;

	switch (access) {
	case SANDBOX_READ:
		return folder ? read | list : read;
	case SANDBOX_WRITE_FILE:
		return (read | write) & known;
	case SANDBOX_EXECUTE:
		return LANDLOCK_ACCESS_FS_EXECUTE |
		       (folder ? read | list : read);
	case SANDBOX_WRITE_TREE:
		return known & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
	}
	return 0;
}

static enum yb_err allow_path(int ruleset, const struct sandbox_path *path,
			      uint64_t known)
{
	struct landlock_path_beneath_attr rule = { 0 };
	AUTO_FD fd = open(path->path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_from_errno(errno);
	rule.parent_fd = fd;
	rule.allowed_access =
		rights_for(path->access, S_ISDIR(st.st_mode), known);
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
		    &rule, 0) < 0)
		return err_from_errno(errno);
	return YB_OK;
}

/*
 * What it may be held to beyond files, newer than the header of Debian 12:
 * version 4 knows TCP's bind and connect, 6 abstract sockets and signals of
 * others than its own kind.
 */
struct landlock_attr {
	uint64_t fs, net, scoped;
};

static size_t attr_fill(struct landlock_attr *attr, int version, bool network)
{
	*attr = (struct landlock_attr){ .fs = known_rights(version),
					.net = network ? 0 : 1 | 2,
					.scoped = network ? 2 : 1 | 2 };
	return version >= 6   ? sizeof *attr
	       : version >= 4 ? offsetof(struct landlock_attr, scoped)
			      : offsetof(struct landlock_attr, net);
}

enum yb_err sandbox_landlock(const struct sandbox_path *paths, size_t n,
			     bool network)
{
	struct landlock_attr attr;
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
			       LANDLOCK_CREATE_RULESET_VERSION);
	AUTO_FD ruleset = -1;

	if (version < 1)
		return YB_UNSUPPORTED;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr,
			       attr_fill(&attr, (int)version, network), 0);
	if (ruleset < 0)
		return YB_UNSUPPORTED;
	for (size_t i = 0; i < n; i++) {
		enum yb_err err = allow_path(ruleset, &paths[i], attr.fs);
		if (err != YB_OK)
			return err;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return err_from_errno(errno);
	return YB_OK;
}

/* ---- the root folder ---- */

static bool may_change_root(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2] = { { 0 } };

	return syscall(SYS_capget, &head, data) == 0 &&
	       (data[0].effective & 1u << CAP_SYS_CHROOT) != 0;
}

static bool drop_rights(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[2] = { { 0 } };

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none) == 0;
}

enum yb_err sandbox_root(const char *path, bool *ret_changed)
{
	*ret_changed = false;
	if (!may_change_root())
		return YB_OK;
	if (chroot(path) < 0 || chdir("/") < 0 || !drop_rights())
		return err_from_errno(errno);
	*ret_changed = true;
	return YB_OK;
}

bool sandbox_stands_nowhere(void)
{
	struct stat st;

	return stat(".", &st) == 0 && st.st_nlink == 0;
}

/* ---- limits ---- */

bool sandbox_limit(int resource, uint64_t max, bool hard)
{
	struct rlimit limit;

#ifdef SANITIZED
	/* They reserve terabytes of addresses for their shadow. */
	if (resource == RLIMIT_AS)
		return true;
#endif
	if (getrlimit((__rlimit_resource_t)resource, &limit) < 0)
		return false;
	limit.rlim_cur = limit.rlim_max < max ? limit.rlim_max : max;
	if (hard)
		limit.rlim_max = limit.rlim_cur;
	return setrlimit((__rlimit_resource_t)resource, &limit) == 0;
}
