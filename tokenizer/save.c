/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a tokenizer, writes its files, in the layout of transformers 4 or 5: all, or none.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/door.h"
#include "common/jsontext.h"
#include "tokenizer/tokenizer.h"

/* Takes both, gives the object with the value in it; NULL if either is NULL or there is no memory. So what is made of
 * many steps is whole or NULL. */
static json_t *with(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) == 0)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *with_item(json_t *list, json_t *item)
{
    if (json_array_append_new(list, item) == 0)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *choice(pln_choice value)
{
    return value == PLN_CHOICE_UNSET ? json_null() : json_boolean(value == PLN_CHOICE_YES);
}

/* An added token as both tokenizer.json and added_tokens_decoder write it; the first also wants its id. */
static json_t *added_token(const struct tok_added *token, bool with_id)
{
    json_t *json = json_object();
    if (with_id)
        json = with(json, "id", json_integer(token->id));
    json = with(json, "content", json_string(token->content));
    json = with(json, "single_word", json_boolean(token->single_word));
    json = with(json, "lstrip", json_boolean(token->takes_left));
    json = with(json, "rstrip", json_boolean(token->takes_right));
    json = with(json, "normalized", json_boolean(token->normalized));
    return with(json, "special", json_boolean(token->special));
}

static json_t *vocabulary_of(const pln_tokenizer *t)
{
    json_t *vocabulary = json_object();
    for (uint32_t i = 0; i < t->vocabulary.n; i++)
        if (t->vocabulary.tokens[i])
            vocabulary = with(vocabulary, t->vocabulary.tokens[i], json_integer(i));
    return vocabulary;
}

static json_t *piece(const char *kind, const char *id, int type)
{
    return json_pack("{s:{s:s,s:i}}", kind, "id", id, "type_id", type);
}

static json_t *special_piece(const pln_tokenizer *t, pln_special special)
{
    const char *token = t->config.special[special];
    return json_pack("{s:s,s:[i],s:[s]}", "id", token, "ids", (int)t->special[special], "tokens", token);
}

static json_t *post_processor(const pln_tokenizer *t)
{
    const char *cls = t->config.special[PLN_SPECIAL_CLS], *sep = t->config.special[PLN_SPECIAL_SEP];
    json_t *rows[2];
    for (int pair = 0; pair < 2; pair++) {
        json_t *row = with_item(json_array(), piece("SpecialToken", cls, 0));
        row = with_item(with_item(row, piece("Sequence", "A", 0)), piece("SpecialToken", sep, 0));
        if (pair)
            row = with_item(with_item(row, piece("Sequence", "B", 1)), piece("SpecialToken", sep, 1));
        rows[pair] = row;
    }
    json_t *tokens = with(json_object(), cls, special_piece(t, PLN_SPECIAL_CLS));
    tokens = with(tokens, sep, special_piece(t, PLN_SPECIAL_SEP));
    json_t *json = with(json_object(), "type", json_string("TemplateProcessing"));
    json = with(with(json, "single", rows[0]), "pair", rows[1]);
    return with(json, "special_tokens", tokens);
}

static const char *direction(bool left)
{
    return left ? "Left" : "Right";
}

static json_t *truncation(const pln_encode_options *o)
{
    static const char *const strategies[] = {"LongestFirst", "OnlyFirst", "OnlySecond"};
    if (!o->max_length)
        return json_null();
    return json_pack("{s:s,s:I,s:s,s:I}", "direction", direction(o->truncate_left), "max_length",
                     (json_int_t)o->max_length, "strategy", strategies[o->truncation], "stride", (json_int_t)o->stride);
}

static json_t *padding(const pln_tokenizer *t, const pln_encode_options *o)
{
    if (o->padding == PLN_PADDING_NONE)
        return json_null();
    const json_int_t length = o->pad_length ? o->pad_length : o->max_length;
    json_t *json =
        with(json_object(), "strategy",
             o->padding == PLN_PADDING_LONGEST ? json_string("BatchLongest") : json_pack("{s:I}", "Fixed", length));
    json = with(json, "direction", json_string(direction(o->pad_left)));
    json = with(json, "pad_to_multiple_of", o->pad_multiple ? json_integer(o->pad_multiple) : json_null());
    json = with(json, "pad_id", json_integer(t->special[PLN_SPECIAL_PAD]));
    json = with(json, "pad_type_id", json_integer(0));
    return with(json, "pad_token", json_string(t->config.special[PLN_SPECIAL_PAD]));
}

static json_t *normalizer(const struct tok_config *c)
{
    json_t *json = with(json_object(), "type", json_string("BertNormalizer"));
    json = with(json, "clean_text", json_boolean(c->normalizer.clean));
    json = with(json, "handle_chinese_chars", json_boolean(c->normalizer.space_chinese));
    json = with(json, "strip_accents", choice(c->strip_accents));
    return with(json, "lowercase", json_boolean(c->normalizer.lower_case));
}

static json_t *tokenizer_json(const pln_tokenizer *t)
{
    const struct tok_config *c = &t->config;
    json_t *added = json_array();
    for (uint32_t i = 0; i < c->added.n; i++)
        added = with_item(added, added_token(&c->added.tokens[i], true));
    json_t *model = json_pack("{s:s,s:s,s:s,s:I}", "type", "WordPiece", "unk_token", c->special[PLN_SPECIAL_UNK],
                              "continuing_subword_prefix", "##", "max_input_chars_per_word", (json_int_t)c->max_word);
    json_t *json = with(json_object(), "version", json_string("1.0"));
    json = with(json, "truncation", truncation(&c->defaults));
    json = with(json, "padding", padding(t, &c->defaults));
    json = with(json, "added_tokens", added);
    json = with(json, "normalizer", normalizer(c));
    json = with(json, "pre_tokenizer", json_pack("{s:s}", "type", "BertPreTokenizer"));
    json = with(json, "post_processor", post_processor(t));
    json = with(json, "decoder",
                json_pack("{s:s,s:s,s:b}", "type", "WordPiece", "prefix", "##", "cleanup", !c->keep_spaces));
    return with(json, "model", with(model, "vocab", vocabulary_of(t)));
}

/* Further special tokens: those without a name. */
static json_t *further(const pln_tokenizer *t)
{
    json_t *tokens = json_array();
    for (uint32_t i = 0; i < t->config.added.n; i++) {
        const struct tok_added *token = &t->config.added.tokens[i];
        bool named = false;
        for (int k = 0; k < TOK_SPECIALS; k++)
            named = named || strcmp(token->content, t->config.special[k]) == 0;
        if (token->special && !named)
            tokens = with_item(tokens, json_string(token->content));
    }
    return tokens;
}

static json_t *special_map(const pln_tokenizer *t, const char *further_key)
{
    json_t *map = json_object();
    for (int i = 0; i < TOK_SPECIALS; i++)
        map = with(map, tok_special_names[i].key, json_string(t->config.special[i]));
    json_t *tokens = further(t);
    if (!tokens || json_array_size(tokens))
        return with(map, further_key, tokens);
    json_decref(tokens);
    return map;
}

/* What only some tokenizers have. */
static json_t *with_rare_keys(json_t *config, const struct tok_config *c)
{
    if (c->defaults.split_special)
        config = with(config, "split_special_tokens", json_true());
    if (c->only_words)
        config = with(config, "do_basic_tokenize", json_false());
    if (!c->n_never_split)
        return config;
    json_t *words = json_array();
    for (uint32_t i = 0; i < c->n_never_split; i++)
        words = with_item(words, json_string(c->never_split[i]));
    return with(config, "never_split", words);
}

static json_t *config_json(const pln_tokenizer *t, pln_tokenizer_layout layout)
{
    const struct tok_config *c = &t->config;
    const bool four = layout == PLN_TOKENIZER_LAYOUT_4;
    json_t *config = special_map(t, four ? "additional_special_tokens" : "extra_special_tokens");
    config = with(config, "do_lower_case", json_boolean(c->normalizer.lower_case));
    config = with(config, "strip_accents", choice(c->strip_accents));
    config = with(config, "tokenize_chinese_chars", json_boolean(c->normalizer.space_chinese));
    config = with(config, "clean_up_tokenization_spaces", json_boolean(c->clean_up));
    config = with(config, "padding_side", json_string(c->defaults.pad_left ? "left" : "right"));
    config = with(config, "truncation_side", json_string(c->defaults.truncate_left ? "left" : "right"));
    config = with(config, "model_max_length", c->max_length ? json_integer(c->max_length) : json_real(1e30));
    config = with(config, "tokenizer_class", json_string(four ? "ElectraTokenizer" : "BertTokenizer"));
    config = with_rare_keys(config, c);
    if (!four)
        return config;
    json_t *decoder = json_object();
    for (uint32_t i = 0; i < c->added.n; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", (int)c->added.tokens[i].id);
        decoder = with(decoder, id, added_token(&c->added.tokens[i], false));
    }
    return with(config, "added_tokens_decoder", decoder);
}

/* Tokens behind the vocabulary, {"<new>": 30522}. */
static json_t *added_json(const pln_tokenizer *t)
{
    json_t *json = json_object();
    for (uint32_t i = 0; i < t->config.added.n; i++)
        if (tok_vocabulary_id(&t->vocabulary, t->config.added.tokens[i].content) < 0)
            json = with(json, t->config.added.tokens[i].content, json_integer(t->config.added.tokens[i].id));
    return json;
}

/* ---- files: each is written beside its place, and takes it when all are there */

enum { MOST_FILES = 5 };

struct save {
    const char *directory;
    const char *names[MOST_FILES]; /* of files that were begun */
    uint32_t n;
};

static pln_status find_paths(const struct save *save, const char *name, char *path, char *partial, pln_error *error)
{
    snprintf(path, PATH_MAX, "%s/%s", save->directory, name);
    return snprintf(partial, PATH_MAX, "%s/%s.%ld.part", save->directory, name, (long)getpid()) < PATH_MAX
               ? PLN_OK
               : pln_fail(error, PLN_INVALID, "%.100s...: the path is too long", save->directory);
}

static pln_status open_file(struct save *save, const char *name, FILE **file, pln_error *error)
{
    char path[PATH_MAX], partial[PATH_MAX];
    const pln_status status = find_paths(save, name, path, partial, error);
    if (status != PLN_OK)
        return status;
    *file = fopen(partial, "wb");
    if (!*file)
        return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be written: %s", path,
                        strerror(errno));
    save->names[save->n++] = name;
    return PLN_OK;
}

