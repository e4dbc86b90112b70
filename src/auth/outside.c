#include "auth/outside.h"

#include <stdlib.h>

#include "auth/attempt.h"
#include "base/buf.h"
#include "crypto/random.h"
#include "os/clock.h"
#include "os/random.h"

/* An answer, for as long as it counts; later, until there is a newer one. */
struct known {
	struct list link; /* in one of the lists, the oldest first */
	bool found;
	uint64_t until_ms;
	uint64_t serial; /* of the answer; rises with every change */
	struct directory_verifier main;
	char hash[DIRECTORY_HASH_MAX + 1];
	struct setting_set settings;
	struct name name;
};

/* A name that is asked about, and who waits for it. */
struct refresh {
	struct list waiting;
	struct name name;
};

struct outside {
	struct auth_outside config;
	struct map known;
	struct list found, unknown;
	size_t found_n, unknown_n;
	struct map asked;
	uint64_t serial;
	char sample[DIRECTORY_HASH_MAX + 1]; /* of the account seen last */
};

/* ---- what is known ---- */

static struct known *find(const struct outside *o, struct span address)
{
	return map_get(&o->known, address);
}

static void unlink_known(struct outside *o, struct known *k)
{
	list_remove(&k->link);
	if (k->found)
		o->found_n--;
	else
		o->unknown_n--;
}

static void forget(struct auth *a, struct known *k)
{
	struct outside *o = a->outside;

	cache_forget(&a->cache, name_span(&k->name));
	(void)map_remove(&o->known, name_span(&k->name));
	unlink_known(o, k);
	mem_wipe(k, sizeof *k);
	free(k);
}

static void link_known(struct outside *o, struct known *k)
{
	list_push(k->found ? &o->found : &o->unknown, &k->link);
	if (k->found)
		o->found_n++;
	else
		o->unknown_n++;
}

static void make_room(struct auth *a)
{
	struct outside *o = a->outside;

	if (o->found_n > CACHE_ACCOUNTS_MAX)
		forget(a, list_entry(o->found.next, struct known, link));
	if (o->unknown_n > OUTSIDE_UNKNOWN_MAX)
		forget(a, list_entry(o->unknown.next, struct known, link));
}

static bool is_same_password(const struct known *k,
			     const struct outside_account *answer)
{
	const struct directory_verifier *v = &answer->main;

	return k->main.kind == v->kind && k->main.iterations == v->iterations &&
	       memcmp(k->main.salt, v->salt, sizeof v->salt) == 0 &&
	       memcmp(k->main.stored_key, v->stored_key,
		      sizeof v->stored_key) == 0 &&
	       strcmp(k->hash, v->hash != NULL ? v->hash : "") == 0;
}

static bool is_same_settings(const struct setting_set *a,
			     const struct setting_set *b)
{
	for (int i = 0; i < SETTINGS_N; i++)
		if ((a->has & 1u << i) != (b->has & 1u << i) ||
		    ((a->has & 1u << i) != 0 && a->value[i] != b->value[i]))
			return false;
	return true;
}

/* ---- the row ---- */

/*
 * The first time an account is heard of it gets its id. The row's own main
 * password is one that nobody knows, not even here.
 */
static enum yb_err make_row(struct auth *a, const struct name *name)
{
	struct directory_verifier v = { .kind = DIRECTORY_SCRAM_SHA_256,
					.device = DIRECTORY_MAIN,
					.name = "main",
					.iterations = a->iterations };
	uint8_t id[DIRECTORY_ID_LEN];
	enum yb_err err = crypto_random(v.salt, sizeof v.salt);

	if (err == YB_OK)
		err = crypto_random(v.stored_key, sizeof v.stored_key);
	if (err == YB_OK)
		err = crypto_random(v.server_key, sizeof v.server_key);
	if (err == YB_OK)
		err = directory_account_add(a->directory, name_span(name), &v,
					    clock_real_ns() / 1000000000, id);
	mem_wipe(&v, sizeof v);
	return err;
}

/* Sessions of what is over are to end. */
static void end_sessions(struct auth *a, const struct name *name,
			 uint64_t devices)
{
	struct directory_account *row = NULL;

	if (directory_account_find(a->directory, name_span(name), &row) ==
	    YB_OK)
		devices_tell_ended(a, row->id, devices);
	directory_account_free(&row);
}

static enum yb_err have_row(struct auth *a, const struct name *name)
{
	struct directory_account *row = NULL;
	enum yb_err err =
		directory_account_find(a->directory, name_span(name), &row);

