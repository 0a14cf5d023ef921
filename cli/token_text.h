/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of tokens as text: ids in a line, or one JSON object a line.
 */
#ifndef CLI_TOKEN_TEXT_H
#define CLI_TOKEN_TEXT_H

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

/* Adds a line for each row. names NULL: ids only. */
void cli_add_rows(struct cli_text *to, const pln_encodings *encodings, const struct cli_token_names *names);
#endif
