/*
 * A reload: the file is read and examined by a child, as at the start; if it
 * is good as a whole, new listeners are bound and the log is opened anew; and
 * only when nothing can fail any more is it handed to the processes. Until
 * then everything stays as it was.
 *
 * IDLE -> READING [supervisor_reload] -> FOLLOWING [apply] -> IDLE [finish]
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/memfd.h"
#include "os/notify.h"
#include "server/supervisor_private.h"

/* Processes answer within a turn of their loops. */
enum { FOLLOW_MS = 10 * 1000 };

/* ---- telling ---- */

static void put_row(struct supervisor *s, const char *kind, uint64_t line,
		    uint64_t column, const char *text)
{
	struct control_call *call = s->reload.call;

	if (call == NULL || !control_has_room(&call->reply))
		return;
	control_put_str(&call->reply, kind);
	control_put_u64(&call->reply, line);
	control_put_u64(&call->reply, column);
	control_put_str(&call->reply, text);
}

static void on_problem(void *ctx, bool notice,
		       const struct config_problem *problem)
{
	struct supervisor *s = ctx;
	enum log_level level = notice ? LOG_WARN : LOG_ERROR;

	put_row(s, notice ? "note" : "problem", problem->line, problem->column,
		problem->text);
	if (problem->line > 0)
		log_message(&s->log, level, "reload", "%s:%u:%u: %s", s->file,
			    problem->line, problem->column, problem->text);
	else
		log_message(&s->log, level, "reload", "%s", problem->text);
}

__attribute__((format(printf, 2, 3))) static void
tell_problem(struct supervisor *s, const char *format, ...)
{
	struct config_problem problem = { 0 };
	va_list args;

	va_start(args, format);
	(void)vsnprintf(problem.text, sizeof problem.text, format, args);
	va_end(args);
	on_problem(s, false, &problem);
}

static void on_change(void *ctx, const char *key, bool live)
{
	struct supervisor *s = ctx;

	if (live)
		s->reload.changes++;
	else
		s->reload.restarts++;
	put_row(s, live ? "changed" : "restart", 0, 0, key);
	log_message(&s->log, live ? LOG_INFO : LOG_WARN, "reload",
		    live ? "changed: %s" : "needs a restart: %s", key);
}

/* ---- the end ---- */

static void finish(struct supervisor *s, enum yb_err err)
{
	struct reload *r = &s->reload;
	struct control_call *call = r->call;
	UNSET struct log_line line;

	loop_timer_stop(&r->patience);
	put_row(s, "number", s->config.number, 0, "");
	log_begin(&line, &s->log, err == YB_OK ? LOG_INFO : LOG_ERROR,
		  "reloaded");
	log_field_u64(&line, "number", s->config.number);
	log_field_u64(&line, "changes", r->changes);
	log_field_u64(&line, "need_restart", r->restarts);
	if (err != YB_OK)
		log_field_str(&line, "err", err_name(err));
	log_end(&line);
	r->busy = false;
	r->call = NULL;
	supervisor_tell_systemd(s);
	if (call != NULL)
		control_reply(call, err);
	if (r->again)
		supervisor_reload(s, NULL);
}

static void check_followed(struct supervisor *s)
{
	for (size_t i = 0; i < s->children.n; i++)
		if (s->children.child[i].reloading)
			return;
	finish(s, s->reload.partly ? YB_TIMEOUT : YB_OK);
}

void supervisor_reloaded(struct supervisor *s, struct child *c, enum yb_err err)
{
	c->reloading = false;
	if (!s->reload.busy)
		return; /* it took too long, and was told of already */
	if (err != YB_OK) {
		s->reload.partly = true;
		tell_problem(s, "%s-%u goes on with what it had: %s",
			     role_name(c->role), c->number, err_text(err));
	}
	check_followed(s);
}

static void out_of_patience(void *ctx, uint64_t now_ms)
{
	struct supervisor *s = ctx;

	(void)now_ms;
	for (size_t i = 0; i < s->children.n; i++) {
		struct child *c = &s->children.child[i];

		if (!c->reloading)
			continue;
		c->reloading = false;
		tell_problem(s, "%s-%u does not answer", role_name(c->role),
			     c->number);
	}
	finish(s, YB_TIMEOUT);
}

