#include "server/http_post.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/socket.h"

struct http_post {
	struct loop *loop;
	struct log *log;
	const char *name;
	char *url;
	struct buf ca;
	struct curl_slist *headers;
	uint32_t timeout_ms;
	CURLM *multi;
	struct loop_timer curl_timer; /* libcurl's own */
	struct loop_task curl_kick;   /* when that is due now */
	struct loop_timer late;       /* of the oldest question */
	struct loop_task begin;
	struct list running, waiting; /* the oldest first */
	size_t running_n;
	uint64_t told_ms;  /* when a failure was told last; 0: never */
	uint64_t failures; /* since then */
};

struct question {
	struct list link;
	struct http_post *h;
	CURL *easy; /* NULL while it waits */
	http_post_done_fn *done;
	void *ctx;
	uint64_t due_ms;
	size_t head_n;
	char error[CURL_ERROR_SIZE];
	struct buf answer;
	size_t form_n;
	char form[];
};

/* A socket of libcurl's. */
struct watch {
	struct loop_io io;
	struct http_post *h;
};

/* ---- ends ---- */

static void free_question(struct question *q)
{
	if (q->easy != NULL) {
		(void)curl_multi_remove_handle(q->h->multi, q->easy);
		curl_easy_cleanup(q->easy);
		q->h->running_n--;
	}
	list_remove(&q->link);
	buf_wipe(&q->answer);
	buf_done(&q->answer);
	mem_wipe(q->form, q->form_n);
	free(q);
}

static void finish(struct question *q, enum yb_err err)
{
	struct buf answer = q->answer;
	http_post_done_fn *done = q->done;
	void *ctx = q->ctx;

	buf_init(&q->answer, HTTP_POST_ANSWER_MAX);
	loop_defer(q->h->loop, &q->h->begin);
	free_question(q);
	done(ctx, err, buf_span(&answer));
	buf_wipe(&answer);
	buf_done(&answer);
}

/* One line for all that fail meanwhile: whoever guesses writes no log. */
static void tell(struct http_post *h, const char *why)
{
	uint64_t now = loop_now(h->loop);

	h->failures++;
	if (h->told_ms != 0 && now - h->told_ms < HTTP_POST_TELL_MS)
		return;
	log_message(h->log, LOG_ERROR, h->name, "%s: %s (%llu since the last)",
		    h->url, why, (unsigned long long)h->failures);
	h->told_ms = now > 0 ? now : 1;
	h->failures = 0;
}

static enum yb_err outcome_of(struct question *q, CURLcode code)
{
	long status = 0;
	char text[64];

	if (code != CURLE_OK && code != CURLE_WRITE_ERROR) {
		tell(q->h,
		     *q->error != 0 ? q->error : curl_easy_strerror(code));
		return code == CURLE_OPERATION_TIMEDOUT ? YB_TIMEOUT : YB_IO;
	}
	if (code == CURLE_WRITE_ERROR) {
		tell(q->h, "the answer is too long");
		return YB_INVALID;
	}
	(void)curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return YB_OK;
	/* RFC 7662 section 2.3: 401 where our own credential is wrong. */
	(void)snprintf(text, sizeof text, "the answer has status %ld%s", status,
		       status == 401 ? ": is the client's secret right?" : "");
	tell(q->h, text);
	return YB_INVALID;
}

static void take_outcomes(struct http_post *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		struct question *q = NULL;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE ||
		    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE,
				      (char **)&q) != CURLE_OK ||
		    q == NULL)
			continue;
		finish(q, outcome_of(q, code));
	}
}

/* ---- libcurl's sockets and timer ---- */

static void act(struct http_post *h, curl_socket_t fd, int what)
{
	int running;

	(void)curl_multi_socket_action(h->multi, fd, what, &running);
	take_outcomes(h);
}

static void on_ready(void *ctx, uint32_t events)
{
	struct watch *w = ctx;
	int what = 0;

	if ((events & EPOLLIN) != 0)
		what |= CURL_CSELECT_IN;
	if ((events & EPOLLOUT) != 0)
		what |= CURL_CSELECT_OUT;
	if ((events & (EPOLLERR | EPOLLHUP)) != 0)
		what |= CURL_CSELECT_ERR;
	act(w->h, w->io.fd, what);
}

