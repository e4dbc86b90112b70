/*
 * Devices: what logs in beside the main password, each with limits of its
 * own, and ended alone.
 */
#include "auth/auth_private.h"

#include <stdio.h>

#include "auth/network.h"
#include "auth/settings.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "os/clock.h"

bool device_may_login(const struct cached *at, int index,
		      const struct auth_peer *from)
{
	const struct directory_credential *c = &at->account->credentials[index];
	const struct directory_limits *l = &c->limits;

	if (c->device == DIRECTORY_MAIN &&
	    at->settings[SETTING_require_app_password] != 0)
		return false;
	return (l->expires_s == 0 ||
		clock_real_ns() / 1000000000 < l->expires_s) &&
	       (l->protocols == 0 || (l->protocols & from->protocol) != 0) &&
	       networks_hold(l->networks, from->address);
}

/*
 * Threat 8: what is said depends on the domain, never on the account. A name
 * of no domain of ours gets what those of the default domain get.
 */
enum yb_err denial_of(struct auth *a, const struct name *name)
{
	enum setting which = SETTING_require_app_password;
	uint64_t wanted = a->cache.defaults[which];

	a->denied = *name;
	if (auth_domain_setting(a, name_domain(name), which, &wanted) !=
		    YB_OK &&
	    a->default_domain[0] != 0 &&
	    auth_domain_setting(a, span_str(a->default_domain), which,
				&wanted) != YB_OK)
		return YB_DENIED;
	return wanted != 0 ? YB_APP_PASSWORD : YB_DENIED;
}

const char *auth_denied_name(const struct auth *a)
{
	return a->denied.text;
}

void devices_tell_ended(struct auth *a, const uint8_t account[DIRECTORY_ID_LEN],
			uint64_t devices)
{
	if (a->ended != NULL)
		a->ended(a->ended_ctx, account, devices);
}

/* ---- names ---- */

static bool is_name(struct span name)
{
	if (name.n == 0 || name.n > DIRECTORY_NAME_MAX ||
	    !utf8_is_valid(name) || name.p[0] == ' ' ||
	    name.p[name.n - 1] == ' ' || span_eq_nocase(name, SPAN_LIT("main")))
		return false;
	/* Names are listed with commas between them. */
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] < 0x20 || name.p[i] == 0x7f || name.p[i] == ',')
			return false;
	return true;
}

static const struct directory_credential *
find_device(const struct directory_account *account, struct span name)
{
	for (uint32_t i = 0; i < account->credentials_n; i++)
		if (span_eq(name, span_str(account->credentials[i].name)))
			return &account->credentials[i];
	return NULL;
}

/* "app-1", "apop-1", "certificate-1" and so on, for who gives none. */
static void make_name(const struct directory_account *account,
		      const struct auth_device *device,
		      char ret[DIRECTORY_NAME_MAX + 1])
{
	const char *what = "app";
	unsigned n = 1;

	if (device->kind == AUTH_DEVICE_LEGACY)
		what = auth_legacy_word(device->legacy);
	else if (device->kind == AUTH_DEVICE_CERTIFICATE)
		what = "certificate";
	do
		(void)snprintf(ret, DIRECTORY_NAME_MAX + 1, "%s-%u", what, n++);
	while (find_device(account, span_str(ret)) != NULL);
}

/* ---- changes ---- */

/* What is wrong with it, for people; NULL if nothing is. */
static const char *read_device(const struct auth_device *d, struct span name,
			       struct directory_verifier *v,
			       char networks[DIRECTORY_NETWORKS_MAX + 1])
{
	if (name.n > 0 && !is_name(name))
		return "a device has a name of at most 64 octets, without "
		       "commas and control characters, other than \"main\"";
	if (networks_canonical(span_str(d->networks), networks) != YB_OK)
		return "the networks are not valid; write a list such as "
		       "192.0.2.0/24,2001:db8::/32, without bits behind the "
		       "prefix";
	if (d->expires_s != 0 && d->expires_s <= clock_real_ns() / 1000000000)
		return "the end date has passed";
	if (d->kind == AUTH_DEVICE_LEGACY && d->expires_s == 0)
		return "what old programs log in with has to have an end date";
	v->limits = (struct directory_limits){ .refused = d->refused,
					       .protocols = d->protocols,
					       .expires_s = d->expires_s,
					       .networks = networks };
	return NULL;
}

static enum yb_err find_account(struct auth *a, struct span address,
				struct name *ret_name,
				struct directory_account **ret)
{
	enum yb_err err =
		name_canonical(address, a->default_domain, NAME_FIND, ret_name);

	if (err != YB_OK)
		return err == YB_INVALID ? YB_NO_ACCOUNT : err;
	return directory_account_find(a->directory, name_span(ret_name), ret);
}

