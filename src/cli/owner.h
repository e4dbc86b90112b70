/*
 * Root at work in a folder that belongs to somebody else, as that somebody:
 * what is made belongs to who will need it, and no name in the folder can
 * lead root astray.
 */
#ifndef CLI_OWNER_H
#define CLI_OWNER_H

/* From here on as the owner of the folder, if root runs this. */
void owner_enter(const char *folder);
/* Root again. */
void owner_leave(void);

#endif
