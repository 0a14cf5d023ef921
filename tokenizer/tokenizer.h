/* SPDX-License-Identifier: Apache-2.0
 *
 * What a tokenizer is: the vocabulary and the settings of each stage. pleione.h has the doors; this is what the other
 * folders may ask besides.
 */
#ifndef TOKENIZER_TOKENIZER_H
#define TOKENIZER_TOKENIZER_H

#include <jansson.h>

#include "api/pleione.h"
#include "tokenizer/config.h"
#include "tokenizer/slow.h"

struct pln_tokenizer {
    struct tok_vocabulary vocabulary;
    struct tok_config config;
    pln_tokenizer_mode mode;
    struct tok_slow_rules slow;      /* of the other modes */
    struct tok_normalizer unchanged; /* splits into words only, for text that is normalized */
    const char **tokens;             /* [n], by id, added ones too; NULL: none has this id */
    bool *is_special;                /* [n] */
    uint32_t n;
    int32_t special[TOK_SPECIALS];
};

/* As pln_tokenizer_open. config: what tokenizer_config.json holds, borrowed; NULL: the file beside the vocabulary. */
pln_status tok_open(const char *path, const json_t *config, const pln_tokenizer_options *options,
                    pln_tokenizer **tokenizer, pln_error *error);
#endif
