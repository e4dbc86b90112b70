/*
 * An account as the commands show it.
 */
#ifndef CLI_ACCOUNT_H
#define CLI_ACCOUNT_H

#include "base/setting.h"
#include "cli/say.h"
#include "config/config.h"
#include "server/control.h"

struct account_row {
	uint8_t id[16];
	char address[256];
	int64_t created_s, last_login_s; /* seconds since 1970, or 0 */
	char devices[CONTROL_ROW_MAX];   /* separated by ", " */
	uint64_t messages, octets;       /* of INBOX, where asked for */
	struct setting_set settings;     /* its own, where asked for */
};

/* Its members, within an object that is open. */
void account_json(struct json *j, const struct account_row *row);

/* All about it, and what to type into a mail program. */
void account_show(const struct account_row *row, const struct config *c);
void account_show_json(struct json *j, const struct account_row *row,
		       const struct config *c);

#endif
