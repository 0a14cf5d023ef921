/* SPDX-License-Identifier: Apache-2.0
 *
 * The single characters that a vocabulary begins with, and words spelled by them.
 */
#ifndef TOKENIZER_ALPHABET_H
#define TOKENIZER_ALPHABET_H

#include "tokenizer/strings.h"

/* Two tables by code point: the id + 1 at the beginning of a word, and behind it ("##"); 0: it was not kept. A zeroed
 * struct is an empty one. */
struct tok_alphabet {
    uint32_t *first, *next; /* [TOK_CODES]; what no text touches takes no memory */
};

/* The caller's memory. Of the characters of the words (UTF-8, each with its count) the `limit` most frequent are added
 * to the tokens, of equally frequent ones the lower; these in order of code points, then the ones that occur behind
 * another, with "##", in order of how often they do in distinct words. A token that is there keeps its id. False: no
 * memory. */
bool tok_alphabet_init(struct tok_alphabet *alphabet, const struct tok_strings *words, uint32_t limit,
                       struct tok_strings *tokens);
void tok_alphabet_finish(struct tok_alphabet *alphabet);

/* Ids of a word; characters that were not kept are left out. ids has room for `bytes`. Returns how many. */
size_t tok_alphabet_spell(const struct tok_alphabet *alphabet, const char *word, size_t bytes, uint32_t *ids);
#endif
