/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a directory, gives a tokenizer, answers for its tokens and ids.
 */
#include "tokenizer/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "tokenizer/decoder.h"

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

/* The special tokens are words that are kept, too: they are met when they are not split off the text. */
static bool set_slow_rules(pln_tokenizer *t)
{
    const struct tok_config *c = &t->config;
    const bool slow = t->mode == PLN_TOKENIZER_MODE_SLOW;
    const uint32_t n = slow ? c->n_never_split + c->added.n : 0;
    const char **kept = calloc(n + 1ul, sizeof *kept);
    t->slow = (struct tok_slow_rules){
        .lower_case = c->normalizer.lower_case,
        .strip_accents = c->normalizer.strip_accents && (slow || c->normalizer.lower_case),
        .space_chinese = c->normalizer.space_chinese || !slow,
        .compose = slow,
        .only_words = slow && c->only_words,
        .kept = kept,
    };
    for (uint32_t i = 0; kept && slow && i < c->n_never_split; i++)
        kept[t->slow.n_kept++] = c->never_split[i];
    for (uint32_t i = 0; kept && slow && i < c->added.n; i++)
        if (c->added.tokens[i].special)
            kept[t->slow.n_kept++] = c->added.tokens[i].content;
    return kept;
}

static pln_status read_files(pln_tokenizer *t, const struct tok_files *files, const pln_tokenizer_options *options,
                             pln_error *error)
{
    const json_t *json = files->json[TOK_FILE_TOKENIZER];
    pln_status status;
    if (json && (options->mode == PLN_TOKENIZER_MODE_FAST || !files->vocabulary[0]))
        status = tok_vocabulary_take(&t->vocabulary, json, files->path[TOK_FILE_TOKENIZER], error);
    else
        status = tok_vocabulary_read(&t->vocabulary, files->vocabulary, error);
    if (status == PLN_OK && t->vocabulary.lines[0] && strncmp(t->vocabulary.lines[0], "\xef\xbb\xbf", 3) == 0)
        tok_warn(options, "%s begins with a byte order mark, which the reference takes as a part of its first token",
                 files->vocabulary);
    if (status == PLN_OK)
        status = tok_config_init(&t->config, files, options, &t->vocabulary, error);
    if (status == PLN_OK && !index_ids(t))
        status = pln_fail(error, PLN_NO_MEMORY, "no memory for %u tokens", t->n);
    tok_normalizer_init(&t->unchanged, false, false, false, false);
    t->mode = options->mode;
    if (status == PLN_OK && !set_slow_rules(t))
        status = pln_fail(error, PLN_NO_MEMORY, "no memory for words that are never split");
    return status;
}

pln_status tok_open(const char *path, const json_t *config, const pln_tokenizer_options *options,
                    pln_tokenizer **tokenizer, pln_error *error)
{
    static const pln_tokenizer_options defaults = {.size = sizeof defaults};
    *tokenizer = NULL;
    struct tok_files *files = malloc(sizeof *files); /* paths, too much for a small stack */
    pln_tokenizer *t = calloc(1, sizeof *t);
    pln_status status =
        files && t ? tok_files_init(files, path, config, error) : pln_fail(error, PLN_NO_MEMORY, "%s: no memory", path);
    if (files && t && status == PLN_OK) {
        status = read_files(t, files, options ? options : &defaults, error);
        tok_files_finish(files);
    }
    free(files);
    if (status != PLN_OK)
        pln_tokenizer_close(&t);
    *tokenizer = t;
    return status;
}

int32_t pln_tokenizer_special_id(const pln_tokenizer *tokenizer, pln_special special)
{
    return tokenizer && (uint32_t)special < TOK_SPECIALS ? tokenizer->special[special] : -1;
}

uint32_t pln_tokenizer_count(const pln_tokenizer *tokenizer)
{
    return tokenizer ? tokenizer->n : 0;
}

pln_status pln_tokenizer_defaults(const pln_tokenizer *tokenizer, pln_encode_options *options, pln_error *error)
{
    NEED(error, tokenizer, options);
    ROOM(error, pln_encode_options, options);
    door_give(options, &tokenizer->config.defaults, sizeof *options);
    return PLN_OK;
}

uint32_t pln_tokenizer_max_length(const pln_tokenizer *tokenizer)
{
    return tokenizer ? tokenizer->config.max_length : 0;
}

