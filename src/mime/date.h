/*
 * RFC 5322 section 3.3: date and time as header fields have them.
 */
#ifndef MIME_DATE_H
#define MIME_DATE_H

#include "base/span.h"

/* "Thu, 01 Jan 1970 00:00:00 +0000", without and with its NUL. */
enum { DATE_LEN = 31, DATE_TEXT_MAX = DATE_LEN + 1 };

/*
 * Writes the time `ns` nanoseconds after the start of 1970, UTC. 64 bits reach
 * from 1677 to 2262.
 */
void date_put(char ret[DATE_TEXT_MAX], int64_t ns);

#endif
