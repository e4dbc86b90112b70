#include "auth/throttle.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "crypto/hmac.h"
#include "os/random.h"

/* clang-format off */
static const struct {
	size_t entries;
	uint32_t free, most;
	uint64_t forgive_ms, delay_ms;
} rules[THROTTLE_KINDS] = {
#define X(name, entries, free, most, forgive, delay) \
	[THROTTLE_##name] = { entries, free, most, forgive, delay },
	THROTTLES(X)
#undef X
};
/* clang-format on */

/* ---- keys ---- */

struct key {
	uint8_t kind;
	uint8_t octets[THROTTLE_KEY_LEN];
};

unsigned throttle_network(const uint8_t address[16], uint8_t ret[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memset(ret, 0, 16);
	if (memcmp(address, mapped, sizeof mapped) == 0) {
		memcpy(ret, address, 15);
		return 24;
	}
	memcpy(ret, address, 6);
	return 48;
}

/* IPv4 whole; of IPv6 the half that a customer is given, as in peers.c. */
static void source_of(const uint8_t address[16], uint8_t ret[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(ret, address, 16);
	if (memcmp(address, mapped, sizeof mapped) != 0)
		memset(ret + 8, 0, 8);
}

/* What stands for octets that may be long, or secret. */
static bool keyed(const struct throttle *t, struct span what, struct span a,
		  struct span b, uint8_t ret[THROTTLE_KEY_LEN])
{
	uint8_t n[8], sum[HMAC_LEN];
	const struct span parts[] = { what, span_of(n, sizeof n), a, b };

	put_le64(n, a.n);
	if (hmac_sum(t->keyed, parts, ARRAY_LEN(parts), sum) != YB_OK)
		return false;
	memcpy(ret, sum, THROTTLE_KEY_LEN);
	return true;
}

static bool make_key(const struct throttle *t, enum throttle_kind kind,
		     const struct throttle_who *who, struct key *ret)
{
	uint8_t source[16];

	ret->kind = (uint8_t)kind;
	switch (kind) {
	case THROTTLE_ADDRESS:
		source_of(who->address, ret->octets);
		return true;
	case THROTTLE_NETWORK:
		(void)throttle_network(who->address, ret->octets);
		return true;
	case THROTTLE_ACCOUNT:
		return keyed(t, SPAN_LIT("account"), who->account, SPAN_NONE,
			     ret->octets);
	case THROTTLE_PASSWORD:
		return who->password.n > 0 &&
		       keyed(t, SPAN_LIT("password"), who->password, SPAN_NONE,
			     ret->octets);
	case THROTTLE_KNOWN:
		source_of(who->address, source);
		return keyed(t, SPAN_LIT("known"), who->account,
			     span_of(source, sizeof source), ret->octets);
	case THROTTLE_KINDS:
		break;
	}
	return false;
}

/* ---- tallies ---- */

static void drop(struct throttle *t, struct tally *y)
{
	struct key key = { .kind = (uint8_t)y->kind };

	memcpy(key.octets, y->key, sizeof key.octets);
	(void)map_remove(&t->map, span_of(&key, sizeof key));
	list_remove(&y->link);
	t->n[y->kind]--;
	if (y->written)
		list_push(&t->gone, &y->link);
	else
		free(y);
}

static struct tally *insert(struct throttle *t, const struct key *key,
			    struct span label)
{
	enum throttle_kind kind = (enum throttle_kind)key->kind;
	struct tally *y;

	if (t->n[kind] >= rules[kind].entries)
		drop(t, list_entry(t->of[kind].next, struct tally, link));
	y = calloc(1, sizeof *y + label.n + 1);
	if (y == NULL)
		return NULL;
	y->kind = kind;
	memcpy(y->key, key->octets, sizeof y->key);
	if (label.n > 0)
		memcpy(y->label, label.p, label.n);
	list_init(&y->link);
	if (map_put(&t->map, span_of(key, sizeof *key), y) != YB_OK) {
		free(y);
		return NULL;
	}
	list_push(&t->of[kind], &y->link);
	t->n[kind]++;
	return y;
}

static void forgive(struct tally *y, int64_t now_ms)
{
	int64_t each = (int64_t)rules[y->kind].forgive_ms;
	int64_t n = (now_ms - y->since_ms) / each;

	/* A clock that was set back forgives nothing, and nothing for ever. */
	if (y->since_ms > now_ms)
		y->since_ms = now_ms;
	if (n <= 0)
		return;
	if ((uint64_t)n >= y->failures) {
		y->failures = 0;
		y->since_ms = now_ms;
	} else {
		y->failures -= (uint32_t)n;
		y->since_ms += n * each;
	}
}

/* NULL if there is none that counts. */
static struct tally *find(struct throttle *t, enum throttle_kind kind,
			  const struct throttle_who *who, int64_t now_ms)
{
	struct key key;
	struct tally *y = NULL;

	if (make_key(t, kind, who, &key))
		y = map_get(&t->map, span_of(&key, sizeof key));
	if (y != NULL)
		forgive(y, now_ms);
	return y != NULL && y->failures > 0 ? y : NULL;
}

static void touch(struct throttle *t, struct tally *y, int64_t now_ms)
{
	list_remove(&y->link);
	list_push(&t->of[y->kind], &y->link);
	y->dirty = true;
	if (t->write_ms == INT64_MAX)
		t->write_ms = now_ms + THROTTLE_WRITE_MS;
}

/* One more of it; NULL if there is no memory, or no key. */
static struct tally *count(struct throttle *t, enum throttle_kind kind,
			   const struct throttle_who *who, int64_t now_ms)
{
	struct key key;
	struct tally *y;

	if (!make_key(t, kind, who, &key))
		return NULL;
	y = map_get(&t->map, span_of(&key, sizeof key));
	if (y == NULL)
		y = insert(t, &key,
			   kind == THROTTLE_ACCOUNT ? who->account : SPAN_NONE);
	if (y == NULL)
		return NULL;
	forgive(y, now_ms);
	if (y->last_guess == who->guess && who->guess != 0)
		return y;
	y->last_guess = who->guess;
	if (kind == THROTTLE_PASSWORD) {
		uint64_t account = hash_octets(who->account, t->map.seed);

		for (size_t i = 0; i < THROTTLE_LAST_N; i++)
			if (y->last[i] == account)
				return y;
		memmove(y->last + 1, y->last,
			sizeof y->last - sizeof y->last[0]);
		y->last[0] = account;
	}
	if (y->failures == 0)
		y->since_ms = now_ms;
	if (y->failures < rules[kind].most)
		y->failures++;
	touch(t, y, now_ms);
	return y;
}

/* Failures beyond what is free. */
static uint32_t over(const struct tally *y)
{
	uint32_t free_n = y == NULL ? 0 : rules[y->kind].free;

	return y == NULL || y->failures <= free_n ? 0 : y->failures - free_n;
}

bool throttle_look(struct tally *y, int64_t now_ms)
{
	forgive(y, now_ms);
	return over(y) > 0;
}

/* ---- what attempts ask ---- */

uint32_t throttle_address_failures(struct throttle *t,
				   const uint8_t address[16], int64_t now_ms)
{
	const struct throttle_who who = { .address = address };
	struct tally *y = find(t, THROTTLE_ADDRESS, &who, now_ms);

	return y != NULL ? y->failures : 0;
}

static bool is_known(struct throttle *t, const struct throttle_who *who,
		     int64_t now_ms)
{
	return find(t, THROTTLE_KNOWN, who, now_ms) != NULL;
}

void throttle_prepare(struct throttle *t, const struct throttle_who *who,
		      int64_t now_ms, struct throttle_turn *ret)
{
	struct key key;

	ret->known = is_known(t, who, now_ms);
	(void)throttle_network(who->address, ret->network);
	/* Without memory for the sum: waits for nobody. */
	ret->known = !make_key(t, THROTTLE_ACCOUNT, who, &key) || ret->known;
	memcpy(ret->account, key.octets, sizeof ret->account);
}

/* Those of the two that are over their budget. */
static size_t find_over(struct throttle *t, const struct throttle_turn *turn,
			int64_t now_ms, struct tally *ret[2])
{
	const struct {
		enum throttle_kind kind;
		const uint8_t *octets;
	} which[] = { { THROTTLE_NETWORK, turn->network },
		      { THROTTLE_ACCOUNT, turn->account } };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(which) && !turn->known; i++) {
		struct key key = { .kind = (uint8_t)which[i].kind };
		struct tally *y;

		memcpy(key.octets, which[i].octets, sizeof key.octets);
		y = map_get(&t->map, span_of(&key, sizeof key));
		if (y != NULL)
			forgive(y, now_ms);
		if (over(y) > 0)
			ret[n++] = y;
	}
	return n;
}

bool throttle_may_begin(struct throttle *t, const struct throttle_turn *turn,
			int64_t now_ms)
{
	struct tally *hot[2];
	size_t n = find_over(t, turn, now_ms, hot);
	int64_t due = 0;

	for (size_t i = 0; i < n; i++)
		due = hot[i]->next_ms > due ? hot[i]->next_ms : due;
	if (due <= now_ms)
		return true;
	if (due < t->wake_ms)
		t->wake_ms = due;
	return false;
}

void throttle_begun(struct throttle *t, const struct throttle_turn *turn,
		    int64_t now_ms)
{
	struct tally *hot[2];
	size_t n = find_over(t, turn, now_ms, hot);

	for (size_t i = 0; i < n; i++) {
		int64_t more = (int64_t)over(hot[i]) * THROTTLE_SPACING_MORE_MS;

		more += THROTTLE_SPACING_MS;
		hot[i]->next_ms = now_ms + (more < THROTTLE_SPACING_MAX_MS
						    ? more
						    : THROTTLE_SPACING_MAX_MS);
	}
}

/* A second, and twice as much for each eighth of the budget that is over. */
static uint64_t delay_of(const struct tally *y)
{
	uint64_t delay = 1000;
	uint32_t n = over(y), step;

	if (n == 0)
		return 0;
	step = (rules[y->kind].most - rules[y->kind].free) / 8 + 1;
	for (; n > step && delay < rules[y->kind].delay_ms; n -= step)
		delay *= 2;
	return delay < rules[y->kind].delay_ms ? delay
					       : rules[y->kind].delay_ms;
}

uint64_t throttle_failed(struct throttle *t, const struct throttle_who *who,
			 int64_t now_ms)
{
	bool known = is_known(t, who, now_ms);
	uint64_t delay = 0;

	for (int kind = 0; kind < THROTTLE_KNOWN; kind++) {
		struct tally *y;
		uint64_t d;

		/* Whoever is at home here mistypes at his own cost. */
		if (known && kind != THROTTLE_ADDRESS)
			continue;
		y = count(t, (enum throttle_kind)kind, who, now_ms);
		d = delay_of(y);
		delay = d > delay ? d : delay;
	}
	return delay;
}

void throttle_passed(struct throttle *t, const struct throttle_who *who,
		     int64_t now_ms)
{
	struct tally *y = find(t, THROTTLE_KNOWN, who, now_ms);
	struct throttle_who once = *who;

	/* Written once a day, not at each login. */
	if (y != NULL && now_ms < y->since_ms + 24ll * 3600 * 1000)
		return;
	once.guess = 0;
	y = count(t, THROTTLE_KNOWN, &once, now_ms);
	if (y != NULL)
		y->since_ms = now_ms;
}

/* ---- on disk ---- */

static void keep(struct throttle *t, struct tally *y)
{
	struct directory_tally row = { .kind = (uint32_t)y->kind,
				       .failures = y->failures,
				       .since_ms = y->since_ms,
				       .label = y->label };

	memcpy(row.key, y->key, sizeof row.key);
	/* What cannot be written is still counted here. */
	(void)directory_tally_put(t->directory, &row);
	y->dirty = false;
	y->written = y->failures > 0;
}

/* Those that changed are the ones seen last. */
static void write_changed(struct throttle *t, enum throttle_kind kind)
{
	for (struct list *link = t->of[kind].prev; link != &t->of[kind];
	     link = link->prev) {
		struct tally *y = list_entry(link, struct tally, link);

		if (!y->dirty)
			return;
		keep(t, y);
	}
}

/* Those that are all forgiven are among the ones unseen longest. */
static void drop_forgiven(struct throttle *t, enum throttle_kind kind,
			  int64_t now_ms)
{
	list_for_each_safe(link, &t->of[kind]) {
		struct tally *y = list_entry(link, struct tally, link);

		forgive(y, now_ms);
		if (y->failures > 0)
			return;
		drop(t, y);
	}
}

static void drop_rows(struct throttle *t)
{
	while (!list_empty(&t->gone)) {
		struct tally *y = list_entry(t->gone.next, struct tally, link);

		list_remove(&y->link);
		/* It may have come again meanwhile; then it is written anew. */
		y->failures = 0;
		keep(t, y);
		free(y);
	}
}

static void write_all(struct throttle *t, int64_t now_ms)
{
	if (directory_tallies_begin(t->directory) != YB_OK) {
		t->write_ms = now_ms + THROTTLE_WRITE_MS;
		return;
	}
	for (int kind = 0; kind < THROTTLE_KINDS; kind++)
		drop_forgiven(t, (enum throttle_kind)kind, now_ms);
	drop_rows(t);
	for (int kind = 0; kind < THROTTLE_KINDS; kind++)
		write_changed(t, (enum throttle_kind)kind);
	/* What could not be written is counted in memory all the same. */
	(void)directory_tallies_commit(t->directory);
}

void throttle_run(struct throttle *t, int64_t now_ms)
{
	if (now_ms < t->write_ms)
		return;
	t->write_ms = INT64_MAX;
	write_all(t, now_ms);
}

static void take_row(void *ctx, const struct directory_tally *row)
{
	struct throttle *t = ctx;
	struct key key = { .kind = (uint8_t)row->kind };
	struct tally *y;

	if (row->kind >= THROTTLE_KINDS || row->failures == 0)
		return;
	memcpy(key.octets, row->key, sizeof key.octets);
	y = insert(t, &key, span_str(row->label));
	if (y == NULL)
		return;
	y->failures = row->failures < rules[y->kind].most ? row->failures
							  : rules[y->kind].most;
	y->since_ms = row->since_ms;
	y->written = true;
}

enum yb_err throttle_open(struct throttle *t, struct directory *d,
			  struct hmac *hmac)
{
	*t = (struct throttle){ .directory = d,
				.keyed = hmac,
				.write_ms = INT64_MAX,
				.wake_ms = INT64_MAX };
	map_init(&t->map, os_random_u64());
	list_init(&t->gone);
	for (int i = 0; i < THROTTLE_KINDS; i++)
		list_init(&t->of[i]);
	return directory_tallies_each(d, take_row, t);
}

void throttle_close(struct throttle *t, int64_t now_ms)
{
	write_all(t, now_ms);
	for (int i = 0; i < THROTTLE_KINDS; i++)
		while (!list_empty(&t->of[i]))
			drop(t, list_entry(t->of[i].next, struct tally, link));
	while (!list_empty(&t->gone)) {
		struct list *link = list_pop(&t->gone);

		free(list_entry(link, struct tally, link));
	}
	map_done(&t->map);
}

/* ---- forgiving ---- */

static bool forget(struct throttle *t, enum throttle_kind kind,
		   const struct throttle_who *who)
{
	struct key key;
	struct tally *y = NULL;

	if (make_key(t, kind, who, &key))
		y = map_get(&t->map, span_of(&key, sizeof key));
	if (y == NULL || y->failures == 0)
		return false;
	drop(t, y);
	t->write_ms = 0;
	return true;
}

bool throttle_forgive_address(struct throttle *t, const uint8_t address[16])
{
	const struct throttle_who who = { .address = address };
	bool had = forget(t, THROTTLE_ADDRESS, &who);

	return forget(t, THROTTLE_NETWORK, &who) || had;
}

bool throttle_forgive_account(struct throttle *t, struct span account)
{
	const struct throttle_who who = { .account = account };

	return forget(t, THROTTLE_ACCOUNT, &who);
}
