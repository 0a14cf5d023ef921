/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens of texts to rows that the model reads: truncation, then [CLS] A [SEP] or [CLS] A [SEP] B [SEP].
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

struct tok_row { /* which of the tokens of an example */
    uint32_t example;
    uint32_t first, n_first;
    uint32_t second, n_second;
};

/* The row of an example under the options. */
struct tok_row tok_row_of(const struct tok_part *parts, uint32_t example, const pln_encode_options *options);
uint64_t tok_row_length(const struct tok_row *row, const struct tok_part *part);

/* Writes the row from rows[at] on. */
void tok_row_write(const pln_tokenizer *tokenizer, const struct tok_part *part, const struct tok_row *row,
                   struct tok_rows *rows, uint32_t at);
#endif
