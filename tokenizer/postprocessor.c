/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the plan of a row and the tokens of its texts, writes the row into the columns.
 */
#include "tokenizer/postprocessor.h"

#include <string.h>

static uint32_t write_added(struct tok_rows *rows, uint32_t at, int32_t id, int32_t type, bool attended)
{
    rows->ids[at] = id;
    rows->types[at] = type;
    rows->attention_mask[at] = attended;
    if (rows->no_places)
        return at + 1;
    rows->words[at] = -1;
    rows->begins[at] = rows->ends[at] = rows->begin_bytes[at] = rows->end_bytes[at] = 0;
    rows->sequences[at] = -1;
    rows->special_mask[at] = 1;
    return at + 1;
}

static uint32_t write_text(struct tok_rows *rows, uint32_t at, const struct tok_tokens *tokens, uint32_t from,
                           uint32_t n, int32_t type)
{
    if (n == 0)
        return at; /* there may be no columns to point into */
    tok_rows_copy(rows, at, tokens, from, n);
    for (uint32_t i = at; i < at + n; i++)
        rows->types[i] = type;
    memset(rows->attention_mask + at, 1, n);
    if (rows->no_places)
        return at + n;
    memset(rows->sequences + at, type, n);
    memset(rows->special_mask + at, 0, n);
    return at + n;
}

static uint32_t write_padding(const pln_tokenizer *tokenizer, struct tok_rows *rows, uint32_t at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        write_added(rows, at + i, tokenizer->special[PLN_SPECIAL_PAD], 0, false);
    return at + n;
}

void tok_row_write(const pln_tokenizer *tokenizer, const struct tok_plan *plan, uint32_t index,
                   const struct tok_part *part, const pln_encode_options *options, struct tok_rows *rows)
{
    const struct tok_row *row = &plan->rows[index];
    const int32_t separator = tokenizer->special[PLN_SPECIAL_SEP];
    const uint32_t specials = tok_specials(part, options);
    const uint32_t length = plan->starts[index + 1] - plan->starts[index];
    const uint32_t padding = length - specials - row->n[0] - row->n[1];
    uint32_t at = plan->starts[index];
    if (options->pad_left)
        at = write_padding(tokenizer, rows, at, padding);
    if (specials)
        at = write_added(rows, at, tokenizer->special[PLN_SPECIAL_CLS], 0, true);
    at = write_text(rows, at, part->tokens, part->at + row->begin[0], row->n[0], 0);
    if (specials)
        at = write_added(rows, at, separator, 0, true);
    if (part->pair)
        at = write_text(rows, at, part->tokens, part->at + part->first + row->begin[1], row->n[1], 1);
    if (part->pair && specials)
        at = write_added(rows, at, separator, 1, true);
    if (!options->pad_left)
        write_padding(tokenizer, rows, at, padding);
}