/* ---- applying ---- */

/* What a reload opens; put in place as a whole, or closed. */
struct opened {
	int listeners[CONFIG_LISTENERS_MAX];
	ino_t sockets[CONFIG_LISTENERS_MAX];
	bool foreign[CONFIG_LISTENERS_MAX];
	bool bound[CONFIG_LISTENERS_MAX]; /* by this reload */
	int log_fd, config_fd;
	struct tickets tickets;
};

static void undo(const struct config *fresh, struct opened *o)
{
	for (uint32_t i = 0; i < fresh->listeners_n; i++) {
		if (!o->bound[i])
			continue;
		supervisor_remove_socket(fresh->listeners[i].address,
					 o->sockets[i]);
		fd_close(&o->listeners[i]);
	}
	fd_close(&o->log_fd);
	fd_close(&o->config_fd);
}

static enum yb_err open_listener(struct supervisor *s,
				 const struct config *fresh, uint32_t i,
				 struct opened *o)
{
	const struct config_listener *l = &fresh->listeners[i];
	size_t at = config_find_listener(&s->config, l->address);
	enum yb_err err;

	if (at != SIZE_MAX) {
		o->listeners[i] = s->children.listeners[at];
		o->sockets[i] = s->sockets[at];
		o->foreign[i] = s->foreign[at];
		return YB_OK;
	}
	err = supervisor_bind(l, &o->listeners[i], &o->sockets[i]);
	o->bound[i] = err == YB_OK;
	if (err != YB_OK)
		tell_problem(s, "cannot listen on %s: %s", l->address,
			     err_text(err));
	return err;
}

/* Of the process that a reload starts; systems set up earlier lack it. */
static bool have_user(struct supervisor *s, const struct config *fresh)
{
	char name[CONFIG_TEXT_MAX + ROLE_SUFFIX_MAX];

	if (!config_needs_lookup(fresh) || !process_may_become_others() ||
	    supervisor_find_user(s, ROLE_LOOKUP, name))
		return true;
	tell_problem(s,
		     "there is no user %s on this host; run `yubin init` as "
		     "root",
		     name);
	return false;
}

static enum yb_err open_all(struct supervisor *s, const struct config *fresh,
			    struct opened *o)
{
	enum yb_err err = YB_OK;

	for (uint32_t i = 0; err == YB_OK && i < fresh->listeners_n; i++)
		err = open_listener(s, fresh, i, o);
	if (err != YB_OK)
		return err;
	if (!have_user(s, fresh))
		return YB_NOT_FOUND;
	err = supervisor_open_log(fresh, &o->log_fd);
	if (err != YB_OK) {
		tell_problem(s, "log: cannot open %s: %s", fresh->log_path,
			     err_text(err));
		return err;
	}
	err = memfd_make("yubin-config", span_of(fresh, sizeof *fresh),
			 &o->config_fd);
	return err == YB_OK ? tickets_begin(&o->tickets, clock_mono_ms()) : err;
}

/* Nothing can fail from here on. */
static void put_in_place(struct supervisor *s, const struct config *fresh,
			 struct opened *o)
{
	struct children *all = &s->children;

	for (uint32_t i = 0; i < s->config.listeners_n; i++) {
		const char *address = s->config.listeners[i].address;

		if (config_find_listener(fresh, address) != SIZE_MAX)
			continue;
		fd_close(&all->listeners[i]);
		supervisor_remove_socket(address, s->sockets[i]);
	}
	memcpy(all->listeners, o->listeners, sizeof all->listeners);
	memcpy(s->sockets, o->sockets, sizeof s->sockets);
	memcpy(s->foreign, o->foreign, sizeof s->foreign);
	log_flush(&s->log);
	fd_close(&s->log_fd);
	fd_close(&s->config_fd);
	s->log.fd = s->log_fd = all->log_fd = o->log_fd;
	s->config_fd = all->config_fd = o->config_fd;
	all->tickets = o->tickets;
	s->config = *fresh;
	memcpy(s->marks.of, s->reload.reader.marks, sizeof s->marks.of);
	if (all->page != NULL)
		metric_set(all->page, METRIC_CONFIG_NUMBER, fresh->number);
}

