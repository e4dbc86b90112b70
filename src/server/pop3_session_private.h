/*
 * Between the files of a POP3 session: pop3_session.c is what its connection
 * calls, and RETR and TOP; pop3_session_login.c has the way to a maildrop,
 * pop3_session_quit.c that out of it.
 */
#ifndef SERVER_POP3_SESSION_PRIVATE_H
#define SERVER_POP3_SESSION_PRIVATE_H

#include "mime/wire.h"
#include "proto/pop3_server.h"
#include "sasl/server.h"
#include "server/pop3_session.h"
#include "server/worker.h"

struct pop3_session {
	struct connection *connection;
	struct pop3_server *engine;
	bool waiting; /* an event has to be answered from outside */
	bool wants_tls;
	bool asked_sasl;   /* the login that waits is a SASL exchange */
	bool reading_top;  /* `top` goes on at the next progress */
	uint64_t request;  /* waits for an answer; 0: none */
	uint64_t exchange; /* SASL, at auth; 0: none */
	bool open;         /* `handle` is a session at the store */
	uint64_t handle;
	const struct pop3_event *event; /* RETR or TOP, until it is answered */
	struct wire_top top;
	void *listing_block;           /* inline listing, or NULL */
	struct mapped_listing *mapped; /* one that came as a memfd, or NULL */
	struct listing listing;
	uint64_t deleted;    /* messages that QUIT really deleted */
	uint64_t uidls_left; /* listing_head's sum without them */
	char *address;       /* canonical, once logged in */
	char *apop;          /* the greeting's timestamp, or NULL */
	char sasl[SASL_LIST_MAX], sasl_tls[SASL_LIST_MAX]; /* offered */
};

/* ---- pop3_session_login.c ---- */

void pop3_session_login(struct pop3_session *s, const struct pop3_event *ev);
void pop3_session_sasl(struct pop3_session *s, const struct pop3_event *ev);

/* The client or the connection gave up what auth still works on. */
void pop3_session_forget_login(struct pop3_session *s);

/* Tells the store that the maildrop is not needed any more, if it is open. */
void pop3_session_tell_closed(struct pop3_session *s);
void pop3_session_forget_maildrop(struct pop3_session *s);

/* ---- pop3_session_quit.c ---- */

void pop3_session_quit(struct pop3_session *s);

#endif
