/* SPDX-License-Identifier: Apache-2.0
 *
 * What the BERT normalizer knows of each code point. The flags are the reference's own (its Unicode data is of several
 * versions, 8 to 13); what a flagged code point becomes is asked of utf8proc.
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
    TOK_COMPOSED = 1u << 6,    /* decomposes to something else than marks */
    TOK_UPPER = 1u << 7,       /* changes in lower case */
    TOK_NONSTARTER = 1u << 8,  /* its canonical combining class is not 0 */
};

enum { TOK_PAGE = 128, TOK_CODES = 0x110000, TOK_REPLACEMENT = 0xfffd };

/* What a code point turns into; unused places are 0. */
struct tok_mapping {
    uint32_t from, to[3];
};

extern const uint8_t tok_page_of[TOK_CODES / TOK_PAGE];
extern const uint16_t tok_page_flags[][TOK_PAGE];
extern const struct tok_mapping tok_lowered_apart[]; /* sorted; where utf8proc is not of the reference's mind */
extern const uint32_t tok_lowered_apart_count;

/* code < TOK_CODES */
static inline uint32_t tok_flags(uint32_t code)
{
    return tok_page_flags[tok_page_of[code / TOK_PAGE]][code % TOK_PAGE];
}

enum { TOK_LOWERED = 3, TOK_DECOMPOSED = 4 }; /* at most so many code points */

/* Both give how many code points they wrote. */
uint32_t tok_lower(uint32_t code, uint32_t out[TOK_LOWERED]);
uint32_t tok_decompose(uint32_t code, uint32_t out[TOK_DECOMPOSED]); /* canonical, all the way */

/* Canonical combining class. */
uint32_t tok_class(uint32_t code);
#endif
