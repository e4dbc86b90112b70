/*
 * A certificate and its key on the disk, examined before they are used.
 */
#ifndef SERVER_PAIR_EXAMINE_H
#define SERVER_PAIR_EXAMINE_H

#include "base/err.h"

enum pair_state {
	PAIR_GOOD,
	PAIR_TOLD, /* can be used, but its time is over, or nearly */
	PAIR_BAD,
};

enum { PAIR_TEXT_MAX = 512 };

/*
 * Reads both from their open files. `text` says what is the matter, unless
 * all is good.
 */
enum pair_state pair_examine(int certificate, int key,
			     const char *certificate_path, const char *key_path,
			     char text[PAIR_TEXT_MAX]);

/* The same for `tls.client_ca`: GOOD with one certificate at least, or BAD. */
enum pair_state client_ca_examine(int fd, const char *path,
				  char text[PAIR_TEXT_MAX]);

#endif
