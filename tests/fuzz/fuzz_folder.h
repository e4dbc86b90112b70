/*
 * A folder in memory for targets whose files have to be real ones; it goes with
 * the program.
 */
#ifndef TESTS_FUZZ_FUZZ_FOLDER_H
#define TESTS_FUZZ_FUZZ_FOLDER_H

#include "fuzz/fuzz.h"

#include <ftw.h>
#include <unistd.h>

static char fuzz_folder_path[] = "/dev/shm/yubin-fuzz-XXXXXX";

static inline int fuzz_folder_remove_one(const char *path,
					 const struct stat *st, int flag,
					 struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static inline void fuzz_folder_remove(void)
{
	(void)nftw(fuzz_folder_path, fuzz_folder_remove_one, 16,
		   FTW_DEPTH | FTW_PHYS);
}

static inline const char *fuzz_folder(void)
{
	MUST(mkdtemp(fuzz_folder_path) != NULL);
	MUST(atexit(fuzz_folder_remove) == 0);
	return fuzz_folder_path;
}

#endif
