/* SPDX-License-Identifier: Apache-2.0
 *
 * Ids without places: what a text becomes where nobody asks from where in it a token comes.
 */
#ifndef TOKENIZER_BARE_H
#define TOKENIZER_BARE_H

#include "tokenizer/cache.h"
#include "tokenizer/columns.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/words.h"

/* Appends the ids of bytes [begin, end) of a text without added tokens in it, under the normalizer of the tokenizer.
 * words and cache are those of the thread; out has no places. False: no memory. */
bool tok_encode_bare(const pln_tokenizer *tokenizer, const unsigned char *text, uint32_t begin, uint32_t end,
                     struct tok_words *words, struct tok_cache *cache, struct tok_tokens *out);

/* Writes the ids of a word behind those that are counted, gives how many. 0: no memory. */
static inline uint32_t tok_put_ids(const pln_tokenizer *t, const struct tok_word *word, struct tok_tokens *out)
{
    const bool too_long = word->chars > t->config.max_word;
    if (!tok_tokens_reserve(out, too_long ? 1 : word->chars))
        return 0;
    const uint32_t n =
        too_long ? 0 : tok_automaton_cut(&t->vocabulary.pieces, word->text, word->bytes, out->ids + out->n);
    if (n)
        return n;
    out->ids[out->n] = t->special[PLN_SPECIAL_UNK];
    return 1;
}
#endif
