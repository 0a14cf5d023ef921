/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a directory, gives a tokenizer; takes text, sends it through the stages, gives tokens.
 */
#include "tokenizer/tokenizer.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fail.h"
#include "common/jsonfile.h"
#include "tokenizer/config.h"
#include "tokenizer/decoder.h"
#include "tokenizer/postprocessor.h"
#include "tokenizer/pretokenizer.h"

struct pln_tokenizer {
    struct tok_vocabulary vocabulary;
    struct tok_config config;
    int32_t special[TOK_SPECIALS];
};

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
    status = tok_vocabulary_init(&t->vocabulary, paths.vocabulary, error);
    if (status == PLN_OK)
        status = open_config(t, &paths, config, (struct tok_log){log, log_context}, error);
    if (status != PLN_OK) {
        pln_tokenizer_close(&t);
        return status;
    }
    for (int i = 0; i < TOK_SPECIALS; i++)
        t->special[i] = tok_added_find(&t->config.added, t->config.special[i])->id;
    *tokenizer = t;
    return PLN_OK;
}

/* What is known while a text is encoded. */
struct encoding {
    const pln_tokenizer *tokenizer;
    struct tok_text raw, normalized;
    struct tok_list list;
    int32_t words;
    bool failed;
};

/* A token that covers raw code points [begin, end), of the word that is counted now. */
static void add_token(struct encoding *e, int32_t id, uint32_t begin, uint32_t end)
{
    struct tok_list *list = &e->list;
    if (list->n == list->room) {
        const size_t room = list->room ? (size_t)list->room * 2 : 64;
        pln_token *larger = room <= UINT32_MAX ? realloc(list->tokens, room * sizeof *larger) : NULL;
        e->failed = !larger;
        if (!larger)
            return;
        list->tokens = larger;
        list->room = (uint32_t)room;
    }
    list->tokens[list->n++] = (pln_token){
        .id = id,
        .word = e->words,
        .begin = begin,
        .end = end,
        .begin_byte = e->raw.from[begin],
        .end_byte = e->raw.from[end],
    };
}

static void add_word(struct encoding *e, uint32_t begin, uint32_t end)
{
    struct tok_piece pieces[TOK_MAX_WORD];
    const struct tok_text *text = &e->normalized;
    uint32_t n = tok_wordpiece(&e->tokenizer->vocabulary.trie, text->code + begin, end - begin, pieces);
    if (!n)
        pieces[n++] = (struct tok_piece){e->tokenizer->special[TOK_UNK], 0, end - begin};
    for (uint32_t i = 0; i < n && !e->failed; i++)
        add_token(e, pieces[i].id, text->from[begin + pieces[i].begin], text->from[begin + pieces[i].end - 1] + 1);
    e->words++;
}

/* Raw code points [begin, end), in which no added token is. */
static void add_plain(struct encoding *e, uint32_t begin, uint32_t end)
{
    uint32_t first, last = 0;
    e->normalized.n = 0;
    tok_normalize(&e->tokenizer->config.normalizer, &e->raw, begin, end, &e->normalized);
    e->failed = e->failed || e->normalized.failed;
    while (!e->failed && tok_next_word(&e->normalized, &first, &last))
        add_word(e, first, last);
}

static void add_text(struct encoding *e, const char *text, uint32_t bytes)
{
    tok_text_decode(&e->raw, text, bytes);
    e->failed = e->raw.failed;
    for (uint32_t at = 0, begin, end; !e->failed && at < e->raw.n; at = end) {
        const struct tok_added *added = tok_added_next(&e->tokenizer->config.added, &e->raw, at, &begin, &end);
        add_plain(e, at, begin);
        if (added && !e->failed)
            add_token(e, added->id, begin, end);
        e->words += added != NULL;
    }
}

static pln_status encode_text(const pln_tokenizer *tokenizer, const char *text, size_t bytes, struct tok_list *list,
                              pln_error *error)
{
    struct encoding e = {.tokenizer = tokenizer};
    if (bytes >= UINT32_MAX)
        return pln_fail(error, PLN_INVALID, "text of %zu bytes is longer than 4 GiB", bytes);
    add_text(&e, text, (uint32_t)bytes);
    tok_text_finish(&e.raw);
    tok_text_finish(&e.normalized);
    *list = e.list;
    return e.failed ? pln_fail(error, PLN_NO_MEMORY, "no memory to tokenize %zu bytes", bytes) : PLN_OK;
}

