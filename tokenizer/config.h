/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenizer_config.json: which normalizer, which special tokens.
 */
#ifndef TOKENIZER_CONFIG_H
#define TOKENIZER_CONFIG_H

#include <jansson.h>

#include "tokenizer/added.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/vocabulary.h"

enum { TOK_SPECIALS = PLN_MASK_TOKEN + 1 };

struct tok_config {
    struct tok_normalizer normalizer;
    uint32_t max_length;         /* 0: not said */
    pln_encode_options defaults; /* truncation and padding */
    const char *special[TOK_SPECIALS];
    struct tok_added_list added;
    uint32_t max_word; /* code points; a longer word is unknown */
};

struct tok_log {
    pln_log_fn *write; /* NULL: nobody listens */
    void *context;
};

/* Reads the object (NULL: all defaults) and finds the ids of all added tokens; those that the vocabulary lacks get ids
 * behind it, and the log is told. Names point into config->added. PLN_BAD_MODEL names path and key. */
pln_status tok_config_init(struct tok_config *config, const json_t *json, const char *path,
                           const struct tok_vocabulary *vocabulary, struct tok_log log, pln_error *error);
void tok_config_finish(struct tok_config *config);

__attribute__((format(printf, 2, 3))) void tok_warn(struct tok_log log, const char *format, ...);
#endif