	directory_account_free(&row);
	return err == YB_NO_ACCOUNT ? make_row(a, name) : err;
}

/* ---- learning ---- */

static bool locks(const struct setting_set *s)
{
	return (s->has & 1u << SETTING_login) != 0 &&
	       s->value[SETTING_login] == 0;
}

/* `k` is new, or what was said before. */
static void take_over(struct auth *a, struct known *k, bool is_new,
		      const struct outside_account *answer)
{
	bool was_found = !is_new && k->found;
	bool same_password =
		was_found && answer->found && is_same_password(k, answer);
	bool same = !is_new && k->found == answer->found &&
		    (!k->found ||
		     (same_password &&
		      is_same_settings(&k->settings, &answer->settings)));

	if (same)
		return;
	k->serial = ++a->outside->serial;
	k->settings = answer->settings;
	k->main = answer->main;
	k->main.hash = k->hash;
	k->main.name = "main";
	if (answer->main.hash == NULL ||
	    !span_to_str(span_str(answer->main.hash), k->hash, sizeof k->hash))
		k->hash[0] = 0;
	cache_forget(&a->cache, name_span(&k->name));
	if (!answer->found || locks(&answer->settings))
		end_sessions(a, &k->name, UINT64_MAX);
	else if (was_found && !same_password)
		end_sessions(a, &k->name, 1ull << DIRECTORY_MAIN);
}

static enum yb_err learn(struct auth *a, const struct name *name,
			 const struct outside_account *answer)
{
	struct outside *o = a->outside;
	struct known *k = find(o, name_span(name));
	bool is_new = k == NULL;
	enum yb_err err = answer->found ? have_row(a, name) : YB_OK;

	if (err != YB_OK)
		return err;
	if (is_new) {
		k = calloc(1, sizeof *k);
		if (k == NULL ||
		    map_put(&o->known, name_span(name), k) != YB_OK) {
			free(k);
			return YB_NOMEM;
		}
		list_init(&k->link);
		k->name = *name;
	} else {
		unlink_known(o, k);
	}
	take_over(a, k, is_new, answer);
	k->found = answer->found;
	k->until_ms = a->now_ms +
		      1000ull * (answer->found ? o->config.cache_s
					       : o->config.cache_unknown_s);
	link_known(o, k);
	if (answer->main.kind == DIRECTORY_CRYPT)
		memcpy(o->sample, k->hash, sizeof o->sample);
	make_room(a);
	return YB_OK;
}

/* ---- asking ---- */

/* Only names of our own domains are anybody's to be asked about. */
static enum yb_err is_ours(struct auth *a, struct span address, bool *ret)
{
	size_t at = span_find_last(address, '@');
	char own[DIRECTORY_DOMAIN_MAX + 1];
	enum yb_err err = YB_NOT_FOUND;

	if (at < address.n)
		err = directory_domain_alias_of(
			a->directory, span_skip(address, at + 1), own);
	*ret = err == YB_OK && *own == 0;
	return err == YB_NOT_FOUND ? YB_OK : err;
}

static enum yb_err ask(struct auth *a, struct span address,
		       struct refresh **ret)
{
	struct outside *o = a->outside;
	struct refresh *r = calloc(1, sizeof *r);
	enum yb_err err = YB_NOMEM;

	if (r == NULL)
		return YB_NOMEM;
	list_init(&r->waiting);
	r->name.n = address.n;
	if (span_to_str(address, r->name.text, sizeof r->name.text))
		err = map_put(&o->asked, address, r);
	if (err == YB_OK) {
		err = o->config.ask_account(o->config.ctx, address, r);
		if (err != YB_OK)
			(void)map_remove(&o->asked, address);
	}
	if (err != YB_OK)
		free(r);
	else
		*ret = r;
	return err;
}

enum yb_err outside_refresh(struct auth *a, struct span address,
			    struct outside_wait *w)
{
	struct outside *o = a->outside;
	const struct known *k = o == NULL ? NULL : find(o, address);
	struct refresh *r;
	bool ours = false;
	enum yb_err err;

	if (o == NULL || (k != NULL && a->now_ms < k->until_ms))
		return YB_OK;
	err = is_ours(a, address, &ours);
	if (err != YB_OK || !ours)
		return err;
	if (w == NULL)
		return YB_AGAIN;
	r = map_get(&o->asked, address);
	if (r == NULL)
		err = ask(a, address, &r);
	if (err != YB_OK)
		return err_is_temp(err) ? err : YB_GONE;
	list_init(&w->link);
	list_push(&r->waiting, &w->link);
	return YB_AGAIN;
}

