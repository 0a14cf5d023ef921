/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the tokens of one or two texts, gives the row that the model reads.
 */
#include "tokenizer/postprocessor.h"

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

struct tok_row tok_row_of(const struct tok_part *parts, uint32_t example, const pln_encode_options *options)
{
    const struct tok_part *part = &parts[example];
    const uint32_t specials = part->pair ? 3 : 2, max_length = options->max_length;
    uint64_t a = part->first, b = part->second;
    if (max_length >= specials && a + b + specials > max_length) {
        const uint64_t room = max_length - specials;
        if (!part->pair)
            a = room;
        else if (a > b)
            share(&b, &a, room);
        else
            share(&a, &b, room);
    }
    return (struct tok_row){.example = example, .n_first = (uint32_t)a, .second = part->first, .n_second = (uint32_t)b};
}

uint64_t tok_row_length(const struct tok_row *row, const struct tok_part *part)
{
    return (uint64_t)row->n_first + row->n_second + (part->pair ? 3 : 2);
}

static uint32_t write_special(struct tok_rows *rows, uint32_t at, int32_t id, int32_t type)
{
    rows->ids[at] = id;
    rows->words[at] = -1;
    rows->begins[at] = rows->ends[at] = rows->begin_bytes[at] = rows->end_bytes[at] = 0;
    rows->types[at] = type;
    rows->sequences[at] = -1;
    rows->attention_mask[at] = rows->special_mask[at] = 1;
    return at + 1;
}

static uint32_t write_text(struct tok_rows *rows, uint32_t at, const struct tok_tokens *tokens, uint32_t from,
                           uint32_t n, int32_t type)
{
    tok_rows_copy(rows, at, tokens, from, n);
    for (uint32_t i = at; i < at + n; i++)
        rows->types[i] = type;
    memset(rows->sequences + at, type, n);
    memset(rows->attention_mask + at, 1, n);
    memset(rows->special_mask + at, 0, n);
    return at + n;
}

void tok_row_write(const pln_tokenizer *tokenizer, const struct tok_part *part, const struct tok_row *row,
                   struct tok_rows *rows, uint32_t at)
{
    const int32_t separator = pln_tokenizer_special_id(tokenizer, PLN_SEP_TOKEN);
    at = write_special(rows, at, pln_tokenizer_special_id(tokenizer, PLN_CLS_TOKEN), 0);
    at = write_text(rows, at, part->tokens, part->at + row->first, row->n_first, 0);
    at = write_special(rows, at, separator, 0);
    if (part->pair) {
        at = write_text(rows, at, part->tokens, part->at + row->second, row->n_second, 1);
        write_special(rows, at, separator, 1);
    }
}
