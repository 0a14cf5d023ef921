/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes tokenizer.json, tokenizer_config.json and the caller's options, gives normalizer, lengths, sides and padding.
 */
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/fail.h"
#include "common/jsontext.h"
#include "tokenizer/config.h"

struct settings {
    struct tok_config *config;
    const char *path; /* of the file that is read */
    bool clean, lower_case, chinese, basic;
    pln_choice strip;
    pln_error *error;
};

static pln_status wrong(const struct settings *s, const char *key, const char *expected)
{
    return pln_fail(s->error, PLN_BAD_MODEL, "%s: '%s' is not %s", s->path, key, expected);
}

/* *object: NULL if the key is missing or null. */
static pln_status find_object(const struct settings *s, const json_t *json, const char *key, const json_t **object)
{
    *object = json_object_get(json, key);
    if (json_is_null(*object))
        *object = NULL;
    return !*object || json_is_object(*object) ? PLN_OK : wrong(s, key, "an object");
}

/* A key that is missing or null leaves the value as it is. */
static pln_status read_bool(const struct settings *s, const json_t *json, const char *key, bool *value)
{
    const json_t *found = json_object_get(json, key);
    if (!found || json_is_null(found))
        return PLN_OK;
    if (!json_is_boolean(found))
        return wrong(s, key, "true or false");
    *value = json_is_true(found);
    return PLN_OK;
}

static pln_status read_choice(const struct settings *s, const json_t *json, const char *key, pln_choice *value)
{
    bool chosen = false;
    const json_t *found = json_object_get(json, key);
    const pln_status status = read_bool(s, json, key, &chosen);
    if (status == PLN_OK && found)
        *value = chosen ? PLN_CHOICE_YES : PLN_CHOICE_NO;
    if (status == PLN_OK && json_is_null(found))
        *value = PLN_CHOICE_UNSET;
    return status;
}

/* Numbers beyond 2^32, such as 1e30, mean that there is none. */
static pln_status read_number(const struct settings *s, const json_t *json, const char *key, uint32_t *value)
{
    const json_t *found = json_object_get(json, key);
    if (!found || json_is_null(found))
        return PLN_OK;
    const double number = json_number_value(found);
    if (!json_is_number(found) || !(number >= 0) || (number < UINT32_MAX && number != (uint32_t)number))
        return wrong(s, key, "a length");
    *value = number < UINT32_MAX ? (uint32_t)number : 0;
    return PLN_OK;
}

/* Which of the words, NULL last, it is. */
static pln_status read_word(const struct settings *s, const json_t *json, const char *key, const char *const *words,
                            const char *expected, int *value)
{
    const json_t *found = json_object_get(json, key);
    const char *text = json_string_value(found);
    if (!found || json_is_null(found))
        return PLN_OK;
    for (int i = 0; text && words[i]; i++)
        if (strcmp(text, words[i]) == 0) {
            *value = i;
            return PLN_OK;
        }
    return wrong(s, key, expected);
}

static pln_status read_direction(const struct settings *s, const json_t *json, const char *key, bool *left)
{
    static const char *const words[] = {"right", "left", "Right", "Left", NULL};
    int word = *left;
    const pln_status status = read_word(s, json, key, words, "\"left\" or \"right\"", &word);
    *left = word % 2;
    return status;
}

/* What a sequence of one stands for is that one. */
static const json_t *only_part(const json_t *json, const char *parts)
{
    const char *type = json_string_value(json_object_get(json, "type"));
    const json_t *list = json_object_get(json, parts);
    while (type && strcmp(type, "Sequence") == 0 && json_array_size(list) == 1) {
        json = json_array_get(list, 0);
        type = json_string_value(json_object_get(json, "type"));
        list = json_object_get(json, parts);
    }
    return json;
}

static pln_status read_normalizer(struct settings *s, const json_t *json)
{
    json = only_part(json, "normalizers");
    const char *type = json_string_value(json_object_get(json, "type"));
    if (!json || json_is_null(json)) {
        s->clean = s->lower_case = s->chinese = false;
        return PLN_OK;
    }
    if (!type || strcmp(type, "BertNormalizer") != 0)
        return pln_fail(s->error, PLN_BAD_MODEL, "%s: a normalizer of type %.60s is not BERT's", s->path,
                        type ? type : "?");
    pln_status status = read_bool(s, json, "clean_text", &s->clean);
    if (status == PLN_OK)
        status = read_bool(s, json, "handle_chinese_chars", &s->chinese);
    if (status == PLN_OK)
        status = read_choice(s, json, "strip_accents", &s->strip);
    return status == PLN_OK ? read_bool(s, json, "lowercase", &s->lower_case) : status;
}