pln_status pln_tokenizer_decode(const pln_tokenizer *tokenizer, const int32_t *ids, uint32_t n_ids,
                                const pln_decode_options *options, char **text, pln_error *error)
{
    pln_decode_options o = {.size = sizeof o};
    NEED(error, text);
    *text = NULL;
    NEED(error, tokenizer);
    NEED_LIST(error, ids, n_ids);
    TAKE(error, pln_decode_options, o, options);
    if (o.clean_up > PLN_CHOICE_YES)
        return pln_fail(error, PLN_INVALID, "clean_up is no choice");
    const bool clean_up = o.clean_up != PLN_CHOICE_UNSET ? o.clean_up == PLN_CHOICE_YES : tokenizer->config.clean_up;
    struct tok_decoder decoder = {.keep_spaces = tokenizer->config.keep_spaces};
    for (uint32_t i = 0; i < n_ids; i++) {
        const char *token = pln_tokenizer_token(tokenizer, ids[i]);
        if (token && !(o.skip_special && tokenizer->is_special[ids[i]]))
            tok_decoder_add(&decoder, token, strlen(token));
    }
    *text = tok_decoder_finish(&decoder, clean_up);
    return *text ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for the text of %u ids", n_ids);
}

static pln_status check_options(const pln_tokenizer_options *o, pln_error *error)
{
    if (o->mode > PLN_TOKENIZER_MODE_GOOGLE)
        return pln_fail(error, PLN_INVALID, "there is no mode %u of a tokenizer", (unsigned)o->mode);
    if (o->lower_case > PLN_CHOICE_YES || o->strip_accents > PLN_CHOICE_YES || o->space_chinese > PLN_CHOICE_YES)
        return pln_fail(error, PLN_INVALID, "lower_case, strip_accents or space_chinese is no choice");
    for (uint32_t i = 0; i < o->n_added; i++)
        if (!o->added || !o->added[i].content)
            return pln_fail(error, PLN_INVALID, "added token %u is NULL", i);
    for (uint32_t i = 0; i < o->n_never_split; i++)
        if (!o->never_split || !o->never_split[i])
            return pln_fail(error, PLN_INVALID, "word %u of never_split is NULL", i);
    return PLN_OK;
}

pln_status pln_tokenizer_open(const char *path, const pln_tokenizer_options *options, pln_tokenizer **tokenizer,
                              pln_error *error)
{
    NEED(error, tokenizer);
    *tokenizer = NULL;
    NEED(error, path);
    pln_tokenizer_options o = {.size = sizeof o};
    TAKE(error, pln_tokenizer_options, o, options);
    const pln_status status = check_options(&o, error);
    return status == PLN_OK ? tok_open(path, NULL, &o, tokenizer, error) : status;
}

bool pln_tokenizer_mode_find(const char *name, pln_tokenizer_mode *mode)
{
    static const char *const names[] = {
        [PLN_TOKENIZER_MODE_FAST] = "fast", [PLN_TOKENIZER_MODE_SLOW] = "slow", [PLN_TOKENIZER_MODE_GOOGLE] = "google"};
    for (size_t i = 0; name && mode && i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            *mode = (pln_tokenizer_mode)i;
            return true;
        }
    return false;
}

void pln_tokenizer_close(pln_tokenizer **tokenizer)
{
    if (!tokenizer || !*tokenizer)
        return;
    tok_config_finish(&(*tokenizer)->config);
    tok_vocabulary_finish(&(*tokenizer)->vocabulary);
    free((*tokenizer)->tokens);
    free((*tokenizer)->is_special);
    free((void *)(uintptr_t)(*tokenizer)->slow.kept);
    free(*tokenizer);
    *tokenizer = NULL;
}

const char *pln_tokenizer_token(const pln_tokenizer *tokenizer, int32_t id)
{
    return tokenizer && id >= 0 && (uint32_t)id < tokenizer->n ? tokenizer->tokens[id] : NULL;
}

int32_t pln_tokenizer_id(const pln_tokenizer *tokenizer, const char *token)
{
    if (!tokenizer || !token)
        return -1;
    const struct tok_added *added = tok_added_find(&tokenizer->config.added, token);
    return added ? added->id : tok_vocabulary_id(&tokenizer->vocabulary, token);
}
