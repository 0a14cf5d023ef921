/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files say besides the vocabulary: which normalizer, which added and special tokens, which lengths.
 *
 * tokenizer.json is read first, tokenizer_config.json overrules it key by key, the caller's options overrule both. In
 * strict mode tokenizer.json gives only what transformers 5 takes of it for ELECTRA: vocabulary, truncation, padding.
 */
#ifndef TOKENIZER_CONFIG_H
#define TOKENIZER_CONFIG_H

#include "api/pleione.h"
#include "tokenizer/added.h"
#include "tokenizer/files.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/vocabulary.h"

enum { TOK_SPECIALS = PLN_SPECIAL_MASK + 1 };

struct tok_config {
    struct tok_normalizer normalizer;
    struct tok_normalizer lowering; /* modes slow and google: what is done before added tokens are looked for */
    pln_choice strip_accents;       /* as it is written in files: unset, it follows lower case */
    uint32_t max_word;              /* code points; a longer word is unknown */
    uint32_t max_length;            /* 0: not said */
    pln_encode_options defaults;    /* truncation and padding */
    bool clean_up;                  /* decoded text as a whole */
    bool keep_spaces;               /* decoded tokens are not cleaned one by one */
    bool only_words;                /* do_basic_tokenize is false: mode slow splits at whitespace only */
    char **never_split;             /* [n_never_split], mode slow */
    uint32_t n_never_split;
    size_t never_split_room;
    const char *special[TOK_SPECIALS];
    struct tok_added_list added;
};

/* Reads the files and finds the ids of all added tokens; those that the vocabulary lacks get ids behind it, and the log
 * is told. Names point into config->added. PLN_BAD_MODEL names path and key, or what is not of a BERT
 * tokenizer. */
pln_status tok_config_init(struct tok_config *config, const struct tok_files *files,
                           const pln_tokenizer_options *options, const struct tok_vocabulary *vocabulary,
                           pln_error *error);
void tok_config_finish(struct tok_config *config);

/* The parts of it, a file each. */
pln_status tok_read_settings(struct tok_config *config, const struct tok_files *files,
                             const pln_tokenizer_options *options, pln_error *error);
pln_status tok_read_added(struct tok_config *config, const struct tok_files *files,
                          const pln_tokenizer_options *options, const struct tok_vocabulary *vocabulary,
                          pln_error *error);

/* The keys of the special tokens ("unk_token") and what they are if no file says so ("[UNK]"). */
extern const struct tok_special_name {
    const char *key, *token;
} tok_special_names[TOK_SPECIALS];
#endif