/* *part: what stands under the key, or the only one of its sequence. */
static pln_status check_type(const struct settings *s, const json_t *json, const char *key, const char *parts,
                             const char *expected, const json_t **part)
{
    *part = only_part(json_object_get(json, key), parts);
    const char *type = json_string_value(json_object_get(*part, "type"));
    if (!*part || json_is_null(*part) || (type && strcmp(type, expected) == 0))
        return PLN_OK;
    return pln_fail(s->error, PLN_BAD_MODEL, "%s: '%s' is of type %.60s, only %s is read", s->path, key,
                    type ? type : "?", expected);
}

static pln_status read_model(struct settings *s, const json_t *json)
{
    const json_t *model = json_object_get(json, "model");
    const json_t *unknown = json_object_get(model, "unk_token");
    const json_t *inside = json_object_get(model, "continuing_subword_prefix");
    const char *prefix = json_string_value(inside);
    if (unknown && !json_is_null(unknown) && !json_is_string(unknown))
        return wrong(s, "unk_token", "a token");
    if (inside && !json_is_null(inside) && !prefix)
        return wrong(s, "continuing_subword_prefix", "a prefix");
    if (prefix && strcmp(prefix, "##") != 0)
        return pln_fail(s->error, PLN_BAD_MODEL, "%s: pieces inside words begin with '%.60s', only '##' is read",
                        s->path, prefix);
    const pln_status status = read_number(s, model, "max_input_chars_per_word", &s->config->max_word);
    if (status == PLN_OK && s->config->max_word == 0)
        s->config->max_word = UINT32_MAX;
    return status;
}

static pln_status read_truncation(struct settings *s, const json_t *tokenizer)
{
    const json_t *json;
    static const char *const words[] = {"LongestFirst", "OnlyFirst", "OnlySecond", NULL};
    pln_encode_options *o = &s->config->defaults;
    int word = PLN_TRUNCATION_LONGEST_FIRST;
    pln_status status = find_object(s, tokenizer, "truncation", &json);
    if (status == PLN_OK)
        status = read_number(s, json, "max_length", &o->max_length);
    if (status == PLN_OK)
        status = read_number(s, json, "stride", &o->stride);
    if (status == PLN_OK)
        status = read_word(s, json, "strategy", words, "a strategy of truncation", &word);
    o->truncation = (pln_truncation)word;
    return status == PLN_OK ? read_direction(s, json, "direction", &o->truncate_left) : status;
}

/* "BatchLongest" or {"Fixed": 128} */
static pln_status read_padding_strategy(struct settings *s, const json_t *strategy)
{
    pln_encode_options *o = &s->config->defaults;
    const char *word = json_string_value(strategy);
    const json_t *length = json_object_get(strategy, "Fixed");
    o->padding = json_is_object(strategy) ? PLN_PADDING_LENGTH : PLN_PADDING_LONGEST;
    if (!strategy || json_is_null(strategy))
        return PLN_OK;
    if (o->padding == PLN_PADDING_LENGTH)
        return json_is_number(length) ? read_number(s, strategy, "Fixed", &o->pad_length)
                                      : wrong(s, "strategy", "a strategy of padding");
    return word && strcmp(word, "BatchLongest") == 0 ? PLN_OK : wrong(s, "strategy", "a strategy of padding");
}

static pln_status read_padding(struct settings *s, const json_t *tokenizer)
{
    pln_encode_options *o = &s->config->defaults;
    const json_t *json;
    pln_status status = find_object(s, tokenizer, "padding", &json);
    if (status != PLN_OK || !json)
        return status;
    status = read_padding_strategy(s, json_object_get(json, "strategy"));
    if (status == PLN_OK)
        status = read_number(s, json, "pad_to_multiple_of", &o->pad_multiple);
    return status == PLN_OK ? read_direction(s, json, "direction", &o->pad_left) : status;
}

static pln_status read_tokenizer(struct settings *s, const json_t *json, bool strict)
{
    bool clean_up = true;
    const json_t *part;
    pln_status status = read_truncation(s, json);
    if (status == PLN_OK)
        status = read_padding(s, json);
    if (status != PLN_OK || strict)
        return status;
    status = read_normalizer(s, json_object_get(json, "normalizer"));
    if (status == PLN_OK)
        status = read_model(s, json);
    if (status == PLN_OK)
        status = check_type(s, json, "pre_tokenizer", "pretokenizers", "BertPreTokenizer", &part);
    if (status == PLN_OK)
        status = check_type(s, json, "decoder", "decoders", "WordPiece", &part);
    if (status == PLN_OK)
        status = read_bool(s, part, "cleanup", &clean_up);
    s->config->keep_spaces = !clean_up;
    return status;
}

