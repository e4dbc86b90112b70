/*
 * `yubin log --wire ADDRESS`: one account's dialogues as they go on.
 */
#ifndef CLI_WIRE_H
#define CLI_WIRE_H

#include "config/config.h"

/* Until it is interrupted, or the server ends; the exit code. */
int wire_follow(const struct config *config, const char *address);

#endif
