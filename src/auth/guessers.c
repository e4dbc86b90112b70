#include "auth/guessers.h"

#include "auth/auth_private.h"

void auth_guessers_each(struct auth *a, uint64_t after, auth_guesser_fn *each,
			void *ctx)
{
	uint64_t n = 0;

	for (int kind = 0; kind < AUTH_GUESSER_KINDS; kind++) {
		struct list *all = &a->throttle.of[kind];

		for (struct list *link = all->prev; link != all;
		     link = link->prev) {
			struct tally *y = list_entry(link, struct tally, link);
			struct auth_guesser guesser = {
				.kind = (enum auth_guesser_kind)kind,
				.account = y->label,
			};

			guesser.slowed = throttle_look(y, auth_real_ms(a));
			guesser.failures = y->failures;
			if (kind <= AUTH_GUESSER_NETWORK)
				memcpy(guesser.address, y->key,
				       sizeof guesser.address);
			if (y->failures == 0 || n++ < after)
				continue;
			if (!each(ctx, &guesser))
				return;
		}
	}
}

enum yb_err auth_forgive_address(struct auth *a, const uint8_t address[16])
{
	bool had = peers_forgive(&a->peers, address);

	had = throttle_forgive_address(&a->throttle, address) || had;
	attempts_run(a);
	return had ? YB_OK : YB_NOT_FOUND;
}

enum yb_err auth_forgive_account(struct auth *a, struct span text)
{
	struct name name;
	bool had = false;

	if (name_canonical(text, a->default_domain, NAME_FIND, &name) == YB_OK)
		had = throttle_forgive_account(&a->throttle, name_span(&name));
	attempts_run(a);
	return had ? YB_OK : YB_NOT_FOUND;
}
