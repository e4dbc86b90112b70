/*
 * What a new password has to be. Only for passwords that people choose; what
 * auth_generate_password() makes always passes.
 */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include "base/err.h"
#include "base/span.h"

enum {
	/* In characters. Below it, a stolen verifier is guessed in days. */
	PASSWORD_CHARACTERS_MIN = 12,
	/* Fewer different ones are a pattern, not a password. */
	PASSWORD_DIFFERENT_MIN = 5,
	/* A shorter account name is inside of nearly everything. */
	PASSWORD_NAME_MIN = 3,
};

/*
 * Why `password`, prepared by SASLprep, is too weak for the account at
 * `address`: static text such as "it is shorter than 12 characters"; NULL if
 * it is not.
 */
const char *password_weakness(struct span password, struct span address);

/* Whether `word`, in lower case, is one of the most used passwords. */
bool password_is_common(struct span word);

#endif
