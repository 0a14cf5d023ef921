/* SPDX-License-Identifier: Apache-2.0
 *
 * What the BERT normalizer knows of each code point.
 */
#ifndef TOKENIZER_UNICODE_H
#define TOKENIZER_UNICODE_H

#include <stdint.h>

enum {
    TOK_REMOVED = 1u << 0,     /* controls and the like: cleaned away, so they join words */
    TOK_SPACE = 1u << 1,       /* becomes U+0020 */
    TOK_CHINESE = 1u << 2,     /* stands alone */
    TOK_PUNCTUATION = 1u << 3, /* stands alone */
    TOK_WHITESPACE = 1u << 4,  /* ends a word */
    TOK_MARK = 1u << 5,        /* a nonspacing mark: stripped with the accents */
    TOK_ACCENTED = 1u << 6,    /* decomposes to something else than marks: see tok_stripped and Hangul */
    TOK_UPPER = 1u << 7,       /* see tok_lowered */
};

enum { TOK_PAGE = 128, TOK_CODES = 0x110000, TOK_REPLACEMENT = 0xfffd };

/* What a code point turns into; unused places are 0. */
struct tok_mapping {
    uint32_t from, to[3];
};

/* Code points that keep their place behind a base and among each other, with their canonical combining class. */
struct tok_class {
    uint32_t first, last, class;
};

extern const uint8_t tok_page_of[TOK_CODES / TOK_PAGE];
extern const uint8_t tok_page_flags[][TOK_PAGE];
extern const struct tok_mapping tok_stripped[], tok_lowered[]; /* sorted; Hangul syllables are decomposed by rule */
extern const struct tok_class tok_classes[];                   /* only of what stripping keeps */
extern const uint32_t tok_stripped_count, tok_lowered_count, tok_classes_count;

/* code < TOK_CODES */
static inline uint32_t tok_flags(uint32_t code)
{
    return tok_page_flags[tok_page_of[code / TOK_PAGE]][code % TOK_PAGE];
}
#endif
