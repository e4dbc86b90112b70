/*
 * What a service tells systemd, as sd_notify(3): lines of KEY=value to the
 * socket that $NOTIFY_SOCKET names. Without one all this does nothing.
 */
#ifndef OS_NOTIFY_H
#define OS_NOTIFY_H

#include <stddef.h>
#include <stdint.h>

/* Sends a message; that nobody takes it is nobody's matter. */
void notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with descriptors for systemd to keep (FDSTORE=1). */
void notify_send_fds(const char *message, const int *fds, size_t n);

/*
 * How often systemd wants to hear WATCHDOG=1: half of $WATCHDOG_USEC, in ms;
 * 0 for never.
 */
uint64_t notify_watchdog_ms(void);

#endif
