/*
 * The whole directory as octets, for a backup. Nothing is opened: what the
 * process is allowed to reach stays the two files of the database.
 */
#include "directory/directory_private.h"

#include "base/buf.h"
#include "os/memfd.h"

enum yb_err directory_copy(struct directory *d, int *ret_fd)
{
	sqlite3_int64 n = 0;
	unsigned char *octets = sqlite3_serialize(d->db, "main", &n, 0);
	enum yb_err err;

	if (octets == NULL)
		return YB_NOMEM;
	err = memfd_make("yubin-directory", span_of(octets, (size_t)n), ret_fd);
	mem_wipe(octets, (size_t)n); /* verifiers of passwords */
	sqlite3_free(octets);
	return err;
}
