/*
 * Two clocks: one that never jumps, for deadlines, and the wall's, for what
 * is written down.
 */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdint.h>

/* Milliseconds of a clock that only moves forward. */
uint64_t clock_mono_ms(void);

/* The same clock in nanoseconds, for measuring. */
uint64_t clock_mono_ns(void);

/* Milliseconds of one that also counts while the machine sleeps. */
uint64_t clock_boot_ms(void);

/* Lets the calling thread wait for so long, about. */
void clock_sleep_ns(uint64_t ns);

/* Nanoseconds since 1970, UTC. May jump. */
int64_t clock_real_ns(void);

#endif
