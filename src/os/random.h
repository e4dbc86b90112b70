/*
 * Random octets from the kernel, for ids and seeds. Keys and salts come from
 * crypto/random.h.
 */
#ifndef OS_RANDOM_H
#define OS_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills `p`. Cannot fail once the kernel's pool is ready; waits for that. */
void os_random(void *p, size_t n);

/* A seed for a hash table. */
uint64_t os_random_u64(void);

#endif
