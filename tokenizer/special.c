/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the files, gives the added tokens, in the order in which the reference adds them: those of
 * added_tokens_decoder; if there is none those of added_tokens.json and of tokenizer.json; then the special tokens by
 * name, then further ones.
 */
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/fail.h"
#include "common/jsontext.h"
#include "tokenizer/config.h"

const struct tok_special_name tok_special_names[TOK_SPECIALS] = {
    [PLN_SPECIAL_UNK] = {"unk_token", "[UNK]"},    [PLN_SPECIAL_SEP] = {"sep_token", "[SEP]"},
    [PLN_SPECIAL_PAD] = {"pad_token", "[PAD]"},    [PLN_SPECIAL_CLS] = {"cls_token", "[CLS]"},
    [PLN_SPECIAL_MASK] = {"mask_token", "[MASK]"},
};

struct listed { /* an added token of a file */
    const char *content;
    const json_t *json; /* flags, NULL: none */
    json_int_t index;
    bool special;
    size_t order; /* later ones overrule earlier ones with the same index */
};

struct reader {
    struct tok_config *config;
    const struct tok_files *files;
    const pln_tokenizer_options *options;
    const struct tok_vocabulary *vocabulary;
    struct listed *listed;
    size_t n, room;
    uint32_t next_id; /* of a token that the vocabulary lacks */
    const char *path;
    pln_error *error;
};

static pln_status wrong(const struct reader *r, const char *key, const char *expected)
{
    return pln_fail(r->error, PLN_BAD_MODEL, "%s: '%s' is not %s", r->path, key, expected);
}

/* A flag that is missing or null leaves the value as it is. */
static pln_status read_flag(const struct reader *r, const json_t *json, const char *key, bool *value)
{
    const json_t *found = json_object_get(json, key);
    if (!found || json_is_null(found))
        return PLN_OK;
    if (!json_is_boolean(found))
        return wrong(r, key, "true or false");
    *value = json_is_true(found);
    return PLN_OK;
}

static pln_status read_flags(const struct reader *r, const json_t *json, struct tok_added *token)
{
    const struct {
        const char *key;
        bool *value;
    } flags[] = {
        {"lstrip", &token->takes_left},
        {"rstrip", &token->takes_right},
        {"single_word", &token->single_word},
        {"normalized", &token->normalized},
    };
    pln_status status = PLN_OK;
    for (size_t i = 0; i < sizeof flags / sizeof *flags && status == PLN_OK; i++)
        status = read_flag(r, json, flags[i].key, flags[i].value);
    return status;
}

/* "[MASK]" or {"content": "[MASK]", "lstrip": ...} */
static const char *content_of(const json_t *json)
{
    return json_string_value(json_is_object(json) ? json_object_get(json, "content") : json);
}

static pln_status add_token(struct reader *r, const char *key, const char *content, const json_t *json, bool special)
{
    struct tok_added_list *added = &r->config->added;
    if (!content)
        return wrong(r, key, "a token");
    if (!*content)
        return wrong(r, key, "a token: it is empty");
    if (tok_added_find(added, content))
        return PLN_OK;
    struct tok_added token = {
        .content = (char *)(uintptr_t)content, /* copied */
        .id = tok_vocabulary_id(r->vocabulary, content),
        .special = special,
        .normalized = !special,
    };
    const pln_status status = read_flags(r, json, &token);
    if (status != PLN_OK)
        return status;
    if (!tok_added_add(added, &token))
        return pln_fail(r->error, PLN_NO_MEMORY, "%s: no memory", r->path);
    struct tok_added *last = &added->tokens[added->n - 1];
    if (last->id >= 0)
        return PLN_OK;
    if (r->next_id >= TOK_MAX_ID)
        return pln_fail(r->error, PLN_BAD_MODEL, "%s: there are more than %d tokens", r->path, TOK_MAX_ID);
    last->id = (int32_t)r->next_id++;
    tok_warn(r->options, "%s: '%.100s' is not in the vocabulary and gets the id %d behind it", r->path, content,
             last->id);
    return PLN_OK;
}

static pln_status list(struct reader *r, const char *key, struct listed one)
{
    if (!one.content)
        return wrong(r, key, "a token");
    const pln_status status = read_flag(r, one.json, "special", &one.special);
    if (status != PLN_OK)
        return status;
    struct listed *listed = array_reserve(r->listed, &r->room, r->n + 1, sizeof *listed);
    if (!listed)
        return pln_fail(r->error, PLN_NO_MEMORY, "%s: no memory", r->path);
    r->listed = listed;
    one.order = r->n;
    r->listed[r->n++] = one;
    return PLN_OK;
}