static pln_status close_file(const struct save *save, FILE *file, bool written, pln_error *error)
{
    written = written && fflush(file) == 0 && fsync(fileno(file)) == 0;
    const int problem = errno;
    if (fclose(file) == 0 && written)
        return PLN_OK;
    return pln_fail(error, PLN_FAILED, "%s/%s: cannot be written: %s", save->directory, save->names[save->n - 1],
                    strerror(written ? errno : problem));
}

/* The files take their places if `status` is PLN_OK, else they are removed. */
static pln_status finish(const struct save *save, pln_status status, pln_error *error)
{
    for (uint32_t i = 0; i < save->n; i++) {
        char path[PATH_MAX], partial[PATH_MAX];
        find_paths(save, save->names[i], path, partial, NULL);
        if (status == PLN_OK && rename(partial, path) != 0)
            status = pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be put in place: %s", path,
                              strerror(errno));
        if (status != PLN_OK)
            unlink(partial);
    }
    return status;
}

/* Takes the JSON. */
static pln_status write_json(struct save *save, const char *name, json_t *json, pln_error *error)
{
    FILE *file;
    char *text = jsontext_dump(json, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    json_decref(json);
    if (!text)
        return pln_fail(error, PLN_NO_MEMORY, "%s/%s: no memory to write it", save->directory, name);
    pln_status status = open_file(save, name, &file, error);
    if (status == PLN_OK)
        status = close_file(save, file, fprintf(file, "%s\n", text) > 0, error);
    free(text);
    return status;
}

/* A line for each id; one that has no token gets one that no text holds. */
static pln_status write_vocabulary(struct save *save, const pln_tokenizer *t, pln_error *error)
{
    FILE *file;
    const pln_status status = open_file(save, "vocab.txt", &file, error);
    if (status != PLN_OK)
        return status;
    bool written = true;
    for (uint32_t i = 0; i < t->vocabulary.n && written; i++) {
        const char *line = t->vocabulary.lines[i];
        written = (line ? fprintf(file, "%s\n", line) : fprintf(file, "[no token %u]\n", i)) > 0;
    }
    return close_file(save, file, written, error);
}

static pln_status write_files(struct save *save, const pln_tokenizer *t, pln_tokenizer_layout layout, pln_error *error)
{
    pln_status status = write_json(save, "tokenizer.json", tokenizer_json(t), error);
    if (status == PLN_OK)
        status = write_json(save, "tokenizer_config.json", config_json(t, layout), error);
    if (status != PLN_OK || layout == PLN_TOKENIZER_LAYOUT_5)
        return status;
    status = write_vocabulary(save, t, error);
    if (status == PLN_OK)
        status = write_json(save, "special_tokens_map.json", special_map(t, "additional_special_tokens"), error);
    json_t *added = status == PLN_OK ? added_json(t) : NULL;
    if (status == PLN_OK && (!added || json_object_size(added)))
        return write_json(save, "added_tokens.json", added, error);
    json_decref(added);
    return status;
}

/* A vocabulary that has lines twice may give an added token the id of another; readers take one of the two. */
static pln_status check_ids(const pln_tokenizer *t, pln_error *error)
{
    const struct tok_added_list *added = &t->config.added;
    for (uint32_t i = 0; i < added->n; i++) {
        const struct tok_added *token = &added->tokens[i];
        const char *there = pln_tokenizer_token(t, token->id);
        const struct tok_added *other = there ? tok_added_find(added, there) : NULL;
        if (other && other != token && other->id == token->id)
            return pln_fail(error, PLN_INVALID, "'%.100s' and '%.100s' have the same id %d, which no file can say",
                            token->content, other->content, (int)token->id);
    }
    return PLN_OK;
}

pln_status pln_tokenizer_save(const pln_tokenizer *tokenizer, const char *directory, pln_tokenizer_layout layout,
                              pln_error *error)
{
    struct save save = {.directory = directory};
    NEED(error, tokenizer, directory);
    if (layout > PLN_TOKENIZER_LAYOUT_4)
        return pln_fail(error, PLN_INVALID, "there is no layout %u of a tokenizer's files", (unsigned)layout);
    const pln_status status = check_ids(tokenizer, error);
    if (status != PLN_OK)
        return status;
    if (mkdir(directory, 0777) != 0 && errno != EEXIST)
        return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: cannot be made: %s", directory,
                        strerror(errno));
    return finish(&save, write_files(&save, tokenizer, layout, error), error);
}
