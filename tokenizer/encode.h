/* SPDX-License-Identifier: Apache-2.0
 *
 * One text to tokens: added tokens -> normalizer -> words -> word pieces.
 */
#ifndef TOKENIZER_ENCODE_H
#define TOKENIZER_ENCODE_H

#include "tokenizer/bare.h"
#include "tokenizer/slow.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/words.h"

struct tok_normalized {       /* a stretch of text, for added tokens that are looked for in it */
    unsigned char *text;      /* [6 * room] */
    struct tok_place *places; /* [3 * room], by code point */
    uint32_t bytes, chars, room;
};

struct tok_scratch { /* one a thread, kept between texts; a zeroed one is empty */
    struct tok_words words;
    struct tok_source source;
    struct tok_normalized normalized;
    struct tok_slow slow;
    struct tok_cache cache;
};

void tok_scratch_finish(struct tok_scratch *scratch);

enum { TOK_COUNT_WORDS = -1 };

/* Appends the tokens of a text of less than 4 GiB. word: what all its tokens get for the number of their word, or
 * TOK_COUNT_WORDS. split_special: special tokens in it are plain text. Where out->no_places is set, words that the
 * scratch remembers are not cut again; the ids are the same. False: no memory. */
bool tok_encode(const pln_tokenizer *tokenizer, pln_text text, int32_t word, bool split_special,
                struct tok_scratch *scratch, struct tok_tokens *out);
#endif
