/* SPDX-License-Identifier: Apache-2.0
 *
 * Words of a text, normalized, one by one: what word pieces are cut from and what a vocabulary is counted from. Split
 * at whitespace, punctuation (and Chinese, if the normalizer says so) alone.
 */
#ifndef TOKENIZER_WORDS_H
#define TOKENIZER_WORDS_H

#include "api/pleione.h"
#include "tokenizer/normalizer.h"

struct tok_word {
    const unsigned char *text;      /* normalized UTF-8; until the next call */
    uint32_t bytes, chars;          /* chars: code points */
    const struct tok_place *places; /* [chars]; NULL: it stands in the raw text as it is, but for ASCII capitals */
    uint32_t index, byte;           /* where it begins in the raw text */
    uint32_t end_index, end_byte;
};

struct tok_words { /* kept between texts; a zeroed one is empty */
    struct tok_source source;
    uint32_t limit;           /* of a longer word only chars, first and last are given */
    unsigned char *buffer;    /* [4 * room] */
    struct tok_place *places; /* [room] */
    uint32_t room;
    bool failed; /* no memory */
};

/* Begins a text of less than 4 GiB; borrows both while its words are asked for. limit: see above; 0: none. */
void tok_words_begin(struct tok_words *words, const struct tok_normalizer *normalizer, pln_text text, uint32_t limit);
/* The same of bytes [begin, end) of the text; index: of the code point at begin. */
void tok_words_begin_at(struct tok_words *words, const struct tok_normalizer *normalizer, const unsigned char *text,
                        uint32_t begin, uint32_t end, uint32_t index, uint32_t limit);
/* The next word. False: there is none, or words->failed is set. */
bool tok_words_next(struct tok_words *words, struct tok_word *word);
void tok_words_finish(struct tok_words *words);
#endif
