/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes tokenizer_config.json, gives the settings of each stage.
 */
#include "tokenizer/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"

/* In the order in which the reference adds those that the vocabulary lacks. */
static const struct {
    const char *key, *token;
} specials[TOK_SPECIALS] = {
    [PLN_UNK_TOKEN] = {"unk_token", "[UNK]"},    [PLN_SEP_TOKEN] = {"sep_token", "[SEP]"},
    [PLN_PAD_TOKEN] = {"pad_token", "[PAD]"},    [PLN_CLS_TOKEN] = {"cls_token", "[CLS]"},
    [PLN_MASK_TOKEN] = {"mask_token", "[MASK]"},
};

struct reader {
    const json_t *json;
    const char *path;
    const struct tok_vocabulary *vocabulary;
    struct tok_log log;
    struct tok_config *config;
    uint32_t next_id; /* of a token that the vocabulary lacks */
    pln_error *error;
};

void tok_warn(struct tok_log log, const char *format, ...)
{
    char message[500];
    va_list arguments;
    if (!log.write)
        return;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    log.write(log.context, PLN_LOG_WARNING, message);
}

static pln_status wrong(const struct reader *r, const char *key, const char *expected)
{
    return pln_fail(r->error, PLN_BAD_MODEL, "%s: '%s' is not %s", r->path, key, expected);
}

static pln_status read_bool(const struct reader *r, const char *key, bool *value)
{
    const json_t *json = json_object_get(r->json, key);
    if (!json || json_is_null(json))
        return PLN_OK;
    if (!json_is_boolean(json))
        return wrong(r, key, "true or false");
    *value = json_is_true(json);
    return PLN_OK;
}

/* padding_side, truncation_side */
static pln_status read_side(const struct reader *r, const char *key, bool *left)
{
    const json_t *json = json_object_get(r->json, key);
    const char *side = json_string_value(json);
    if (!json || json_is_null(json))
        return PLN_OK;
    if (!side || (strcmp(side, "left") != 0 && strcmp(side, "right") != 0))
        return wrong(r, key, "\"left\" or \"right\"");
    *left = *side == 'l';
    return PLN_OK;
}

static pln_status read_max_length(struct reader *r)
{
    const char *key = json_object_get(r->json, "model_max_length") ? "model_max_length" : "max_len";
    const json_t *json = json_object_get(r->json, key);
    if (!json || json_is_null(json))
        return PLN_OK;
    if (!json_is_number(json) || json_number_value(json) < 0)
        return wrong(r, key, "a length");
    if (json_number_value(json) < UINT32_MAX) /* 1e30 means that there is none */
        r->config->max_length = (uint32_t)json_number_value(json);
    return PLN_OK;
}

/* "[MASK]" or {"content": "[MASK]", "lstrip": ...} */
static pln_status add_token(struct reader *r, const char *key, const json_t *json, const char **content)
{
    const char *text = json_string_value(json_is_object(json) ? json_object_get(json, "content") : json);
    if (!text)
        return wrong(r, key, "a token");
    int32_t id = tok_vocabulary_id(r->vocabulary, text);
    const bool lacking = id < 0 && !tok_added_find(&r->config->added, text);
    if (lacking) {
        id = (int32_t)r->next_id++;
        tok_warn(r->log, "%s: '%s' is not in the vocabulary and gets the id %d behind it", r->path, text, id);
    }
    const struct tok_added token = {
        .content = (char *)(uintptr_t)text, /* copied */
        .id = id,
        .special = true,
        .takes_left = json_is_true(json_object_get(json, "lstrip")),
        .takes_right = json_is_true(json_object_get(json, "rstrip")),
        .single_word = json_is_true(json_object_get(json, "single_word")),
    };
    if (!tok_added_add(&r->config->added, &token))
        return pln_fail(r->error, PLN_NO_MEMORY, "%s: no memory", r->path);
    const struct tok_added *added = tok_added_find(&r->config->added, text);
    if (!added)
        return wrong(r, key, "a token: it is empty");
    *content = added->content;
    return PLN_OK;
}

