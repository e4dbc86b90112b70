/*
 * The head of an HTTP/1.1 request (RFC 9110, 9112) for a server that has a few
 * documents to give and takes nothing: GET and HEAD, no bodies. Strict: what
 * two programs could read in two ways is refused.
 */
#ifndef PROTO_HTTP_REQUEST_H
#define PROTO_HTTP_REQUEST_H

#include "base/span.h"

enum {
	/* Those who scrape send a few hundred octets; browsers a few K. */
	HTTP_HEAD_MAX = 8 * 1024,
};

enum http_status {
	HTTP_MORE = 0, /* the head is not whole yet */
	HTTP_OK = 200,
	HTTP_BAD_REQUEST = 400,
	HTTP_NOT_FOUND = 404,
	HTTP_BAD_METHOD = 405,
	HTTP_TOO_LARGE = 413, /* brings a body */
	HTTP_HEAD_TOO_LARGE = 431,
	HTTP_UNAVAILABLE = 503,
	HTTP_BAD_VERSION = 505,
};

struct http_request {
	struct span path; /* "/metrics", without a query; borrowed */
	bool head;        /* HEAD: the answer has no body */
};

/*
 * Reads a request from what has come so far, all of it from the beginning. On
 * HTTP_OK `ret` is set; any other status but HTTP_MORE is to be answered, and
 * the connection closed.
 */
enum http_status http_request_read(struct span in, struct http_request *ret);

/* "Not Found". */
const char *http_status_text(enum http_status status);

#endif
