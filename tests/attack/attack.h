/* An attacker's code; see README.md. */
#ifndef TESTS_ATTACK_ATTACK_H
#define TESTS_ATTACK_ATTACK_H

#include <stdbool.h>

/*
 * Makes the system call that `name` is known by; `arg` is a path, a number of
 * a process or of a descriptor. False if there is no such name. Returns only
 * if the call did: *ret_result is what it returned, or -errno.
 */
bool attack_system(const char *name, const char *arg, long *ret_result);

#endif
