/*
 * What `yubin init` puts on the disk: system users, folders with their owners
 * and modes, certificates. Every step looks first and leaves alone what is
 * there; what it made is printed.
 *
 *	/etc/yubin             0755 root        (DIR)
 *	/etc/yubin/tls         0755 root, keys within 0600
 *	/var/lib/yubin/store   0700 yubin       (DIR/store)
 *	/var/lib/yubin/auth    0700 yubin-auth  (DIR/auth)
 *	/run/yubin             2755 root:yubin  (DIR/run)
 *
 * Without root everything is the caller's. directory.db has a folder of its
 * own, since SQLite needs to make files beside it, and whoever may do that in
 * a folder may also replace its other files: keys, configuration.
 */
#ifndef CLI_LAYOUT_H
#define CLI_LAYOUT_H

#include "config/config.h"
#include "os/process.h"

struct layout {
	const struct config *config;
	bool loopback;
	bool root;
	struct process_user store, auth; /* set only with root */
};

/* Each returns false with the reason printed. */

/* Finds the users, or makes them. Does nothing without root. */
bool layout_users(struct layout *l);

/*
 * Whether those users can reach `path`: every folder above that exists has to
 * let them pass. True without root.
 */
bool layout_is_reachable(const struct layout *l, const char *path);

/* Makes the folder, and missing ones above it with mode 0755. */
bool layout_folder(const char *path);

bool layout_folders(struct layout *l);
bool layout_certificates(struct layout *l);

/* Writes a file that must not exist yet. */
bool layout_write(const char *path, struct span text, unsigned mode);

#endif
