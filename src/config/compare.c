/*
 * Two configurations of one server: what a reload changes.
 */
#include "config/config.h"

#include <stdio.h>

#include "config/certificates.h"
#include "config/schema.h"

size_t config_find_listener(const struct config *c, const char *address)
{
	for (size_t i = 0; i < c->listeners_n; i++)
		if (strcmp(c->listeners[i].address, address) == 0)
			return i;
	return SIZE_MAX;
}

static void compare_fields(const struct config *old, struct config *fresh,
			   config_change_fn *each, void *ctx)
{
	for (size_t i = 0; i < config_fields_n; i++) {
		const struct config_field *f = &config_fields[i];
		char key[80];

		if (field_is_same(f, old, fresh))
			continue;
		(void)snprintf(key, sizeof key, "%s%s%s", f->section,
			       *f->section != 0 ? "." : "", f->key);
		each(ctx, key, f->change == FIELD_LIVE);
		if (f->change == FIELD_RESTART)
			field_copy(f, old, fresh);
	}
}

static void compare_defaults(const struct config *old,
			     const struct config *fresh, config_change_fn *each,
			     void *ctx)
{
	for (unsigned i = 0; i < SETTINGS_N; i++) {
		char key[80];

		if (old->defaults[i] == fresh->defaults[i])
			continue;
		(void)snprintf(key, sizeof key, "defaults.%s",
			       setting_name((enum setting)i));
		each(ctx, key, true);
	}
}

static void tell_listener(const struct config_listener *l, const char *how,
			  config_change_fn *each, void *ctx)
{
	char key[CONFIG_TEXT_MAX + 64];

	(void)snprintf(key, sizeof key, "listeners.%s: %s %s",
		       config_service_name((enum config_service)l->service),
		       l->address, how);
	each(ctx, key, true);
}

static void compare_listeners(const struct config *old,
			      const struct config *fresh,
			      config_change_fn *each, void *ctx)
{
	for (uint32_t i = 0; i < old->listeners_n; i++) {
		const struct config_listener *l = &old->listeners[i];

		if (config_find_listener(fresh, l->address) == SIZE_MAX)
			tell_listener(l, "removed", each, ctx);
	}
	for (uint32_t i = 0; i < fresh->listeners_n; i++) {
		const struct config_listener *l = &fresh->listeners[i];
		size_t at = config_find_listener(old, l->address);

		if (at == SIZE_MAX)
			tell_listener(l, "added", each, ctx);
		else if (!config_listeners_agree(&old->listeners[at], l))
			tell_listener(l, "changed", each, ctx);
	}
}

void config_compare(const struct config *old, struct config *fresh,
		    config_change_fn *each, void *ctx)
{
	compare_fields(old, fresh, each, ctx);
	compare_defaults(old, fresh, each, ctx);
	if (!certificates_are_same(old, fresh))
		each(ctx, "tls.certificates", true);
	compare_listeners(old, fresh, each, ctx);
}
