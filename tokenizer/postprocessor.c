/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the tokens of one or two texts, gives the sequence that the model reads.
 */
#include "tokenizer/postprocessor.h"

#include <stdlib.h>
#include <string.h>

/* The reference's rule, [longest_first] of its truncate_encodings; counts are of the shorter and the longer text. */
static void share(uint64_t *shorter, uint64_t *longer, uint64_t room)
{
    if (*shorter > room)
        *longer = *shorter;
    else
        *longer = *shorter > room - *shorter ? *shorter : room - *shorter;
    if (*shorter + *longer > room) {
        *shorter = room / 2;
        *longer = *shorter + room % 2;
    }
}

void tok_truncate(struct tok_list *first, struct tok_list *second, uint32_t max_length)
{
    const uint32_t specials = second ? 3 : 2;
    uint64_t a = first->n, b = second ? second->n : 0;
    if (!max_length || max_length < specials || a + b + specials <= max_length)
        return;
    const uint64_t room = max_length - specials;
    if (!second)
        a = room;
    else if (a > b)
        share(&b, &a, room);
    else
        share(&a, &b, room);
    first->n = (uint32_t)a;
    if (second)
        second->n = (uint32_t)b;
}

static pln_token *put_special(pln_token *out, int32_t id, int32_t type)
{
    *out = (pln_token){.id = id, .type = type, .word = -1, .special = true};
    return out + 1;
}

static pln_token *put_text(pln_token *out, const struct tok_list *list, int32_t type)
{
    for (uint32_t i = 0; i < list->n; i++) {
        *out = list->tokens[i];
        out++->type = type;
    }
    return out;
}

pln_token *tok_apply_template(const struct tok_list *first, const struct tok_list *second, int32_t cls_id,
                              int32_t sep_id, uint32_t *count)
{
    const size_t room = (size_t)first->n + 2 + (second ? (size_t)second->n + 1 : 0);
    pln_token *tokens = room <= UINT32_MAX ? malloc(room * sizeof *tokens) : NULL;
    if (!tokens)
        return NULL;
    pln_token *out = put_special(tokens, cls_id, 0);
    out = put_text(out, first, 0);
    out = put_special(out, sep_id, 0);
    if (second) {
        out = put_text(out, second, 1);
        out = put_special(out, sep_id, 1);
    }
    *count = (uint32_t)(out - tokens);
    return tokens;
}
