/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of tokens as text: ids in a line, or one JSON object a line.
 */
#ifndef CLI_COMMANDS_TOKEN_TEXT_H
#define CLI_COMMANDS_TOKEN_TEXT_H

#include "cli/cli.h"

/* Text that grows. A zeroed struct is empty; `failed`: no memory, nothing more is added. */
struct cli_text {
    char *text;
    size_t bytes, room;
    bool failed;
};

/* Tokens by id as JSON strings, made once: read by all threads. */
struct cli_token_names {
    char **names; /* [n]; NULL: there is no such token */
    uint32_t n;
};
/* False: no memory. */
bool cli_token_names_init(struct cli_token_names *names, const pln_tokenizer *tokenizer);
void cli_token_names_finish(struct cli_token_names *names);

/* What a JSON object holds besides ids, types, tokens, offsets and words. */
struct cli_row_keys {
    const struct cli_token_names *names; /* NULL: no objects, ids only */
    bool mask;                           /* "attention_mask" */
    bool line;                           /* "line" of the input, which has several rows */
};

/* Adds a line for each row; first_line: the line of example 0, from 1 on. */
void cli_add_rows(struct cli_text *to, const pln_encodings *encodings, const struct cli_row_keys *keys,
                  uint64_t first_line);
#endif
