/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a directory, gives a tokenizer, answers for its tokens and ids.
 */
#include "tokenizer/tokenizer.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fail.h"
#include "common/jsonfile.h"
#include "tokenizer/decoder.h"

struct paths {
    char vocabulary[PATH_MAX], config[PATH_MAX];
    bool has_config;
};

/* vocab.txt and tokenizer_config.json of a directory, or a vocabulary file and the config beside it. */
static pln_status find_files(const char *path, struct paths *paths, pln_error *error)
{
    struct stat about;
    const char *slash = strrchr(path, '/');
    const bool directory = stat(path, &about) == 0 && S_ISDIR(about.st_mode);
    const int folder = directory ? (int)strlen(path) : slash ? (int)(slash - path) : 1;
    const char *folder_name = directory || slash ? path : ".";
    const char *vocabulary = directory ? "/vocab.txt" : "";
    if (snprintf(paths->vocabulary, PATH_MAX, "%s%s", path, vocabulary) >= PATH_MAX ||
        snprintf(paths->config, PATH_MAX, "%.*s/tokenizer_config.json", folder, folder_name) >= PATH_MAX)
        return pln_fail(error, PLN_BAD_MODEL, "%.100s...: the path is too long", path);
    if (directory && stat(paths->vocabulary, &about) != 0)
        return pln_fail(error, PLN_BAD_MODEL, "%s: holds no vocab.txt, the one form of vocabulary that is read", path);
    paths->has_config = stat(paths->config, &about) == 0;
    return PLN_OK;
}

static pln_status open_config(pln_tokenizer *t, const struct paths *paths, const json_t *json, struct tok_log log,
                              pln_error *error)
{
    json_t *read = NULL;
    pln_status status = PLN_OK;
    if (!json && paths->has_config)
        status = jsonfile_load(paths->config, JSONFILE_CONFIG_LIMIT, &read, error);
    else if (!json)
        tok_warn(log, "%s is missing: text is lower-cased and its accents are stripped", paths->config);
    if (status == PLN_OK)
        status = tok_config_init(&t->config, json ? json : read, paths->config, &t->vocabulary, log, error);
    json_decref(read);
    return status;
}

/* The tokens of the vocabulary and, before them, the added ones. */
static bool index_ids(pln_tokenizer *t)
{
    const struct tok_added_list *added = &t->config.added;
    t->n = t->vocabulary.n;
    for (uint32_t i = 0; i < added->n; i++)
        if ((uint32_t)added->tokens[i].id >= t->n)
            t->n = (uint32_t)added->tokens[i].id + 1;
    t->tokens = calloc(t->n, sizeof *t->tokens);
    t->is_special = calloc(t->n, sizeof *t->is_special);
    if (!t->tokens || !t->is_special)
        return false;
    memcpy(t->tokens, t->vocabulary.tokens, t->vocabulary.n * sizeof *t->tokens);
    for (uint32_t i = 0; i < added->n; i++) {
        t->tokens[added->tokens[i].id] = added->tokens[i].content;
        t->is_special[added->tokens[i].id] = added->tokens[i].special;
    }
    for (int i = 0; i < TOK_SPECIALS; i++)
        t->special[i] = tok_added_find(added, t->config.special[i])->id;
    return true;
}

pln_status tok_open(const char *path, const json_t *config, pln_log_fn *log, void *log_context,
                    pln_tokenizer **tokenizer, pln_error *error)
{
    struct paths paths;
    pln_status status = find_files(path, &paths, error);
    if (status != PLN_OK)
        return status;
    pln_tokenizer *t = calloc(1, sizeof *t);
    if (!t)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", path);
    status = tok_vocabulary_read(&t->vocabulary, paths.vocabulary, error);
    if (status == PLN_OK)
        status = open_config(t, &paths, config, (struct tok_log){log, log_context}, error);
    if (status != PLN_OK) {
        pln_tokenizer_close(&t);
        return status;
    }
    tok_normalizer_init(&t->unchanged, false, false, false, false);
    if (!index_ids(t)) {
        pln_tokenizer_close(&t);
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", path);
    }
    *tokenizer = t;
    return PLN_OK;
}

int32_t pln_tokenizer_special_id(const pln_tokenizer *tokenizer, pln_special special)
{
    return tokenizer->special[special];
}

uint32_t pln_tokenizer_count(const pln_tokenizer *tokenizer)
{
    return tokenizer->n;
}

pln_encode_options pln_tokenizer_defaults(const pln_tokenizer *tokenizer)
{
    return tokenizer->config.defaults;
}

uint32_t pln_tokenizer_max_length(const pln_tokenizer *tokenizer)
{
    return tokenizer->config.max_length;
}

char *pln_tokenizer_decode(const pln_tokenizer *tokenizer, const int32_t *ids, uint32_t n, bool skip_special)
{
    struct tok_decoder decoder = {0};
    for (uint32_t i = 0; i < n; i++) {
        const char *token = pln_tokenizer_token(tokenizer, ids[i]);
        if (token && !(skip_special && tokenizer->is_special[ids[i]]))
            tok_decoder_add(&decoder, token);
    }
    return tok_decoder_finish(&decoder);
}

pln_status pln_tokenizer_open(const char *path, const pln_tokenizer_options *options, pln_tokenizer **tokenizer,
                              pln_error *error)
{
    if (!path || !tokenizer)
        return pln_fail(error, PLN_INVALID, "pln_tokenizer_open: path and tokenizer must not be NULL");
    *tokenizer = NULL;
    return tok_open(path, NULL, options ? options->log : NULL, options ? options->log_context : NULL, tokenizer, error);
}

void pln_tokenizer_close(pln_tokenizer **tokenizer)
{
    if (!tokenizer || !*tokenizer)
        return;
    tok_config_finish(&(*tokenizer)->config);
    tok_vocabulary_finish(&(*tokenizer)->vocabulary);
    free((*tokenizer)->tokens);
    free((*tokenizer)->is_special);
    free(*tokenizer);
    *tokenizer = NULL;
}

const char *pln_tokenizer_token(const pln_tokenizer *tokenizer, int32_t id)
{
    return id >= 0 && (uint32_t)id < tokenizer->n ? tokenizer->tokens[id] : NULL;
}

int32_t pln_tokenizer_id(const pln_tokenizer *tokenizer, const char *token)
{
    const struct tok_added *added = tok_added_find(&tokenizer->config.added, token);
    return added ? added->id : tok_vocabulary_id(&tokenizer->vocabulary, token);
}
