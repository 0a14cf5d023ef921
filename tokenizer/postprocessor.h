/* SPDX-License-Identifier: Apache-2.0
 *
 * Truncation and the template of ELECTRA: [CLS] A [SEP], [CLS] A [SEP] B [SEP].
 */
#ifndef TOKENIZER_POSTPROCESSOR_H
#define TOKENIZER_POSTPROCESSOR_H

#include "api/pleione.h"

struct tok_list { /* tokens of one text */
    pln_token *tokens;
    uint32_t n, room;
};

/* Cuts both lists (second: NULL if there is none) so that the whole takes at most max_length tokens, the longer one
 * first; of equal ones the first gives the odd token. max_length 0, or too short for the special tokens: nothing is
 * cut. */
void tok_truncate(struct tok_list *first, struct tok_list *second, uint32_t max_length);

/* Returns new tokens (free), NULL if there is no memory. */
pln_token *tok_apply_template(const struct tok_list *first, const struct tok_list *second, int32_t cls_id,
                              int32_t sep_id, uint32_t *count);
#endif
