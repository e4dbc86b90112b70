/*
 * An account that is gone, made anew as a backup has it: address, password,
 * devices and settings. Its mail is brought back separately.
 */
#ifndef CLI_REVIVE_H
#define CLI_REVIVE_H

#include "cli/work.h"

/*
 * `directory` is the path of a copy that may be written to. COMMAND_OK, or
 * the exit code with the reason printed.
 */
int revive_account(struct work *w, const char *directory, const char *address);

#endif