/* The same path, but what stands there is new: a renewed certificate. */
static void compare_files(struct supervisor *s, const struct config *fresh)
{
	for (size_t i = 0; i < config_pairs(fresh); i++) {
		const char *path = config_pair_certificate(fresh, i);
		size_t at = 0;

		while (at < config_pairs(&s->config) &&
		       strcmp(config_pair_certificate(&s->config, at), path) !=
			       0)
			at++;
		if (at < config_pairs(&s->config) &&
		    memcmp(s->marks.of[at], s->reload.reader.marks[i],
			   sizeof s->marks.of[at]) != 0) {
			char text[CONFIG_PATH_LEN + 64];

			(void)snprintf(text, sizeof text,
				       "%s: the file or its key is new", path);
			on_change(s, text, true);
		}
	}
}

/* Its cage is made for the programs that it has; other ones take another. */
static bool are_same_programs(const struct config *a, const struct config *b)
{
	const char *key, *of_a, *of_b;
	size_t i = 0;

	if (config_needs_lookup(a) != config_needs_lookup(b))
		return false;
	do {
		of_a = config_program(a, i, &key);
		of_b = config_program(b, i, &key);
		if ((of_a == NULL) != (of_b == NULL) ||
		    (of_a != NULL && strcmp(of_a, of_b) != 0))
			return false;
		i++;
	} while (of_a != NULL);
	return true;
}

static void tell_children(struct supervisor *s, bool new_lookup)
{
	struct child *c;

	for (size_t i = 0; i < s->children.n; i++)
		if (s->children.child[i].role != ROLE_LOOKUP || !new_lookup)
			(void)child_reload(&s->children.child[i]);
	supervisor_add_children(s);
	c = children_find(&s->children, ROLE_METRICS, 0);
	/* It was not wanted before. */
	if (c != NULL && c->started_ms == 0)
		child_start(c);
	c = children_find(&s->children, ROLE_LOOKUP, 0);
	if (c != NULL && new_lookup)
		child_renew(c, config_needs_lookup(&s->config));
	loop_timer_set(s->loop, &s->reload.patience,
		       clock_mono_ms() + FOLLOW_MS);
	check_followed(s);
}

static void apply(struct supervisor *s)
{
	struct config *fresh = &s->reload.reader.config;
	struct opened o = { .log_fd = -1, .config_fd = -1 };
	bool new_lookup;
	enum yb_err err;

	for (size_t i = 0; i < CONFIG_LISTENERS_MAX; i++)
		o.listeners[i] = -1;
	fresh->number = s->config.number + 1;
	config_compare(&s->config, fresh, on_change, s);
	compare_files(s, fresh);
	err = open_all(s, fresh, &o);
	if (err != YB_OK) {
		undo(fresh, &o);
		finish(s, err);
		return;
	}
	new_lookup = !are_same_programs(&s->config, fresh);
	put_in_place(s, fresh, &o);
	tell_children(s, new_lookup);
}

static void on_read(void *ctx, enum yb_err err)
{
	struct supervisor *s = ctx;

	if (err != YB_OK)
		finish(s, YB_INVALID);
	else if (s->stage != STAGE_RUNNING)
		finish(s, YB_BUSY); /* the server began to end meanwhile */
	else
		apply(s);
}

void supervisor_reload_init(struct supervisor *s)
{
	loop_timer_init(&s->reload.patience, out_of_patience, s);
}

void supervisor_reload(struct supervisor *s, struct control_call *call)
{
	struct reload *r = &s->reload;

	if (r->busy || s->stage != STAGE_RUNNING) {
		r->again = r->busy && (r->again || call == NULL);
		if (call != NULL)
			control_reply(call, YB_BUSY);
		return;
	}
	r->busy = true;
	notify_send("RELOADING=1\nMONOTONIC_USEC=%llu",
		    (unsigned long long)clock_mono_ms() * 1000);
	r->again = r->partly = false;
	r->changes = r->restarts = 0;
	r->call = call;
	r->reader.loop = s->loop;
	r->reader.program = NULL;
	r->reader.problem = on_problem;
	r->reader.done = on_read;
	r->reader.ctx = s;
	if (config_reader_begin(&r->reader, s->file) != YB_OK)
		finish(s, YB_INVALID);
}
