#include "config/describe.h"

#include "config/schema.h"

static const char *takes(enum field_kind kind)
{
	switch (kind) {
	case FIELD_VERSION:
	case FIELD_COUNT:
		return "number";
	case FIELD_DOMAIN:
		return "domain";
	case FIELD_URL:
	case FIELD_ENDPOINT:
		return "url";
	case FIELD_TEXT:
		return "text";
	case FIELD_USER:
		return "user";
	case FIELD_PATH:
		return "path";
	case FIELD_CHOICE:
		return "choice";
	case FIELD_OCTETS:
		return "octets";
	case FIELD_NETWORKS:
		return "networks";
	}
	return "";
}

bool config_describe_key(size_t at, struct config_key *ret)
{
	const struct config_field *f = &config_fields[at];

	if (at >= config_fields_n)
		return false;
	*ret = (struct config_key){
		.section = f->section,
		.key = f->key,
		.takes = takes(f->kind),
		.choices = f->choices,
		.min = f->min,
		.max = f->max,
		.preset = f->preset,
		.help = f->help,
	};
	return true;
}

bool config_describe_service(size_t at, struct config_service_words *ret)
{
	static const char *const tls[] = {
		[CONFIG_TLS_OFF] = "off",
		[CONFIG_TLS_START] = "starttls",
		[CONFIG_TLS_IMPLICIT] = "implicit",
	};
	const struct config_service_rule *rule = &config_service_rules[at];

	if (at >= CONFIG_SERVICES)
		return false;
	*ret = (struct config_service_words){
		.name = rule->name,
		.addresses = { rule->addresses[0], rule->addresses[1] },
		.tls = tls[rule->tls_preset],
		.help = rule->help,
	};
	return true;
}
