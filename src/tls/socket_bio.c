#include "tls/socket_bio.h"

#include <errno.h>
#include <sys/socket.h>

#include "os/socket.h"

static int give(BIO *bio, const char *p, size_t n, size_t *ret_n)
{
	struct socket_bio *s = BIO_get_data(bio);
	int more = s->more ? MSG_MORE : 0;
	ssize_t sent;

	BIO_clear_retry_flags(bio);
	do
		sent = send(s->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT | more);
	while (sent < 0 && errno == EINTR);
	if (sent < 0) {
		if (errno == EAGAIN)
			BIO_set_retry_write(bio);
		return 0;
	}
	s->spoke = true;
	s->kept = s->more;
	*ret_n = (size_t)sent;
	return 1;
}

static int take(BIO *bio, char *p, size_t n, size_t *ret_n)
{
	struct socket_bio *s = BIO_get_data(bio);
	ssize_t got;

	BIO_clear_retry_flags(bio);
	do
		got = recv(s->fd, p, n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	s->drained = got < 0 || (size_t)got < n;
	if (got < 0 && errno == EAGAIN)
		BIO_set_retry_read(bio);
	if (got == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	if (got <= 0)
		return 0;
	*ret_n = (size_t)got;
	return 1;
}

static long control(BIO *bio, int what, long n, void *p)
{
	(void)n, (void)p;
	if (what == BIO_CTRL_EOF)
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	/* Nothing is buffered here. */
	return what == BIO_CTRL_FLUSH || what == BIO_CTRL_DUP;
}

/* Made once: in no process do two threads speak TLS. */
static const BIO_METHOD *method(void)
{
	static BIO_METHOD *made;

	if (made == NULL) {
		made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
				    "socket");
		if (made == NULL)
			return NULL;
		(void)BIO_meth_set_write_ex(made, give);
		(void)BIO_meth_set_read_ex(made, take);
		(void)BIO_meth_set_ctrl(made, control);
	}
	return made;
}

BIO *socket_bio_new(struct socket_bio *s)
{
	const BIO_METHOD *m = method();
	BIO *bio = m == NULL ? NULL : BIO_new(m);

	if (bio == NULL)
		return NULL;
	BIO_set_data(bio, s);
	BIO_set_init(bio, 1);
	return bio;
}

void socket_bio_push(struct socket_bio *s)
{
	if (!s->kept)
		return;
	s->kept = false;
	/* Setting it pushes, whether it was set before or not. */
	socket_no_delay(s->fd);
}