void auth_account_answered(struct auth *a, void *ticket, enum yb_err err,
			   const struct outside_account *answer,
			   uint64_t now_ms)
{
	struct refresh *r = ticket;
	struct list *link;

	a->now_ms = now_ms > a->now_ms ? now_ms : a->now_ms;
	(void)map_remove(&a->outside->asked, name_span(&r->name));
	if (err == YB_OK)
		err = learn(a, &r->name, answer);
	if (err != YB_OK && !err_is_temp(err))
		err = YB_GONE;
	while ((link = list_pop(&r->waiting)) != NULL) {
		struct outside_wait *w =
			list_entry(link, struct outside_wait, link);

		w->done(w, a, err);
	}
	free(r);
	attempts_run(a);
}

enum yb_err auth_recipient_wait(struct auth *a, struct outside_wait *w)
{
	return outside_refresh(a, name_span(&a->wanted), w);
}

/* ---- for others ---- */

enum yb_err outside_lay_over(const struct outside *o, struct span address,
			     struct directory_account *account)
{
	const struct known *k = find(o, address);
	struct directory_credential *c = account->credentials;

	if (k == NULL || !k->found || account->credentials_n == 0 ||
	    c->device != DIRECTORY_MAIN)
		return YB_NO_ACCOUNT;
	account->generation += k->serial << 32;
	/* What the row has is nobody's password, or was one of earlier days. */
	c->kind = DIRECTORY_SCRAM_SHA_256;
	c->hash = "";
	memset(c->stored_key, 0, sizeof c->stored_key);
	memset(c->server_key, 0, sizeof c->server_key);
	if (k->main.kind == DIRECTORY_CRYPT) {
		c->kind = DIRECTORY_CRYPT;
		c->hash = k->hash; /* whoever forgets `k` forgets this */
	} else if (k->main.kind == DIRECTORY_SCRAM_SHA_256) {
		/* One account has one salt: those of app passwords that were
		 * made here differ, and count no more. */
		memcpy(c->stored_key, k->main.stored_key, sizeof c->stored_key);
		memcpy(c->server_key, k->main.server_key, sizeof c->server_key);
		memcpy(account->salt, k->main.salt, sizeof account->salt);
		account->iterations = k->main.iterations;
		account->credentials_n = 1;
	}
	return YB_OK;
}

void outside_settings(const struct outside *o, struct span address,
		      uint64_t settings[SETTINGS_N])
{
	const struct known *k = find(o, address);

	for (int i = 0; k != NULL && i < SETTINGS_N; i++)
		if ((k->settings.has & 1u << i) != 0)
			settings[i] = k->settings.value[i];
}

const char *outside_sample(const struct outside *o)
{
	return o == NULL ? "" : o->sample;
}

bool outside_checks(const struct outside *o)
{
	return o != NULL && o->config.ask_password != NULL;
}

enum yb_err outside_ask_password(struct auth *a, struct span address,
				 struct span password, void *ticket)
{
	const struct auth_outside *config = &a->outside->config;

	return config->ask_password(config->ctx, address, password, ticket);
}

/* ---- life ---- */

enum yb_err auth_set_outside(struct auth *a, const struct auth_outside *outside)
{
	struct outside *o = a->outside;
	uint64_t cache_ms = 1000ull * outside->cache_s;

	if (o == NULL) {
		o = calloc(1, sizeof *o);
		if (o == NULL)
			return YB_NOMEM;
		map_init(&o->known, os_random_u64());
		map_init(&o->asked, os_random_u64());
		list_init(&o->found);
		list_init(&o->unknown);
		a->outside = o;
		a->cache.outside = o;
		cache_forget_all(&a->cache);
	}
	o->config = *outside;
	/* A password that was changed outside is not taken for longer. */
	a->cache.success_ms =
		cache_ms < CACHE_SUCCESS_MS ? cache_ms : CACHE_SUCCESS_MS;
	return YB_OK;
}

static void free_list(struct list *list)
{
	struct list *link;

	while ((link = list_pop(list)) != NULL) {
		struct known *k = list_entry(link, struct known, link);

		mem_wipe(k, sizeof *k);
		free(k);
	}
}

void outside_free(struct outside **outside)
{
	struct outside *o = *outside;
	struct refresh *r;
	size_t at = 0;

	if (o == NULL)
		return;
	while ((r = map_next(&o->asked, &at)) != NULL)
		free(r); /* nobody is left to be told */
	map_done(&o->asked);
	map_done(&o->known);
	free_list(&o->found);
	free_list(&o->unknown);
	free(o);
	*outside = NULL;
}
