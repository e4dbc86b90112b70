#include "os/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/num.h"
#include "os/fd.h"

/* Connections that wait while the workers are busy; the kernel caps it. */
enum { BACKLOG = 1024 };

static enum yb_err parse_path(const char *text, struct socket_address *ret)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = strlen(text);

	if (n >= sizeof un.sun_path)
		return YB_TOO_BIG;
	memcpy(un.sun_path, text, n + 1);
	memcpy(&ret->storage, &un, sizeof un);
	ret->n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	return YB_OK;
}

static bool parse_v4(const char *host, in_port_t port,
		     struct socket_address *ret)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = port };

	if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
		return false;
	memcpy(&ret->storage, &in, sizeof in);
	ret->n = sizeof in;
	return true;
}

static bool parse_v6(const char *host, in_port_t port,
		     struct socket_address *ret)
{
	struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = port };

	if (inet_pton(AF_INET6, host, &in.sin6_addr) != 1)
		return false;
	memcpy(&ret->storage, &in, sizeof in);
	ret->n = sizeof in;
	return true;
}

enum yb_err socket_address_from_text(struct span host, bool v6, uint16_t port,
				     struct socket_address *ret)
{
	char text[INET6_ADDRSTRLEN];

	if (!span_to_str(host, text, sizeof text))
		return YB_INVALID;
	return (v6 ? parse_v6(text, htons(port), ret)
		   : parse_v4(text, htons(port), ret))
		       ? YB_OK
		       : YB_INVALID;
}

void socket_address_from_octets(const uint8_t *octets, size_t n, uint16_t port,
				struct socket_address *ret)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(port) };

	memset(ret, 0, sizeof *ret);
	if (n == 4) {
		memcpy(&in.sin_addr, octets, 4);
		memcpy(&ret->storage, &in, sizeof in);
		ret->n = sizeof in;
	} else {
		memcpy(&in6.sin6_addr, octets, 16);
		memcpy(&ret->storage, &in6, sizeof in6);
		ret->n = sizeof in6;
	}
}

enum yb_err socket_address_parse(const char *text, struct socket_address *ret)
{
	struct span s = span_str(text);
	size_t colon = span_find_last(s, ':');
	struct span host = span_head(s, colon);
	char name[INET6_ADDRSTRLEN];
	uint64_t port;
	bool v6, ok;

	memset(ret, 0, sizeof *ret);
	if (span_find(s, '/') < s.n)
		return parse_path(text, ret);
	if (colon == s.n || !num_parse(span_skip(s, colon + 1), 65535, &port))
		return YB_INVALID;
	v6 = host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	if (v6)
		host = span_of(host.p + 1, host.n - 2);
	if (!span_to_str(host, name, sizeof name))
		return YB_INVALID;
	ok = v6 ? parse_v6(name, htons((uint16_t)port), ret)
		: parse_v4(name, htons((uint16_t)port), ret);
	return ok ? YB_OK : YB_INVALID;
}

void socket_address_octets(const struct socket_address *a, uint8_t ret[16])
{
	memset(ret, 0, 16);
	if (a->any.sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, &a->storage, sizeof in);
		ret[10] = ret[11] = 0xff;
		memcpy(ret + 12, &in.sin_addr, 4);
	} else if (a->any.sa_family == AF_INET6) {
		struct sockaddr_in6 in;

		memcpy(&in, &a->storage, sizeof in);
		memcpy(ret, &in.sin6_addr, 16);
	}
}

static bool is_v4_mapped(const uint8_t o[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(o, mapped, sizeof mapped) == 0;
}

void socket_octets_print(const uint8_t octets[16], char ret[SOCKET_TEXT_MAX])
{
	if (is_v4_mapped(octets))
		(void)inet_ntop(AF_INET, octets + 12, ret, SOCKET_TEXT_MAX);
	else
		(void)inet_ntop(AF_INET6, octets, ret, SOCKET_TEXT_MAX);
}

enum yb_err socket_ip_parse(const char *text, uint8_t ret[16])
{
	uint8_t ip[16] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET, text, ip + 12) != 1 &&
	    inet_pton(AF_INET6, text, ip) != 1)
		return YB_SYNTAX;
	memcpy(ret, ip, sizeof ip);
	return YB_OK;
}

void socket_address_print(const struct socket_address *a,
			  char ret[SOCKET_TEXT_MAX])
{
	uint8_t o[16];

	if (a->any.sa_family != AF_INET && a->any.sa_family != AF_INET6) {
		(void)snprintf(ret, SOCKET_TEXT_MAX, "local");
		return;
	}
	socket_address_octets(a, o);
	socket_octets_print(o, ret);
}

bool socket_address_is_loopback(const struct socket_address *a)
{
	static const uint8_t one[16] = { [15] = 1 };
	uint8_t o[16];

	if (a->any.sa_family == AF_UNIX)
		return true;
	socket_address_octets(a, o);
	if (is_v4_mapped(o))
		return o[12] == 127;
	return memcmp(o, one, sizeof one) == 0;
}

