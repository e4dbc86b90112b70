#include "bench/target.h"

#include <netdb.h>

#include "base/num.h"

enum yb_err target_find(const char *text, struct socket_address *ret)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	struct span s = span_str(text);
	size_t colon = span_find_last(s, ':');
	char host[256];
	uint64_t port;

	if (socket_address_parse(text, ret) == YB_OK)
		return YB_OK;
	if (colon == 0 || colon >= s.n || s.p[0] == '[' ||
	    !num_parse(span_skip(s, colon + 1), 65535, &port) || port == 0 ||
	    !span_to_str(span_head(s, colon), host, sizeof host))
		return YB_INVALID;
	if (getaddrinfo(host, text + colon + 1, &hints, &found) != 0)
		return YB_NOT_FOUND;
	memcpy(&ret->storage, found->ai_addr, found->ai_addrlen);
	ret->n = found->ai_addrlen;
	freeaddrinfo(found);
	return YB_OK;
}
