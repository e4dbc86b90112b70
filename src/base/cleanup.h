/*
 * Locals that clean themselves up, and `steal`, which takes ownership out of
 * one so that the cleanup finds nothing.
 *
 *	AUTO_FREE char *text = strdup(name);
 *	...
 *	*ret_text = steal_ptr(&text);
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>

static inline void cleanup_free(void *address)
{
	free(*(void **)address);
}

#define AUTO_FREE __attribute__((cleanup(cleanup_free)))

/* Takes the pointer out of its holder, which becomes NULL. */
#define steal_ptr(holder)                                  \
	__extension__({                                    \
		__typeof__(*(holder)) stolen_ = *(holder); \
		*(holder) = NULL;                          \
		stolen_;                                   \
	})

/*
 * For a local with a large buffer that is written before it is read: it stays
 * as it is, where the build clears all others (-ftrivial-auto-var-init). What
 * clears 12 KiB at each send costs as much as a short system call.
 */
#if __has_attribute(uninitialized)
#define UNSET __attribute__((uninitialized))
#else
#define UNSET
#endif

#define ARRAY_LEN(array) (sizeof(array) / sizeof *(array))

#endif
