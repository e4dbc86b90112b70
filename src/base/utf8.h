/*
 * UTF-8 as RFC 3629 has it: shortest forms, no surrogates, up to U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/span.h"

bool utf8_is_valid(struct span s);

bool utf8_is_ascii(struct span s);

#endif
