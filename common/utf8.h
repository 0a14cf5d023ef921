/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8, broken or not, code point by code point.
 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* One code point from the front of bytes > 0 bytes; *code is it, the answer the bytes that it took. Invalid UTF-8 is
 * U+FFFD for each maximal subpart (Unicode 15, section 3.9), as Python's errors="replace"; *good (may be NULL) is set to
 * false then. */
uint32_t utf8_decode(const unsigned char *text, size_t bytes, uint32_t *code, bool *good);
#endif