static int by_number(const void *a, const void *b)
{
    const long long x = atoll(*(const char *const *)a), y = atoll(*(const char *const *)b);
    return (x > y) - (x < y);
}

/* added_tokens_decoder: {"103": {"content": ..., "special": true}}, in the order of the numbers. */
static pln_status read_decoder(struct reader *r)
{
    json_t *decoder = json_object_get(r->json, "added_tokens_decoder"), *token;
    const char *key, *content;
    size_t n = 0;
    pln_status status = PLN_OK;
    const char **keys = calloc(json_object_size(decoder) + 1, sizeof *keys);
    if (!keys)
        return pln_fail(r->error, PLN_NO_MEMORY, "%s: no memory", r->path);
    json_object_foreach(decoder, key, token) keys[n++] = key;
    qsort(keys, n, sizeof *keys, by_number);
    for (size_t i = 0; i < n && status == PLN_OK; i++) {
        token = json_object_get(decoder, keys[i]);
        if (json_is_true(json_object_get(token, "special")))
            status = add_token(r, keys[i], token, &content);
        else
            tok_warn(r->log, "%s: added token %s is not special: it is read as plain text", r->path, keys[i]);
    }
    free(keys);
    return status;
}

static pln_status read_list(struct reader *r, const char *key)
{
    const json_t *list = json_object_get(r->json, key);
    const char *content;
    pln_status status = PLN_OK;
    for (size_t i = 0; i < json_array_size(list) && status == PLN_OK; i++)
        status = add_token(r, key, json_array_get(list, i), &content);
    return status;
}

static pln_status read_specials(struct reader *r)
{
    pln_status status = read_decoder(r);
    for (int i = 0; i < TOK_SPECIALS && status == PLN_OK; i++) {
        const json_t *json = json_object_get(r->json, specials[i].key);
        json_t *standard = json_string(specials[i].token);
        status = add_token(r, specials[i].key, json && !json_is_null(json) ? json : standard, &r->config->special[i]);
        json_decref(standard);
    }
    if (status == PLN_OK)
        status = read_list(r, "additional_special_tokens");
    return status == PLN_OK ? read_list(r, "extra_special_tokens") : status;
}

pln_status tok_config_init(struct tok_config *config, const json_t *json, const char *path,
                           const struct tok_vocabulary *vocabulary, struct tok_log log, pln_error *error)
{
    *config = (struct tok_config){.max_word = 100};
    struct reader r = {json, path, vocabulary, log, config, vocabulary->distinct, error};
    bool lower_case = true, chinese = true;
    pln_status status = read_bool(&r, "do_lower_case", &lower_case);
    bool strip_accents = lower_case;
    if (status == PLN_OK)
        status = read_bool(&r, "strip_accents", &strip_accents);
    if (status == PLN_OK)
        status = read_bool(&r, "tokenize_chinese_chars", &chinese);
    tok_normalizer_init(&config->normalizer, true, chinese, strip_accents, lower_case);
    if (status == PLN_OK)
        status = read_max_length(&r);
    if (status == PLN_OK)
        status = read_side(&r, "padding_side", &config->defaults.pad_left);
    if (status == PLN_OK)
        status = read_side(&r, "truncation_side", &config->defaults.truncate_left);
    if (status == PLN_OK)
        status = read_specials(&r);
    if (status == PLN_OK && tok_vocabulary_id(vocabulary, config->special[PLN_UNK_TOKEN]) < 0)
        status = pln_fail(error, PLN_BAD_MODEL, "%s: the unknown token '%s' is not in the vocabulary", path,
                          config->special[PLN_UNK_TOKEN]);
    if (status == PLN_OK && !tok_added_index(&config->added, &config->normalizer))
        status = pln_fail(error, PLN_NO_MEMORY, "%s: no memory", path);
    if (status != PLN_OK)
        tok_config_finish(config);
    return status;
}

void tok_config_finish(struct tok_config *config)
{
    tok_added_finish(&config->added);
}