static void on_due(void *ctx, uint64_t now_ms)
{
	(void)now_ms;
	act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static void on_kick(void *ctx)
{
	act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long in_ms, void *ctx)
{
	struct http_post *h = ctx;

	(void)multi;
	loop_task_cancel(&h->curl_kick);
	loop_timer_stop(&h->curl_timer);
	if (in_ms == 0)
		loop_defer(h->loop, &h->curl_kick);
	else if (in_ms > 0)
		loop_timer_set(h->loop, &h->curl_timer,
			       loop_now(h->loop) + (uint64_t)in_ms);
	return 0;
}

static void end_watch(struct http_post *h, curl_socket_t fd, struct watch *w)
{
	(void)curl_multi_assign(h->multi, fd, NULL);
	if (w != NULL)
		loop_unwatch(h->loop, &w->io);
	free(w);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx,
		     void *socket_ctx)
{
	struct http_post *h = ctx;
	struct watch *w = socket_ctx;
	uint32_t events = LOOP_LEVEL;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		end_watch(h, fd, w);
		return 0;
	}
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= EPOLLOUT;
	if (w != NULL)
		return loop_rewatch(h->loop, &w->io, events) == YB_OK ? 0 : -1;
	w = calloc(1, sizeof *w);
	if (w == NULL)
		return -1;
	*w = (struct watch){ { -1, on_ready, w }, h };
	if (loop_watch(h->loop, &w->io, fd, events) != YB_OK ||
	    curl_multi_assign(h->multi, fd, w) != CURLM_OK) {
		end_watch(h, fd, w);
		return -1;
	}
	return 0;
}

/* Programs that this process runs have no business with it. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose,
				 struct curl_sockaddr *a)
{
	(void)ctx, (void)purpose;
	return socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
		      a->protocol);
}

/* ---- what comes ---- */

/* Zero ends the transfer: an answer is whole or none. */
static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct question *q = ctx;

	return buf_add(&q->answer, span_of(p, size * n)) == YB_OK ? size * n
								  : 0;
}

static size_t on_head(char *p, size_t size, size_t n, void *ctx)
{
	struct question *q = ctx;

	(void)p;
	q->head_n += size * n;
	return q->head_n <= HTTP_POST_HEAD_MAX ? size * n : 0;
}

/* ---- asking ---- */

#define SET(option, value)                                            \
	do {                                                          \
		if (code == CURLE_OK)                                 \
			code = curl_easy_setopt(easy, option, value); \
	} while (0)

static CURLcode set_up(struct http_post *h, struct question *q, CURL *easy)
{
	CURLcode code = CURLE_OK;
	struct curl_blob ca = { h->ca.p, h->ca.n, CURL_BLOB_NOCOPY };

	SET(CURLOPT_PRIVATE, q);
	SET(CURLOPT_URL, h->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (h->ca.n > 0) {
		/* These, and not the system's as well. */
		SET(CURLOPT_CAINFO, NULL);
		SET(CURLOPT_CAPATH, NULL);
		SET(CURLOPT_CAINFO_BLOB, &ca);
	}
	SET(CURLOPT_HTTPHEADER, h->headers);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE, (long)q->form_n);
	SET(CURLOPT_POSTFIELDS, &q->form[0]);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, q);
	SET(CURLOPT_HEADERFUNCTION, on_head);
	SET(CURLOPT_HEADERDATA, q);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_ERRORBUFFER, q->error);
	return code;
}

static enum yb_err run(struct question *q)
{
	struct http_post *h = q->h;
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		return YB_NOMEM;
	if (set_up(h, q, easy) != CURLE_OK ||
	    curl_multi_add_handle(h->multi, easy) != CURLM_OK) {
		curl_easy_cleanup(easy);
		return YB_NOMEM;
	}
	q->easy = easy;
	h->running_n++;
	list_remove(&q->link);
	list_push(&h->running, &q->link);
	return YB_OK;
}

static void on_begin(void *ctx)
{
	struct http_post *h = ctx;

	while (h->running_n < HTTP_POST_RUNNING_MAX &&
	       !list_empty(&h->waiting)) {
		struct question *q =
			list_entry(h->waiting.next, struct question, link);
		enum yb_err err = run(q);

		if (err != YB_OK)
			finish(q, err);
	}
}

static void set_late(struct http_post *h)
{
	const struct list *lists[] = { &h->running, &h->waiting };
	uint64_t at = UINT64_MAX;

	for (size_t i = 0; i < 2; i++) {
		const struct question *q;

		if (list_empty(lists[i]))
			continue;
		q = list_entry(lists[i]->next, struct question, link);
		at = q->due_ms < at ? q->due_ms : at;
	}
	loop_timer_set(h->loop, &h->late, at);
}

/* Of the same patience all, so the oldest is the first. */
static void give_up(struct http_post *h, struct list *list, uint64_t now_ms)
{
	while (!list_empty(list)) {
		struct question *q =
			list_entry(list->next, struct question, link);

		if (q->due_ms > now_ms)
			return;
		tell(h, "no answer in time");
		finish(q, YB_TIMEOUT);
	}
}