int32_t tok_special_id(const pln_tokenizer *tokenizer, tok_special special)
{
    return tokenizer->special[special];
}

uint32_t tok_count(const pln_tokenizer *tokenizer)
{
    const struct tok_added_list *added = &tokenizer->config.added;
    uint32_t count = tokenizer->vocabulary.n;
    for (uint32_t i = 0; i < added->n; i++) {
        if ((uint32_t)added->tokens[i].id >= count)
            count = (uint32_t)added->tokens[i].id + 1;
    }
    return count;
}

uint32_t tok_max_length(const pln_tokenizer *tokenizer)
{
    return tokenizer->config.max_length;
}

char *tok_decode(const pln_tokenizer *tokenizer, const int32_t *ids, uint32_t n, bool skip_special)
{
    struct tok_decoder decoder = {0};
    for (uint32_t i = 0; i < n; i++) {
        const char *token = pln_tokenizer_token(tokenizer, ids[i]);
        if (token && !(skip_special && tok_added_find_id(&tokenizer->config.added, ids[i])))
            tok_decoder_add(&decoder, token);
    }
    return tok_decoder_finish(&decoder);
}

pln_status pln_tokenizer_open(const char *directory, pln_log_fn *log, void *log_context, pln_tokenizer **tokenizer,
                              pln_error *error)
{
    if (!directory || !tokenizer)
        return pln_fail(error, PLN_INVALID, "pln_tokenizer_open: directory and tokenizer must not be NULL");
    *tokenizer = NULL;
    return tok_open(directory, NULL, log, log_context, tokenizer, error);
}

void pln_tokenizer_close(pln_tokenizer **tokenizer)
{
    if (!tokenizer || !*tokenizer)
        return;
    tok_config_finish(&(*tokenizer)->config);
    tok_vocabulary_finish(&(*tokenizer)->vocabulary);
    free(*tokenizer);
    *tokenizer = NULL;
}

pln_status pln_tokenizer_encode(const pln_tokenizer *tokenizer, const char *text, size_t bytes, const char *pair,
                                size_t pair_bytes, uint32_t max_length, pln_token **tokens, uint32_t *count,
                                pln_error *error)
{
    struct tok_list first = {0}, second = {0};
    if (!tokenizer || (!text && bytes) || !tokens || !count)
        return pln_fail(error, PLN_INVALID, "pln_tokenizer_encode: an argument must not be NULL");
    pln_status status = encode_text(tokenizer, text, bytes, &first, error);
    if (status == PLN_OK && pair)
        status = encode_text(tokenizer, pair, pair_bytes, &second, error);
    if (status == PLN_OK) {
        tok_truncate(&first, pair ? &second : NULL, max_length);
        *tokens = tok_apply_template(&first, pair ? &second : NULL, tokenizer->special[TOK_CLS],
                                     tokenizer->special[TOK_SEP], count);
        if (!*tokens)
            status = pln_fail(error, PLN_NO_MEMORY, "no memory for the tokens of %zu bytes", bytes + pair_bytes);
    }
    free(first.tokens);
    free(second.tokens);
    return status;
}

const char *pln_tokenizer_token(const pln_tokenizer *tokenizer, int32_t id)
{
    const struct tok_added *added = tok_added_find_id(&tokenizer->config.added, id);
    if (added)
        return added->content;
    return id >= 0 && (uint32_t)id < tokenizer->vocabulary.n ? tokenizer->vocabulary.tokens[id] : NULL;
}

int32_t pln_tokenizer_id(const pln_tokenizer *tokenizer, const char *token)
{
    const struct tok_added *added = tok_added_find(&tokenizer->config.added, token);
    return added ? added->id : tok_vocabulary_id(&tokenizer->vocabulary, token);
}

int32_t pln_tokenizer_mask_id(const pln_tokenizer *tokenizer)
{
    return tokenizer->special[TOK_MASK];
}
