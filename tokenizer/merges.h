/* SPDX-License-Identifier: Apache-2.0
 *
 * Byte-pair merges on spelled words: the most frequent pair of neighbours becomes a token, again and again.
 */
#ifndef TOKENIZER_MERGES_H
#define TOKENIZER_MERGES_H

#include "api/pleione.h"
#include "tokenizer/alphabet.h"

struct tok_merge_options {
    uint32_t size;          /* of the vocabulary: when it is reached no more is merged */
    uint32_t min_frequency; /* a rarer pair is not merged */
    bool (*progress)(void *context, uint32_t n_entries, uint32_t n_wanted); /* now and then; false: stop. May be NULL */
    void *context;
};

/* Adds merged tokens to `tokens`, in the order of merging. Pairs of the same count go by ids, the lower first.
 * PLN_FAILED: stopped by progress. PLN_NO_MEMORY. */
pln_status tok_merge(const struct tok_strings *words, const struct tok_alphabet *alphabet,
                     const struct tok_merge_options *options, struct tok_strings *tokens);
#endif