static void on_late(void *ctx, uint64_t now_ms)
{
	struct http_post *h = ctx;

	give_up(h, &h->running, now_ms);
	give_up(h, &h->waiting, now_ms);
	set_late(h);
}

enum yb_err http_post_ask(struct http_post *h, struct span form,
			  http_post_done_fn *done, void *ctx)
{
	struct question *q = calloc(1, sizeof *q + form.n);

	if (q == NULL)
		return YB_NOMEM;
	list_init(&q->link);
	buf_init(&q->answer, HTTP_POST_ANSWER_MAX);
	q->h = h;
	q->done = done;
	q->ctx = ctx;
	q->due_ms = loop_now(h->loop) + h->timeout_ms;
	q->form_n = form.n;
	memcpy(q->form, form.p, form.n);
	list_push(&h->waiting, &q->link);
	loop_defer(h->loop, &h->begin);
	set_late(h);
	return YB_OK;
}

/* ---- the whole ---- */

static enum yb_err set_headers(struct http_post *h, struct span credential)
{
	/* What begins without a word is left out: libcurl would have waited
	 * for leave to send the body. */
	static const char *const lines[] = {
		"Accept: application/json",
		"Content-Type: application/x-www-form-urlencoded",
		"Expect:",
	};
	char text[HTTP_POST_CREDENTIAL_MAX + 1];

	if (!span_to_str(credential, text, sizeof text))
		return YB_TOO_BIG;
	for (size_t i = 0; i <= sizeof lines / sizeof *lines; i++) {
		const char *line = i < 3 ? lines[i] : text;
		struct curl_slist *all;

		if (*line == 0)
			break;
		all = curl_slist_append(h->headers, line);
		if (all == NULL)
			return YB_NOMEM;
		h->headers = all;
	}
	mem_wipe(text, sizeof text);
	return YB_OK;
}

static enum yb_err set_multi(struct http_post *h)
{
	h->multi = curl_multi_init();
	if (h->multi == NULL ||
	    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket) !=
		    CURLM_OK ||
	    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) != CURLM_OK ||
	    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer) !=
		    CURLM_OK ||
	    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) != CURLM_OK ||
	    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS,
			      (long)HTTP_POST_KEPT_MAX) != CURLM_OK)
		return YB_NOMEM;
	return YB_OK;
}

enum yb_err http_post_new(struct loop *loop, struct log *log,
			  const struct http_post_config *config,
			  struct http_post **ret)
{
	struct http_post *h = calloc(1, sizeof *h);
	enum yb_err err = YB_OK;

	if (h == NULL)
		return YB_NOMEM;
	/* Once for the process, and counted after that. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(h);
		return YB_UNSUPPORTED;
	}
	h->loop = loop;
	h->log = log;
	h->name = config->name;
	h->timeout_ms = config->timeout_ms;
	list_init(&h->running);
	list_init(&h->waiting);
	loop_timer_init(&h->curl_timer, on_due, h);
	loop_timer_init(&h->late, on_late, h);
	loop_task_init(&h->curl_kick, on_kick, h);
	loop_task_init(&h->begin, on_begin, h);
	buf_init(&h->ca, SIZE_MAX);
	h->url = strdup(config->url);
	if (h->url == NULL)
		err = YB_NOMEM;
	if (err == YB_OK)
		err = buf_add(&h->ca, config->ca);
	if (err == YB_OK)
		err = set_headers(h, config->credential);
	if (err == YB_OK)
		err = set_multi(h);
	if (err != YB_OK)
		http_post_free(&h);
	else
		*ret = h;
	return err;
}

static void end_all(struct list *list)
{
	while (!list_empty(list))
		finish(list_entry(list->next, struct question, link), YB_GONE);
}

static void wipe_headers(struct curl_slist *headers)
{
	for (struct curl_slist *at = headers; at != NULL; at = at->next)
		mem_wipe(at->data, strlen(at->data));
	curl_slist_free_all(headers);
}

void http_post_free(struct http_post **post)
{
	struct http_post *h = *post;

	if (h == NULL)
		return;
	end_all(&h->running);
	end_all(&h->waiting);
	if (h->multi != NULL)
		(void)curl_multi_cleanup(h->multi);
	loop_timer_stop(&h->curl_timer);
	loop_timer_stop(&h->late);
	loop_task_cancel(&h->curl_kick);
	loop_task_cancel(&h->begin);
	wipe_headers(h->headers);
	buf_done(&h->ca);
	free(h->url);
	free(h);
	curl_global_cleanup();
	*post = NULL;
}