/* {"103": {"content": ..., "special": true}} */
static pln_status list_decoder(struct reader *r, json_t *decoder)
{
    const char *key;
    json_t *token;
    pln_status status = PLN_OK;
    r->path = r->files->path[TOK_FILE_CONFIG];
    json_object_foreach(decoder, key, token)
    {
        if (status == PLN_OK && (!*key || key[strspn(key, "0123456789")]))
            status = wrong(r, key, "an id");
        if (status == PLN_OK)
            status = list(r, key, (struct listed){content_of(token), token, strtoll(key, NULL, 10), false, 0});
    }
    return status;
}

/* What a special token is: special_tokens_map.json overrules tokenizer_config.json, if that has no decoder. */
static const json_t *named(const struct reader *r, const char *key, bool legacy)
{
    const json_t *found = legacy ? json_object_get(r->files->json[TOK_FILE_SPECIAL], key) : NULL;
    if (!found || json_is_null(found))
        found = json_object_get(r->files->json[TOK_FILE_CONFIG], key);
    return json_is_null(found) ? NULL : found;
}

/* What it is if no file names it: the unknown token is the model's, the others are BERT's. */
static const char *otherwise(const struct reader *r, int special)
{
    const json_t *model = json_object_get(r->files->json[TOK_FILE_TOKENIZER], "model");
    const char *unknown = json_string_value(json_object_get(model, "unk_token"));
    return special == PLN_SPECIAL_UNK && unknown && !r->options->strict ? unknown : tok_special_names[special].token;
}

static bool is_named(const struct reader *r, const char *content)
{
    for (int i = 0; i < TOK_SPECIALS; i++) {
        const json_t *json = named(r, tok_special_names[i].key, true);
        const char *name = json ? content_of(json) : otherwise(r, i);
        if (name && strcmp(name, content) == 0)
            return true;
    }
    return false;
}

/* {"<new>": 30522} */
static pln_status list_added(struct reader *r)
{
    const char *key;
    json_t *id;
    pln_status status = PLN_OK;
    r->path = r->files->path[TOK_FILE_ADDED];
    json_object_foreach(r->files->json[TOK_FILE_ADDED], key, id)
    {
        if (status == PLN_OK && !json_is_integer(id))
            status = wrong(r, key, "an id");
        if (status == PLN_OK)
            status = list(r, key, (struct listed){key, NULL, json_integer_value(id), is_named(r, key), 0});
    }
    return status;
}

/* [{"id": 4, "content": "[MASK]", "special": true, ...}] */
static pln_status list_tokenizer(struct reader *r)
{
    const json_t *tokens = json_object_get(r->files->json[TOK_FILE_TOKENIZER], "added_tokens"), *token;
    size_t i;
    pln_status status = PLN_OK;
    r->path = r->files->path[TOK_FILE_TOKENIZER];
    if (tokens && !json_is_null(tokens) && !json_is_array(tokens))
        return wrong(r, "added_tokens", "a list of tokens with ids");
    json_array_foreach(tokens, i, token)
    {
        if (status == PLN_OK && !json_is_integer(json_object_get(token, "id")))
            status = wrong(r, "added_tokens", "a list of tokens with ids");
        if (status == PLN_OK)
            status = list(
                r, "added_tokens",
                (struct listed){content_of(token), token, json_integer_value(json_object_get(token, "id")), false, 0});
    }
    return status;
}

