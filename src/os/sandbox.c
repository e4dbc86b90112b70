#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/fd.h"

/* What the sanitizers' own runtime calls; nothing in a plain build. */
static const char *const sanitizer_calls[] = {
#if defined(__SANITIZE_ADDRESS__)
	"sigaltstack", "sched_yield", "sched_getaffinity", "getrusage",
	"readlink",    "readlinkat",  "mincore",           "gettid",
	"getpid",      "prctl",
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	"sigaltstack", "sched_yield", "sched_getaffinity", "getrusage",
	"readlink",    "readlinkat",  "mincore",           "gettid",
	"getpid",      "prctl",
#endif
#endif
	NULL
};

static bool add_rules(scmp_filter_ctx filter, uint32_t action,
		      const char *const *names)
{
	for (; names != NULL && *names != NULL; names++) {
		int call = seccomp_syscall_resolve_name(*names);

		if (call == __NR_SCMP_ERROR)
			continue;
		/* EEXIST: a name stands on two lists, the first one counts;
		 * EACCES: the action is the default one already. */
		int got = seccomp_rule_add(filter, action, call, 0);
		if (got < 0 && got != -EEXIST && got != -EACCES)
			return false;
	}
	return true;
}

enum yb_err sandbox_seccomp(const struct sandbox_calls *calls, bool strict)
{
	uint32_t other = calls->allow == NULL ? SCMP_ACT_ALLOW
			 : strict             ? SCMP_ACT_KILL_PROCESS
					      : SCMP_ACT_ERRNO(EPERM);
	scmp_filter_ctx filter = seccomp_init(other);
	enum yb_err err = YB_OK;

	if (filter == NULL)
		return YB_NOMEM;
	if (seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) < 0 ||
	    seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1) < 0 ||
	    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0 ||
	    !add_rules(filter, SCMP_ACT_ALLOW, calls->allow) ||
	    !add_rules(filter, SCMP_ACT_ALLOW, sanitizer_calls) ||
	    !add_rules(filter, SCMP_ACT_KILL_PROCESS, calls->kill))
		err = YB_INVALID;
	else if (seccomp_load(filter) < 0)
		err = YB_UNSUPPORTED;
	seccomp_release(filter);
	return err;
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

enum yb_err sandbox_landlock(const struct sandbox_path *paths, size_t n)
{
	struct landlock_ruleset_attr attr = { 0 };
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
			       LANDLOCK_CREATE_RULESET_VERSION);
	AUTO_FD ruleset = -1;

	if (version < 1)
		return YB_UNSUPPORTED;
	attr.handled_access_fs = known_rights((int)version);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr,
			       0);
	if (ruleset < 0)
		return YB_UNSUPPORTED;
	for (size_t i = 0; i < n; i++) {
		enum yb_err err =
			allow_path(ruleset, &paths[i], attr.handled_access_fs);
		if (err != YB_OK)
			return err;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return err_from_errno(errno);
	return YB_OK;
}
