#include "attack/attack.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static const struct sockaddr_in somewhere = {
	.sin_family = AF_INET,
	.sin_port = 0x0900, /* 9, discard */
	.sin_addr = { 0x0100007f },
};
static const char *const argv_sh[] = { "sh", "-c", "exit 0", NULL };
static char page[4096];

static long attack_open(const char *arg)
{
	return syscall(SYS_openat, AT_FDCWD, arg, O_RDONLY);
}

static long attack_open_old(const char *arg)
{
	return syscall(SYS_open, arg, O_RDONLY);
}

static long attack_create(const char *arg)
{
	return syscall(SYS_openat, AT_FDCWD, arg, O_CREAT | O_WRONLY, 0600);
}

static long attack_socket(const char *arg)
{
	(void)arg;
	return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static long attack_socketpair(const char *arg)
{
	int pair[2];

	(void)arg;
	return syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
}

static long attack_connect(const char *arg)
{
	return syscall(SYS_connect, atoi(arg), &somewhere, sizeof somewhere);
}

static long attack_bind(const char *arg)
{
	return syscall(SYS_bind, atoi(arg), &somewhere, sizeof somewhere);
}

static long attack_listen(const char *arg)
{
	return syscall(SYS_listen, atoi(arg), 1);
}

static long attack_execve(const char *arg)
{
	return syscall(SYS_execve, arg, argv_sh, NULL);
}

static long attack_execveat(const char *arg)
{
	return syscall(SYS_execveat, atoi(arg), "", argv_sh, NULL,
		       AT_EMPTY_PATH);
}

static long attack_fork(const char *arg)
{
	(void)arg;
	return syscall(SYS_fork);
}

static long attack_clone(const char *arg)
{
	(void)arg;
	return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
}

static long attack_ptrace(const char *arg)
{
	return syscall(SYS_ptrace, PTRACE_ATTACH, atoi(arg), NULL, NULL);
}

static long attack_process_vm_readv(const char *arg)
{
	struct iovec iov = { page, sizeof page };

	return syscall(SYS_process_vm_readv, atoi(arg), &iov, 1ul, &iov, 1ul,
		       0ul);
}

static long attack_pidfd_open(const char *arg)
{
	return syscall(SYS_pidfd_open, atoi(arg), 0);
}

/* By way of a descriptor of the process. */
static long attack_pidfd_signal(const char *arg)
{
	long fd = syscall(SYS_pidfd_open, atoi(arg), 0);

	return fd < 0 ? fd
		      : syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
}

/* The first of its descriptors: its channel to the supervisor. */
static long attack_pidfd_getfd(const char *arg)
{
	long fd = syscall(SYS_pidfd_open, atoi(arg), 0);

	return fd < 0 ? fd : syscall(SYS_pidfd_getfd, fd, 3, 0);
}

/* A socket of this machine by its path, and the first word to it. */
static long attack_connect_unix(const char *arg)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	long fd = syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET, 0);
	long result;

	(void)strncpy(at.sun_path, arg, sizeof at.sun_path - 1);
	result = syscall(SYS_connect, fd, &at, sizeof at);
	if (result == 0)
		result = syscall(SYS_read, fd, page, sizeof page);
	return result;
}

/* Tries to be reached from outside. */
static long attack_serve(const char *arg)
{
	long fd = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);

	(void)arg;
	return syscall(SYS_listen, fd, 1);
}

static long attack_kill(const char *arg)
{
	return syscall(SYS_kill, atoi(arg), SIGKILL);
}

static long attack_tgkill(const char *arg)
{
	return syscall(SYS_tgkill, atoi(arg), atoi(arg), SIGKILL);
}

/* A descriptor that signals somebody else when something comes. */
static long attack_fcntl(const char *arg)
{
	return syscall(SYS_fcntl, 2, F_SETOWN, atoi(arg));
}

static long attack_ioctl(const char *arg)
{
	int pid = atoi(arg);

	return syscall(SYS_ioctl, 2, 0x8901 /* FIOSETOWN */, &pid);
}

static long attack_mmap(const char *arg)
{
	(void)arg;
	return syscall(SYS_mmap, NULL, sizeof page,
		       PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static long attack_mprotect(const char *arg)
{
	(void)arg;
	return syscall(SYS_mprotect, (char *)((unsigned long)page & ~0xffful),
		       sizeof page, PROT_READ | PROT_EXEC);
}

static long attack_chroot(const char *arg)
{
	return syscall(SYS_chroot, arg);
}

static long attack_unshare(const char *arg)
{
	(void)arg;
	return syscall(SYS_unshare, CLONE_NEWUSER);
}

static long attack_mount(const char *arg)
{
	return syscall(SYS_mount, "none", arg, "tmpfs", 0, NULL);
}

static long attack_setuid(const char *arg)
{
	(void)arg;
	return syscall(SYS_setuid, 0);
}

static long attack_prctl(const char *arg)
{
	(void)arg;
	return syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1, 0, 0, 0);
}

static long attack_prlimit64(const char *arg)
{
	struct rlimit more = { RLIM_INFINITY, RLIM_INFINITY };

	(void)arg;
	return syscall(SYS_prlimit64, 0, RLIMIT_AS, &more, NULL);
}

static long attack_bpf(const char *arg)
{
	(void)arg;
	return syscall(SYS_bpf, 0, page, sizeof page);
}

static long attack_io_uring_setup(const char *arg)
{
	(void)arg;
	return syscall(SYS_io_uring_setup, 1, page);
}

static long attack_seccomp(const char *arg)
{
	(void)arg;
	return syscall(SYS_seccomp, 1, 0, page);
}

static long attack_symlink(const char *arg)
{
	return syscall(SYS_symlink, "/etc/passwd", arg);
}

static long attack_link(const char *arg)
{
	return syscall(SYS_linkat, AT_FDCWD, arg, AT_FDCWD, "stolen", 0);
}

static long attack_unlink(const char *arg)
{
	return syscall(SYS_unlink, arg);
}

/* clang-format off */
#define CALLS(X) \
	X(open) X(open_old) X(create) X(socket) X(socketpair) X(connect) \
	X(bind) X(listen) X(execve) X(execveat) X(fork) X(clone) X(ptrace) \
	X(process_vm_readv) X(pidfd_open) X(kill) X(tgkill) X(fcntl) \
	X(ioctl) X(mmap) X(mprotect) X(chroot) X(unshare) X(mount) \
	X(setuid) X(prctl) X(prlimit64) X(bpf) X(io_uring_setup) X(seccomp) \
	X(symlink) X(link) X(unlink) X(pidfd_signal) X(pidfd_getfd) \
	X(connect_unix) X(serve)
/* clang-format on */

static const struct {
	const char *name;
	long (*call)(const char *arg);
} calls[] = {
#define X(name) { #name, attack_##name },
	CALLS(X)
#undef X
};

bool attack_system(const char *name, const char *arg, long *ret_result)
{
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if (strcmp(calls[i].name, name) != 0)
			continue;
		errno = 0;
		*ret_result = calls[i].call(arg);
		if (*ret_result == -1)
			*ret_result = -errno;
		return true;
	}
	return false;
}