/* Its password is made by the same salt and count as all others. */
static enum yb_err
make_verifier(struct auth *a, const struct directory_account *account,
	      const struct auth_device *device, struct span password,
	      struct directory_verifier *v, char hash[DIRECTORY_HASH_MAX + 1])
{
	memcpy(v->salt, account->salt, sizeof v->salt);
	v->iterations = account->iterations;
	switch (device->kind) {
	case AUTH_DEVICE_LEGACY:
		return legacy_make(a, account, device->legacy, password, v,
				   hash);
	case AUTH_DEVICE_CERTIFICATE:
		if (password.n != sizeof v->stored_key)
			return YB_INVALID;
		v->kind = DIRECTORY_CERTIFICATE;
		memcpy(v->stored_key, password.p, sizeof v->stored_key);
		return YB_OK;
	case AUTH_DEVICE_PASSWORD:
		return verifier_make(password, v);
	case AUTH_DEVICE_IMPORTED:
		break;
	}
	return YB_UNSUPPORTED;
}

/* Whoever has the certificate, of this account or another. */
static bool is_bound(struct auth *a, const struct auth_device *device,
		     struct span fingerprint)
{
	char address[AUTH_ADDRESS_MAX + 1];

	return device->kind == AUTH_DEVICE_CERTIFICATE &&
	       fingerprint.n == DIRECTORY_KEY_LEN &&
	       directory_certificate_find(a->directory, fingerprint.p,
					  address) == YB_OK;
}

enum yb_err auth_device_add(struct auth *a, struct span address,
			    const struct auth_device *device,
			    struct span password,
			    char ret_name[AUTH_DEVICE_NAME_MAX + 1],
			    const char **ret_reason)
{
	char networks[DIRECTORY_NETWORKS_MAX + 1];
	char made[DIRECTORY_NAME_MAX + 1], hash[DIRECTORY_HASH_MAX + 1];
	struct directory_account *account = NULL;
	struct directory_verifier v = { .kind = DIRECTORY_SCRAM_SHA_256,
					.name = device->name };
	const char *reason =
		read_device(device, span_str(device->name), &v, networks);
	struct name name;
	uint32_t number = 0;
	enum yb_err err;

	if (reason == NULL && is_bound(a, device, password))
		reason = "the certificate is bound to an account already; "
			 "`yubin account certificate list` shows to which";
	if (reason != NULL) {
		*ret_reason = reason;
		return YB_INVALID;
	}
	err = find_account(a, address, &name, &account);
	if (err != YB_OK)
		return err;
	if (*device->name == 0) {
		make_name(account, device, made);
		v.name = made;
	}
	err = make_verifier(a, account, device, password, &v, hash);
	directory_account_free(&account);
	if (err == YB_OK)
		err = directory_device_add(a->directory, name_span(&name), &v,
					   clock_real_ns() / 1000000000,
					   &number);
	if (err == YB_OK)
		memccpy(ret_name, v.name, 0, AUTH_DEVICE_NAME_MAX + 1);
	mem_wipe(&v, sizeof v);
	mem_wipe(hash, sizeof hash);
	cache_forget(&a->cache, name_span(&name));
	return err;
}

enum yb_err auth_device_revoke(struct auth *a, struct span address,
			       struct span device)
{
	struct directory_account *account = NULL;
	const struct directory_credential *c;
	uint8_t id[DIRECTORY_ID_LEN];
	struct name name;
	uint32_t number = 0;
	enum yb_err err = find_account(a, address, &name, &account);

	if (err != YB_OK)
		return err;
	memcpy(id, account->id, sizeof id);
	c = find_device(account, device);
	/* An account without its main password could not get a new one. */
	if (c == NULL)
		err = YB_NOT_FOUND;
	else if (c->device == DIRECTORY_MAIN)
		err = YB_UNSUPPORTED;
	else
		number = c->device;
	directory_account_free(&account);
	if (err == YB_OK)
		err = directory_device_remove(a->directory, name_span(&name),
					      number);
	cache_forget(&a->cache, name_span(&name));
	if (err == YB_OK)
		devices_tell_ended(a, id, 1ull << number);
	return err;
}

enum yb_err auth_device_next(struct auth *a, enum auth_device_kind kind,
			     int64_t *at, char ret[AUTH_ADDRESS_MAX + 1])
{
	return directory_credential_next(a->directory,
					 (enum directory_kind)kind, at, ret);
}

enum yb_err auth_device_each(struct auth *a, struct span address,
			     auth_device_fn *each, void *ctx)
{
	struct directory_account *account = NULL;
	struct name name;
	bool more = true;
	enum yb_err err;

	logins_flush(a);
	err = find_account(a, address, &name, &account);
	if (err != YB_OK)
		return err;
	for (uint32_t i = 0; more && i < account->credentials_n; i++) {
		const struct directory_credential *c = &account->credentials[i];
		struct auth_device device = {
			.name = c->name,
			.kind = (enum auth_device_kind)c->kind,
			.refused = c->limits.refused,
			.protocols = c->limits.protocols,
			.networks = c->limits.networks,
			.created_s = c->created_s,
			.last_used_s = c->last_used_s,
			.expires_s = c->limits.expires_s,
		};

		(void)legacy_of(c, &device.legacy);
		if (c->kind == DIRECTORY_CERTIFICATE)
			device.fingerprint = c->stored_key;
		more = each(ctx, &device);
	}
	directory_account_free(&account);
	return YB_OK;
}
