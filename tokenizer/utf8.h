/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 to code points and back.
 */
#ifndef TOKENIZER_UTF8_H
#define TOKENIZER_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/utf8.h"

/* As utf8_decode, which has the general way; the common ones stand here, for speed. */
static inline uint32_t tok_utf8_decode(const unsigned char *text, size_t bytes, uint32_t *code)
{
    const uint32_t a = text[0];
    if (a < 0x80) {
        *code = a;
        return 1;
    }
    if (bytes >= 3 && a > 0xe0 && a < 0xed && (text[1] & 0xc0) == 0x80 && (text[2] & 0xc0) == 0x80) {
        *code = (a & 0xf) << 12 | (text[1] & 0x3fu) << 6 | (text[2] & 0x3fu); /* U+1000 to U+CFFF */
        return 3;
    }
    if (bytes >= 2 && a >= 0xc2 && a < 0xe0 && (text[1] & 0xc0) == 0x80) {
        *code = (a & 0x1f) << 6 | (text[1] & 0x3fu);
        return 2;
    }
    return utf8_decode(text, bytes, code, NULL);
}

/* Writes one code point, gives the bytes that it took. */
uint32_t tok_utf8_encode(uint32_t code, unsigned char out[4]);
#endif
