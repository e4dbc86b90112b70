#include "auth/cache.h"

#include <stdlib.h>

#include "auth/outside.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "crypto/compare.h"
#include "crypto/random.h"
#include "os/random.h"

enum yb_err cache_open(struct cache *c, struct directory *directory,
		       uint32_t iterations)
{
	uint8_t key[HMAC_LEN];
	enum yb_err err;

	*c = (struct cache){ .directory = directory,
			     .iterations = iterations,
			     .success_ms = CACHE_SUCCESS_MS };
	for (int i = 0; i < SETTINGS_N; i++)
		c->defaults[i] = setting_preset((enum setting)i);
	list_init(&c->accounts);
	list_init(&c->unknown);
	map_init(&c->map, os_random_u64());
	err = hmac_new(
		span_of(directory_secret(directory), DIRECTORY_SECRET_LEN),
		&c->fake);
	if (err == YB_OK)
		err = crypto_random(key, sizeof key);
	if (err == YB_OK)
		err = hmac_new(span_of(key, sizeof key), &c->proof);
	mem_wipe(key, sizeof key);
	if (err != YB_OK)
		cache_close(c);
	return err;
}

static void drop(struct cache *c, struct cached *at)
{
	(void)map_remove(&c->map, span_str(at->account->address));
	list_remove(&at->link);
	if (at->real)
		c->accounts_n--;
	else
		c->unknown_n--;
	mem_wipe(at->success,
		 at->account->credentials_n * sizeof at->success[0]);
	directory_account_free(&at->account);
	free(at);
}

static void drop_all(struct cache *c, struct list *list)
{
	while (!list_empty(list))
		drop(c, list_entry(list->next, struct cached, link));
}

void cache_close(struct cache *c)
{
	drop_all(c, &c->accounts);
	drop_all(c, &c->unknown);
	map_done(&c->map);
	hmac_free(&c->fake);
	hmac_free(&c->proof);
}

/*
 * Everything about a fake account follows from its name and the directory's
 * secret: nobody who asks twice sees a difference to a real one.
 */
static enum yb_err make_fake(struct cache *c, struct span address,
			     struct directory_account **ret)
{
	size_t fixed = sizeof **ret + sizeof(struct directory_credential);
	struct directory_account *a = calloc(1, fixed + address.n + 1);
	const struct span salt[] = { SPAN_LIT("salt "), address };
	const struct span id[] = { SPAN_LIT("id "), address };
	const struct span key[] = { SPAN_LIT("key "), address };
	uint8_t sum[HMAC_LEN];
	enum yb_err err;

	if (a == NULL)
		return YB_NOMEM;
	a->size = fixed + address.n + 1;
	a->iterations = c->iterations;
	a->credentials_n = 1;
	a->address = memcpy((char *)a + fixed, address.p, address.n);
	a->credentials[0].kind = DIRECTORY_SCRAM_SHA_256;
	a->credentials[0].name = "main";
	a->credentials[0].hash = a->credentials[0].limits.networks = "";
	err = hmac_sum(c->fake, salt, ARRAY_LEN(salt), sum);
	memcpy(a->salt, sum, sizeof a->salt);
	if (err == YB_OK)
		err = hmac_sum(c->fake, id, ARRAY_LEN(id), sum);
	memcpy(a->id, sum, sizeof a->id);
	if (err == YB_OK)
		err = hmac_sum(c->fake, key, ARRAY_LEN(key),
			       a->credentials[0].stored_key);
	if (err != YB_OK)
		directory_account_free(&a);
	else
		*ret = a;
	return err;
}

/* What counts: the account's own, else its domain's, else the default. */
static enum yb_err load_settings(struct cache *c, struct span address,
				 uint64_t ret[SETTINGS_N])
{
	struct span domain =
		span_skip(address, span_find_last(address, '@') + 1);
	struct setting_set own, of_domain;
	enum yb_err err = directory_settings_get(
		c->directory, DIRECTORY_ACCOUNT, address, &own);

	if (err == YB_OK)
		err = directory_settings_get(c->directory, DIRECTORY_DOMAIN,
					     domain, &of_domain);
	for (int i = 0; i < SETTINGS_N && err == YB_OK; i++) {
		if ((own.has & 1u << i) != 0)
			ret[i] = own.value[i];
		else if ((of_domain.has & 1u << i) != 0)
			ret[i] = of_domain.value[i];
		else
			ret[i] = c->defaults[i];
	}
	if (c->outside != NULL)
		outside_settings(c->outside, address, ret);
	return err;
}

static enum yb_err load(struct cache *c, struct span address, bool *ret_real,
			struct directory_account **ret)
{
	enum yb_err err = directory_account_find(c->directory, address, ret);

