/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens of texts to rows that the model reads: truncation, windows, then [CLS] A [SEP] or [CLS] A [SEP] B [SEP], then
 * padding.
 */
#ifndef TOKENIZER_POSTPROCESSOR_H
#define TOKENIZER_POSTPROCESSOR_H

#include "tokenizer/columns.h"
#include "tokenizer/tokenizer.h"

struct tok_part { /* an example, tokenized */
    const struct tok_tokens *tokens;
    uint32_t at, first, second; /* tokens [at, at + first) are of the text, `second` behind them of its pair */
    bool pair;
};

/* How many special tokens its rows have: [CLS] text [SEP], or [CLS] text [SEP] pair [SEP]. */
static inline uint32_t tok_specials(const struct tok_part *part, const pln_encode_options *options)
{
    if (options->no_special)
        return 0;
    return part->pair ? 3 : 2;
}

struct tok_row { /* which of the tokens of an example */
    uint32_t example;
    uint32_t begin[2], n[2]; /* of the first and the second text, counted from where each begins */
};

struct tok_plan {         /* rows of a batch; kept between batches, a zeroed one is empty */
    struct tok_row *rows; /* [n] */
    uint32_t *starts;     /* [n + 1], in the columns, padding counted */
    uint32_t *examples;   /* [n] */
    uint32_t n, room;
};

void tok_plan_finish(struct tok_plan *plan);

/* Which tokens go into which row, and where each row begins. */
pln_status tok_plan_rows(struct tok_plan *plan, const pln_tokenizer *tokenizer, const struct tok_part *parts,
                         uint32_t count, const pln_encode_options *options, pln_error *error);

/* Writes row `index` of the plan. */
void tok_row_write(const pln_tokenizer *tokenizer, const struct tok_plan *plan, uint32_t index,
                   const struct tok_part *part, const pln_encode_options *options, struct tok_rows *rows);
#endif
