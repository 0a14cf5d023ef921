/* SPDX-License-Identifier: Apache-2.0
 *
 * Words of normalized text: split at whitespace, punctuation alone.
 */
#ifndef TOKENIZER_PRETOKENIZER_H
#define TOKENIZER_PRETOKENIZER_H

#include "tokenizer/text.h"
#include "tokenizer/unicode.h"

/* The next word at or after *end: code points [*begin, *end). False: there is none. Begin with *end = 0. */
static inline bool tok_next_word(const struct tok_text *text, uint32_t *begin, uint32_t *end)
{
    uint32_t i = *end;
    while (i < text->n && (tok_flags(text->code[i]) & TOK_WHITESPACE))
        i++;
    *begin = i;
    if (i < text->n && (tok_flags(text->code[i]) & TOK_PUNCTUATION))
        i++;
    else
        while (i < text->n && !(tok_flags(text->code[i]) & (TOK_WHITESPACE | TOK_PUNCTUATION)))
            i++;
    *end = i;
    return i > *begin;
}
#endif
