/* SPDX-License-Identifier: Apache-2.0
 *
 * One text to tokens: added tokens -> normalizer -> words -> word pieces.
 */
#ifndef TOKENIZER_ENCODE_H
#define TOKENIZER_ENCODE_H

#include "tokenizer/columns.h"
#include "tokenizer/text.h"
#include "tokenizer/tokenizer.h"

struct tok_scratch { /* one a thread, kept between texts; a zeroed one is empty */
    struct tok_text raw, normalized;
};

void tok_scratch_finish(struct tok_scratch *scratch);

/* Appends the tokens of a text of less than 4 GiB. False: no memory. */
bool tok_encode(const pln_tokenizer *tokenizer, pln_text text, struct tok_scratch *scratch, struct tok_tokens *out);
#endif
