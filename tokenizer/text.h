/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 to code points, and growing lists of code points.
 */
#ifndef TOKENIZER_TEXT_H
#define TOKENIZER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Code points, each with where it comes from. A zeroed struct is an empty list. Nothing is added once `failed` (no
 * memory) is set, so it can be looked at late. */
struct tok_text {
    uint32_t *code;
    uint32_t *from; /* of the raw text: first byte; of normalized text: index in the raw text */
    uint32_t n, room;
    bool failed;
};

void tok_text_add(struct tok_text *text, uint32_t code, uint32_t from);
void tok_text_finish(struct tok_text *text);

/* One code point from the front of bytes > 0 bytes; *code is it, the answer the bytes that it took. Broken UTF-8 is
 * U+FFFD for each maximal subpart (Unicode 15, section 3.9). *good (may be NULL) is set to false if it was broken. */
size_t tok_decode_utf8(const unsigned char *text, size_t bytes, uint32_t *code, bool *good);

/* Writes one code point, gives the bytes that it took. */
size_t tok_encode_utf8(uint32_t code, unsigned char out[4]);

/* Appends all code points of the text, and one more, 0, that is not counted: its `from` is `bytes`. */
void tok_text_decode(struct tok_text *out, const char *text, uint32_t bytes);
#endif
