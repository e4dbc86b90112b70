/*
 * What may stand in the configuration, for manual pages: the tables that also
 * read and check it.
 */
#ifndef CONFIG_DESCRIBE_H
#define CONFIG_DESCRIBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_key {
	const char *section; /* the map it stands in; "" is the top */
	const char *key;
	const char *takes;          /* such as "path" or "number" */
	const char *const *choices; /* ends with NULL; or NULL */
	uint64_t min, max;          /* both 0: without meaning */
	const char *preset;
	const char *help; /* lines, or "": the key before it says it too */
};

struct config_service_words {
	const char *name;
	const char *addresses[2]; /* the default; both NULL: RUN/NAME */
	const char *tls;          /* the default */
	const char *help;
};

/* All of static lifetime. False behind the last. */
bool config_describe_key(size_t at, struct config_key *ret);
bool config_describe_service(size_t at, struct config_service_words *ret);

#endif