	if (err == YB_OK && c->outside != NULL) {
		err = outside_lay_over(c->outside, address, *ret);
		if (err != YB_OK)
			directory_account_free(ret);
	}
	*ret_real = err == YB_OK;
	return err == YB_NO_ACCOUNT ? make_fake(c, address, ret) : err;
}

/* Takes the account over, also when it fails. */
static enum yb_err insert(struct cache *c, struct span address, bool real,
			  struct directory_account *account, uint64_t now_ms,
			  struct cached **ret)
{
	struct cached *at = calloc(
		1, sizeof *at + account->credentials_n * sizeof at->success[0]);

	if (at == NULL || map_put(&c->map, address, at) != YB_OK) {
		free(at);
		directory_account_free(&account);
		return YB_NOMEM;
	}
	at->real = real;
	at->until_ms = now_ms + CACHE_UNKNOWN_MS;
	at->success_ms = c->success_ms;
	at->account = account;
	list_init(&at->link);
	list_push(real ? &c->accounts : &c->unknown, &at->link);
	if (real)
		c->accounts_n++;
	else
		c->unknown_n++;
	*ret = at;
	return YB_OK;
}

static void make_room(struct cache *c)
{
	if (c->accounts_n >= CACHE_ACCOUNTS_MAX)
		drop(c, list_entry(c->accounts.next, struct cached, link));
	if (c->unknown_n >= CACHE_UNKNOWN_MAX)
		drop(c, list_entry(c->unknown.next, struct cached, link));
}

enum yb_err cache_find(struct cache *c, struct span address, uint64_t now_ms,
		       struct cached **ret)
{
	struct cached *at = map_get(&c->map, address);
	struct directory_account *account = NULL;
	bool real = false;
	enum yb_err err;

	if (at != NULL && !at->real && now_ms >= at->until_ms) {
		drop(c, at);
		at = NULL;
	}
	if (at != NULL) {
		struct list *list = at->real ? &c->accounts : &c->unknown;

		list_remove(&at->link);
		list_push(list, &at->link);
		*ret = at;
		return YB_OK;
	}
	err = load(c, address, &real, &account);
	if (err != YB_OK)
		return err;
	make_room(c);
	err = insert(c, address, real, account, now_ms, &at);
	if (err == YB_OK)
		err = load_settings(c, address, at->settings);
	if (err == YB_OK)
		*ret = at;
	else if (at != NULL)
		drop(c, at);
	return err;
}

bool cached_is_of(const struct cached *at, struct span name)
{
	struct span address = span_str(at->account->address);
	size_t cut = span_find_last(address, '@');

	return name.n == 0 || span_eq(address, name) ||
	       span_eq(span_skip(address, cut + 1), name);
}

enum yb_err cache_reload_settings(struct cache *c, struct span name)
{
	enum yb_err err = YB_OK;

	list_for_each(link, &c->accounts) {
		struct cached *at = list_entry(link, struct cached, link);
		struct span address = span_str(at->account->address);

		if (cached_is_of(at, name) && err == YB_OK)
			err = load_settings(c, address, at->settings);
	}
	/* They look real: they have what their domain has. */
	drop_all(c, &c->unknown);
	return err;
}

void cache_forget_all(struct cache *c)
{
	drop_all(c, &c->accounts);
	drop_all(c, &c->unknown);
}

void cache_forget(struct cache *c, struct span address)
{
	struct cached *at = map_get(&c->map, address);

	if (at != NULL)
		drop(c, at);
}

enum yb_err cache_digest(struct cache *c, const struct cached *at,
			 struct span password, uint8_t ret[HMAC_LEN])
{
	uint8_t generation[8];
	/* Two of fixed length before one of any: no two meanings collide. */
	const struct span parts[] = {
		span_of(at->account->id, sizeof at->account->id),
		span_of(generation, sizeof generation),
		password,
	};

	put_le64(generation, at->account->generation);
	return hmac_sum(c->proof, parts, ARRAY_LEN(parts), ret);
}

int cache_recall(const struct cached *at, const uint8_t digest[HMAC_LEN],
		 uint64_t now_ms)
{
	int found = -1;

	/* All are compared, whichever fits. */
	for (uint32_t i = 0; i < at->account->credentials_n; i++)
		if (compare_equal(at->success[i].digest, digest, HMAC_LEN) &&
		    now_ms < at->success[i].until_ms)
			found = (int)i;
	return cached_may_log_in(at) ? found : -1;
}

void cache_remember(struct cached *at, uint32_t index,
		    const uint8_t digest[HMAC_LEN], uint64_t now_ms)
{
	memcpy(at->success[index].digest, digest, HMAC_LEN);
	at->success[index].until_ms = now_ms + at->success_ms;
}