/* A socket that nobody answers on any more is removed (a killed server). */
static void remove_stale(const struct socket_address *a)
{
	struct sockaddr_un un;
	struct stat st;
	AUTO_FD probe = -1;

	memcpy(&un, &a->storage, sizeof un);
	if (lstat(un.sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (probe >= 0 && connect(probe, &a->any, a->n) < 0 &&
	    errno == ECONNREFUSED)
		(void)unlink(un.sun_path); /* bind() tells if it stayed */
}

static enum yb_err listen_unix(int fd, const struct socket_address *a,
			       unsigned mode)
{
	struct sockaddr_un un;
	mode_t mask;
	int bound;

	memcpy(&un, &a->storage, sizeof un);
	remove_stale(a);
	mask = umask(0777); /* nobody connects before the mode is right */
	bound = bind(fd, &a->any, a->n);
	(void)umask(mask);
	if (bound < 0 || chmod(un.sun_path, mode) < 0)
		return err_from_errno(errno);
	return YB_OK;
}

enum yb_err socket_listen(const struct socket_address *a, unsigned mode,
			  int *ret_fd)
{
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int on = 1;
	AUTO_FD fd = socket(a->any.sa_family, type, 0);
	enum yb_err err;

	if (fd < 0)
		return err_from_errno(errno);
	if (a->any.sa_family == AF_UNIX) {
		err = listen_unix(fd, a, mode);
		if (err != YB_OK)
			return err;
	} else {
		if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) <
		    0)
			return err_from_errno(errno);
		/* What it accepts inherits this. */
		socket_no_delay(fd);
		/* [::] beside 0.0.0.0: each takes its own family. */
		if (a->any.sa_family == AF_INET6 &&
		    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) <
			    0)
			return err_from_errno(errno);
		if (bind(fd, &a->any, a->n) < 0)
			return err_from_errno(errno);
	}
	if (listen(fd, BACKLOG) < 0)
		return err_from_errno(errno);
	*ret_fd = fd_steal(&fd);
	return YB_OK;
}

static bool is_same_address(const struct socket_address *a,
			    const struct socket_address *b)
{
	struct sockaddr_un un_a, un_b;
	struct sockaddr_in6 in6_a, in6_b;
	struct sockaddr_in in_a, in_b;

	if (a->any.sa_family != b->any.sa_family)
		return false;
	switch (a->any.sa_family) {
	case AF_UNIX:
		memcpy(&un_a, &a->storage, sizeof un_a);
		memcpy(&un_b, &b->storage, sizeof un_b);
		return strncmp(un_a.sun_path, un_b.sun_path,
			       sizeof un_a.sun_path) == 0;
	case AF_INET:
		memcpy(&in_a, &a->storage, sizeof in_a);
		memcpy(&in_b, &b->storage, sizeof in_b);
		return in_a.sin_port == in_b.sin_port &&
		       in_a.sin_addr.s_addr == in_b.sin_addr.s_addr;
	case AF_INET6:
		memcpy(&in6_a, &a->storage, sizeof in6_a);
		memcpy(&in6_b, &b->storage, sizeof in6_b);
		return in6_a.sin6_port == in6_b.sin6_port &&
		       memcmp(&in6_a.sin6_addr, &in6_b.sin6_addr,
			      sizeof in6_a.sin6_addr) == 0;
	default:
		return false;
	}
}

bool socket_is_listening(int fd, int type, const struct socket_address *a)
{
	struct socket_address own = { .n = sizeof own.storage };
	int is_type = 0, listens = 0;
	socklen_t size = sizeof is_type;

	if (getsockname(fd, &own.any, &own.n) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &is_type, &size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 ||
	    is_type != type || listens == 0 || !is_same_address(&own, a))
		return false;
	if (a->any.sa_family != AF_UNIX)
		socket_no_delay(fd);
	return fd_set_nonblocking(fd, true) == YB_OK;
}

enum yb_err socket_accept(int listener, int *ret_fd,
			  struct socket_address *ret_peer)
{
	int fd;

	memset(ret_peer, 0, sizeof *ret_peer);
	ret_peer->n = sizeof ret_peer->storage;
	do
		fd = accept4(listener, &ret_peer->any, &ret_peer->n,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return errno == ECONNABORTED ? YB_GONE : err_from_errno(errno);
	*ret_fd = fd;
	return YB_OK;
}

enum yb_err socket_connect(const struct socket_address *a, bool blocking,
			   int *ret_fd)
{
	int type = SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK);
	AUTO_FD fd = socket(a->any.sa_family, type, 0);

	if (fd < 0)
		return err_from_errno(errno);
	if (connect(fd, &a->any, a->n) == 0) {
		*ret_fd = fd_steal(&fd);
		return YB_OK;
	}
	if (!blocking && errno == EINPROGRESS) {
		*ret_fd = fd_steal(&fd);
		return YB_AGAIN;
	}
	return err_from_errno(errno);
}

void socket_no_delay(int fd)
{
	int on = 1;

	/* Fails on Unix sockets, which have no delay to switch off. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

enum yb_err socket_peer(int fd, unsigned *ret_uid, unsigned *ret_gid)
{
	struct ucred peer;
	socklen_t n = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return err_from_errno(errno);
	*ret_uid = peer.uid;
	*ret_gid = peer.gid;
	return YB_OK;
}
