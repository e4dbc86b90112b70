#include "cli/owner.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/say.h"

void owner_enter(const char *folder)
{
	struct stat st;

	if (geteuid() != 0 || stat(folder, &st) < 0 || st.st_uid == 0)
		return;
	/* If one of these fails the work goes on as root, as it would. */
	if (setgroups(0, NULL) < 0 || setegid(st.st_gid) < 0 ||
	    seteuid(st.st_uid) < 0)
		say_error("cannot act as the owner of %s", folder);
}

void owner_leave(void)
{
	if (getuid() != 0 || geteuid() == 0)
		return;
	if (seteuid(0) < 0 || setegid(getgid()) < 0)
		abort(); /* to go on as somebody else would be a lie */
}
