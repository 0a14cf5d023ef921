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
    const unsigned char *text; /* normalized UTF-8; until the next call */
    uint32_t bytes, chars;     /* chars: code points */
};

struct tok_words { /* kept between texts; a zeroed one is empty */
    const struct tok_normalizer *normalizer;
    struct tok_text raw, normalized;
    uint32_t at;
    unsigned char *buffer;
    size_t room;
    bool failed;
};

/* Begins a text of less than 4 GiB; borrows both while its words are asked for. False: no memory. */
bool tok_words_begin(struct tok_words *words, const struct tok_normalizer *normalizer, pln_text text);
/* The next word. False: there is none, or words->failed is set: no memory. */
bool tok_words_next(struct tok_words *words, struct tok_word *word);
void tok_words_finish(struct tok_words *words);
#endif
