/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens as columns, a struct of arrays: what is known of a token of a text, and what a row of a batch adds.
 */
#ifndef TOKENIZER_COLUMNS_H
#define TOKENIZER_COLUMNS_H

#include <stdbool.h>
#include <stdint.h>

/* type, name; what each means stands in pleione.h (pln_encodings) */
#define TOK_TEXT_COLUMNS(X)                                                                                            \
    X(int32_t, ids)                                                                                                    \
    X(int32_t, words) X(uint32_t, begins) X(uint32_t, ends) X(uint32_t, begin_bytes) X(uint32_t, end_bytes)
#define TOK_ROW_COLUMNS(X) X(int32_t, types) X(int8_t, sequences) X(uint8_t, attention_mask) X(uint8_t, special_mask)

#define TOK_COLUMN(type, name) type *name;

struct tok_tokens { /* of texts; a zeroed one is empty */
    TOK_TEXT_COLUMNS(TOK_COLUMN)
    uint32_t n, room;
    bool no_places; /* ids alone; the other columns are NULL */
};

struct tok_rows { /* of a batch; a zeroed one is empty */
    TOK_TEXT_COLUMNS(TOK_COLUMN)
    TOK_ROW_COLUMNS(TOK_COLUMN)
    uint32_t room;
    bool no_places; /* ids, types and attention_mask alone; the other columns are NULL */
};

/* None of them, and which columns they will have. */
void tok_tokens_begin(struct tok_tokens *tokens, bool no_places);
/* Room for that many more behind n. False: no memory, or more than 2^32 tokens; nothing is lost. */
bool tok_tokens_grow(struct tok_tokens *tokens, uint32_t more);
void tok_tokens_finish(struct tok_tokens *tokens);

static inline bool tok_tokens_reserve(struct tok_tokens *tokens, uint32_t more)
{
    return tokens->room - tokens->n >= more || tok_tokens_grow(tokens, more);
}

/* Room for n in all; what was there is lost. */
bool tok_rows_reserve(struct tok_rows *rows, uint32_t n, bool no_places);
void tok_rows_finish(struct tok_rows *rows);

/* rows[at, at + n) = tokens[from, from + n), the columns that both have. */
void tok_rows_copy(struct tok_rows *rows, uint32_t at, const struct tok_tokens *tokens, uint32_t from, uint32_t n);
#endif
