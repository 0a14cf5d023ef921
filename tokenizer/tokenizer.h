/* SPDX-License-Identifier: Apache-2.0
 *
 * Text to tokens and back: added tokens -> normalizer -> pre-tokenizer -> word pieces -> post-processor, each a file of
 * that name. The behaviour is that of the Rust tokenizer under transformers 5. pleione.h has the public doors; this is
 * what the other folders may ask besides.
 */
#ifndef TOKENIZER_TOKENIZER_H
#define TOKENIZER_TOKENIZER_H

#include <jansson.h>

#include "api/pleione.h"

typedef enum tok_special { TOK_UNK, TOK_SEP, TOK_PAD, TOK_CLS, TOK_MASK, TOK_SPECIALS } tok_special;

/* Returns new. path: a model directory, or a vocabulary file. config: what tokenizer_config.json holds, borrowed; NULL:
 * that file beside the vocabulary is read, and if there is none the defaults (lower case) hold and the log is told.
 * Read-only afterwards: any thread. PLN_BAD_MODEL names the file. */
pln_status tok_open(const char *path, const json_t *config, pln_log_fn *log, void *log_context,
                    pln_tokenizer **tokenizer, pln_error *error);

int32_t tok_special_id(const pln_tokenizer *tokenizer, tok_special special);
/* Ids are below this number. */
uint32_t tok_count(const pln_tokenizer *tokenizer);
/* The longest sequence that the config allows; 0 if it does not say. */
uint32_t tok_max_length(const pln_tokenizer *tokenizer);

/* Returns new text (pln_free), NULL if there is no memory. Ids that do not exist are passed over, special tokens too if
 * asked. */
char *tok_decode(const pln_tokenizer *tokenizer, const int32_t *ids, uint32_t n, bool skip_special);
#endif