static int by_index(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    if (x->index != y->index)
        return x->index < y->index ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static pln_status add_listed(struct reader *r)
{
    pln_status status = PLN_OK;
    if (r->n)
        qsort(r->listed, r->n, sizeof *r->listed, by_index);
    for (size_t i = 0; i < r->n && status == PLN_OK; i++) {
        const struct listed *one = &r->listed[i];
        if (i + 1 == r->n || one[1].index != one->index)
            status = add_token(r, "added_tokens", one->content, one->json, one->special);
    }
    return status;
}

static pln_status add_named(struct reader *r, bool legacy)
{
    pln_status status = PLN_OK;
    for (int i = 0; i < TOK_SPECIALS && status == PLN_OK; i++) {
        const char *key = tok_special_names[i].key;
        const json_t *json = named(r, key, legacy);
        const char *content = json ? content_of(json) : otherwise(r, i);
        const bool of_map = json && json == json_object_get(r->files->json[TOK_FILE_SPECIAL], key);
        r->path = r->files->path[of_map ? TOK_FILE_SPECIAL : TOK_FILE_CONFIG];
        status = add_token(r, key, content, json, true);
        if (status != PLN_OK)
            break;
        r->config->special[i] = content;
        tok_added_mark_special(&r->config->added, content);
    }
    return status;
}

/* ["<new>", {"content": ...}], or of extra_special_tokens {"new_token": "<new>"} too, whose names nobody asks for. */
static pln_status add_further(struct reader *r, tok_file file, const char *key, bool may_have_names)
{
    json_t *tokens = json_object_get(r->files->json[file], key), *token;
    const char *name;
    size_t i;
    pln_status status = PLN_OK;
    r->path = r->files->path[file];
    if (tokens && !json_is_null(tokens) && !json_is_array(tokens) && !(may_have_names && json_is_object(tokens)))
        return wrong(r, key, "a list of tokens");
    json_array_foreach(tokens, i, token) if (status == PLN_OK) status =
        add_token(r, key, content_of(token), token, true);
    json_object_foreach(tokens, name, token) if (status == PLN_OK) status =
        add_token(r, name, content_of(token), token, true);
    return status;
}

static pln_status add_options(struct reader *r)
{
    struct tok_added_list *added = &r->config->added;
    pln_status status = PLN_OK;
    r->path = "the added tokens";
    for (uint32_t i = 0; i < r->options->n_added && status == PLN_OK; i++) {
        const pln_added_token *token = &r->options->added[i];
        const uint32_t before = added->n;
        if (token->content && !jsontext_is_utf8(token->content))
            return pln_fail(r->error, PLN_INVALID, "added token %u is not UTF-8", i);
        status = add_token(r, "content", token->content, NULL, token->special);
        if (added->n == before)
            continue;
        struct tok_added *last = &added->tokens[added->n - 1];
        last->takes_left = token->lstrip;
        last->takes_right = token->rstrip;
        last->single_word = token->single_word;
        last->normalized = token->normalized;
    }
    return status;
}

static pln_status read_all(struct reader *r)
{
    json_t *decoder = json_object_get(r->files->json[TOK_FILE_CONFIG], "added_tokens_decoder");
    const bool legacy = !decoder || json_is_null(decoder);
    pln_status status = PLN_OK;
    r->path = r->files->path[TOK_FILE_CONFIG];
    if (!legacy && !json_is_object(decoder))
        return wrong(r, "added_tokens_decoder", "an object of ids and tokens");
    if (!legacy)
        status = list_decoder(r, decoder);
    if (legacy)
        status = list_added(r);
    if (legacy && status == PLN_OK)
        status = list_tokenizer(r);
    if (status == PLN_OK)
        status = add_listed(r);
    if (status == PLN_OK)
        status = add_named(r, legacy);
    if (status == PLN_OK && legacy)
        status = add_further(r, TOK_FILE_SPECIAL, "additional_special_tokens", false);
    if (status == PLN_OK)
        status = add_further(r, TOK_FILE_CONFIG, "additional_special_tokens", false);
    if (status == PLN_OK)
        status = add_further(r, TOK_FILE_CONFIG, "extra_special_tokens", true);
    return status == PLN_OK ? add_options(r) : status;
}

pln_status tok_read_added(struct tok_config *config, const struct tok_files *files,
                          const pln_tokenizer_options *options, const struct tok_vocabulary *vocabulary,
                          pln_error *error)
{
    struct reader r = {.config = config, .files = files, .options = options, .vocabulary = vocabulary, .error = error};
    r.next_id = vocabulary->distinct;
    pln_status status = read_all(&r);
    free(r.listed);
    for (int i = 0; i < TOK_SPECIALS && status == PLN_OK; i++)
        config->special[i] = tok_added_find(&config->added, config->special[i])->content;
    if (status == PLN_OK && tok_vocabulary_id(vocabulary, config->special[PLN_SPECIAL_UNK]) < 0)
        status = pln_fail(error, PLN_BAD_MODEL, "%s: the unknown token '%s' is not in the vocabulary",
                          files->vocabulary[0] ? files->vocabulary : files->path[TOK_FILE_TOKENIZER],
                          config->special[PLN_SPECIAL_UNK]);
    return status;
}