static pln_status read_config(struct settings *s, const json_t *json)
{
    const struct {
        const char *key;
        bool *value;
    } flags[] = {
        {"do_lower_case", &s->lower_case},
        {"do_basic_tokenize", &s->basic},
        {"tokenize_chinese_chars", &s->chinese},
        {"split_special_tokens", &s->config->defaults.split_special},
        {"clean_up_tokenization_spaces", &s->config->clean_up},
    };
    pln_status status = read_choice(s, json, "strip_accents", &s->strip);
    for (size_t i = 0; i < sizeof flags / sizeof *flags && status == PLN_OK; i++)
        status = read_bool(s, json, flags[i].key, flags[i].value);
    if (status == PLN_OK)
        status = read_number(s, json, "max_len", &s->config->max_length);
    if (status == PLN_OK)
        status = read_number(s, json, "model_max_length", &s->config->max_length);
    if (status == PLN_OK)
        status = read_direction(s, json, "padding_side", &s->config->defaults.pad_left);
    return status == PLN_OK ? read_direction(s, json, "truncation_side", &s->config->defaults.truncate_left) : status;
}

static bool keep_word(struct tok_config *config, const char *word)
{
    char **larger =
        array_reserve(config->never_split, &config->never_split_room, config->n_never_split + 1ul, sizeof *larger);
    if (!larger)
        return false;
    config->never_split = larger;
    larger[config->n_never_split] = strdup(word);
    return larger[config->n_never_split] && ++config->n_never_split;
}

/* ["word", ...] of tokenizer_config.json, and those of the options. */
static pln_status read_never_split(struct settings *s, const json_t *json, const pln_tokenizer_options *options)
{
    const json_t *list = json_object_get(json, "never_split"), *word;
    size_t i;
    bool good = true;
    if (list && !json_is_null(list) && !json_is_array(list))
        return wrong(s, "never_split", "a list of words");
    json_array_foreach(list, i, word)
    {
        if (!json_is_string(word))
            return wrong(s, "never_split", "a list of words");
        good = good && keep_word(s->config, json_string_value(word));
    }
    for (i = 0; i < options->n_never_split && good; i++)
        if (options->never_split[i] && !jsontext_is_utf8(options->never_split[i]))
            return pln_fail(s->error, PLN_INVALID, "word %zu of never_split is not UTF-8", i);
        else
            good = keep_word(s->config, options->never_split[i]);
    return good ? PLN_OK : pln_fail(s->error, PLN_NO_MEMORY, "%s: no memory", s->path);
}

static void choose(pln_choice choice, bool *value)
{
    if (choice != PLN_CHOICE_UNSET)
        *value = choice == PLN_CHOICE_YES;
}

static void apply_options(struct settings *s, const pln_tokenizer_options *options)
{
    choose(options->lower_case, &s->lower_case);
    choose(options->space_chinese, &s->chinese);
    if (options->strip_accents != PLN_CHOICE_UNSET)
        s->strip = options->strip_accents;
    if (options->max_word)
        s->config->max_word = options->max_word;
}

pln_status tok_read_settings(struct tok_config *config, const struct tok_files *files,
                             const pln_tokenizer_options *options, pln_error *error)
{
    struct settings s = {config, files->path[TOK_FILE_TOKENIZER], true, true, true, true, PLN_CHOICE_UNSET, error};
    const json_t *tokenizer = files->json[TOK_FILE_TOKENIZER], *json = files->json[TOK_FILE_CONFIG];
    pln_status status = PLN_OK;
    if (tokenizer)
        status = read_tokenizer(&s, tokenizer, options->strict);
    s.path = files->path[TOK_FILE_CONFIG];
    if (status == PLN_OK && json)
        status = read_config(&s, json);
    if (status == PLN_OK)
        status = read_never_split(&s, json, options);
    if (!json && (!tokenizer || options->strict) && options->lower_case == PLN_CHOICE_UNSET)
        tok_warn(options, "%s is missing: text is lower-cased and its accents are stripped", s.path);
    apply_options(&s, options);
    config->strip_accents = s.strip;
    config->only_words = !s.basic;
    tok_normalizer_init(&config->lowering, false, false, false,
                        s.lower_case && s.basic && options->mode == PLN_TOKENIZER_MODE_SLOW);
    tok_normalizer_init(&config->normalizer, s.clean, s.chinese,
                        s.strip == PLN_CHOICE_UNSET ? s.lower_case : s.strip == PLN_CHOICE_YES, s.lower_case);
    return status;
}
