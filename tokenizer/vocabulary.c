/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes vocab.txt, gives tokens by id and ids by token.
 */
#include "tokenizer/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "common/regular.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

enum { VOCABULARY_LIMIT = 64 << 20 }; /* bytes; the largest in use have 10 MB */

/* The whole file and a newline at its end. */
static pln_status read_file(struct tok_vocabulary *v, const char *path, size_t *bytes, pln_error *error)
{
    const pln_status status = regular_read(path, VOCABULARY_LIMIT, &v->text, bytes, error);
    if (status == PLN_OK && *bytes && v->text[*bytes - 1] != '\n')
        v->text[(*bytes)++] = '\n';
    return status;
}

/* Checks a line, cuts the whitespace at its end, counts the code points of what is left; false: it is not UTF-8 or
 * holds NUL. */
static bool trim_line(char *line, size_t bytes, struct tok_length *length)
{
    bool good = true;
    uint32_t chars = 0;
    *length = (struct tok_length){0};
    for (size_t at = 0; at < bytes;) {
        uint32_t code;
        at += utf8_decode((unsigned char *)line + at, bytes - at, &code, &good);
        chars++;
        if (!code)
            return false;
        if (!(tok_flags(code) & TOK_WHITESPACE))
            *length = (struct tok_length){chars, (uint32_t)at};
    }
    line[length->bytes] = '\0';
    return good;
}

/* Cuts the text into lines; `entries` takes a token each. */
static pln_status read_lines(struct tok_vocabulary *v, const char *path, size_t bytes, struct tok_entry *entries,
                             pln_error *error)
{
    for (char *line = v->text, *next; line < v->text + bytes; line = next) {
        char *end = memchr(line, '\n', (size_t)(v->text + bytes - line));
        struct tok_length *length = &v->lengths[v->n];
        if (v->n == TOK_MAX_ID)
            return pln_fail(error, PLN_BAD_MODEL, "%s: more than %d lines", path, TOK_MAX_ID);
        next = end + 1;
        if (!trim_line(line, (size_t)(end - line), length))
            return pln_fail(error, PLN_BAD_MODEL, "%s: line %u is not UTF-8 text", path, v->n + 1);
        entries[v->n] = (struct tok_entry){(unsigned char *)line, length->bytes, (int32_t)v->n};
        v->lines[v->n] = line;
        v->tokens[v->n++] = line;
    }
    return PLN_OK;
}

/* Leaves a token only to the last of its lines. */
static void drop_repeated(struct tok_vocabulary *v)
{
    int32_t empty = -1;
    v->distinct = v->n;
    for (uint32_t i = v->n; i-- > 0;) {
        int32_t last = tok_vocabulary_id(v, v->tokens[i]);
        if (!*v->tokens[i])
            last = empty = empty < 0 ? (int32_t)i : empty;
        if (last == (int32_t)i)
            continue;
        v->tokens[i] = NULL;
        v->distinct--;
    }
}

static bool allocate(struct tok_vocabulary *v, size_t n, struct tok_entry **entries)
{
    *entries = malloc((n + 1) * sizeof **entries);
    v->tokens = calloc(n + 1, sizeof *v->tokens);
    v->lines = calloc(n + 1, sizeof *v->lines);
    v->lengths = calloc(n + 1, sizeof *v->lengths);
    return *entries && v->tokens && v->lines && v->lengths;
}

static pln_status index_lines(struct tok_vocabulary *v, const char *path, size_t bytes, pln_error *error)
{
    size_t lines = 0;
    struct tok_entry *entries;
    for (size_t i = 0; i < bytes; i++)
        lines += v->text[i] == '\n';
    pln_status status = PLN_OK;
    if (!allocate(v, lines, &entries))
        status = pln_fail(error, PLN_NO_MEMORY, "%s: no memory for the vocabulary", path);
    if (status == PLN_OK)
        status = read_lines(v, path, bytes, entries, error);
    if (status == PLN_OK && !tok_automaton_init(&v->pieces, entries, v->n))
        status = pln_fail(error, PLN_NO_MEMORY, "%s: no memory for the vocabulary", path);
    if (status == PLN_OK)
        drop_repeated(v);
    free(entries);
    return status;
}

pln_status tok_vocabulary_read(struct tok_vocabulary *vocabulary, const char *path, pln_error *error)
{
    size_t bytes = 0;
    *vocabulary = (struct tok_vocabulary){0};
    pln_status status = read_file(vocabulary, path, &bytes, error);
    if (status == PLN_OK && !bytes)
        status = pln_fail(error, PLN_BAD_MODEL, "%s: empty", path);
    if (status == PLN_OK)
        status = index_lines(vocabulary, path, bytes, error);
    if (status != PLN_OK)
        tok_vocabulary_finish(vocabulary);
    return status;
}

/* Checks the ids, gives the number above the highest and the bytes of all tokens. */
static pln_status measure(json_t *tokens, const char *path, size_t *n, size_t *bytes, pln_error *error)
{
    const char *token;
    json_t *id;
    *n = *bytes = 0;
    json_object_foreach(tokens, token, id)
    {
        const json_int_t value = json_is_integer(id) ? json_integer_value(id) : -1;
        if (value < 0 || value >= TOK_MAX_ID)
            return pln_fail(error, PLN_BAD_MODEL, "%s: the id of '%.100s' is not a whole number below %d", path, token,
                            TOK_MAX_ID);
        *n = (size_t)value >= *n ? (size_t)value + 1 : *n;
        *bytes += strlen(token) + 1;
    }
    return *n ? PLN_OK : pln_fail(error, PLN_BAD_MODEL, "%s: holds no vocabulary", path);
}

static pln_status copy_tokens(struct tok_vocabulary *v, json_t *tokens, const char *path, struct tok_entry *entries,
                              pln_error *error)
{
    const char *token;
    json_t *id;
    char *at = v->text;
    json_object_foreach(tokens, token, id)
    {
        const size_t bytes = strlen(token), i = (size_t)json_integer_value(id);
        if (v->tokens[i])
            return pln_fail(error, PLN_BAD_MODEL, "%s: '%.100s' and '%.100s' have the same id %zu", path, v->tokens[i],
                            token, i);
        memcpy(at, token, bytes + 1);
        entries[v->distinct++] = (struct tok_entry){(unsigned char *)at, (uint32_t)bytes, (int32_t)i};
        v->tokens[i] = v->lines[i] = at;
        v->lengths[i].bytes = (uint32_t)bytes;
        for (size_t k = 0; k < bytes; k++)
            v->lengths[i].chars += ((unsigned char)token[k] & 0xc0) != 0x80;
        at += bytes + 1;
    }
    return PLN_OK;
}

pln_status tok_vocabulary_take(struct tok_vocabulary *vocabulary, const json_t *tokenizer, const char *path,
                               pln_error *error)
{
    struct tok_vocabulary *v = vocabulary;
    const json_t *model = json_object_get(tokenizer, "model"), *kind = json_object_get(model, "type");
    const char *type = json_string_value(kind);
    json_t *tokens = json_object_get(model, "vocab");
    struct tok_entry *entries = NULL;
    size_t n, bytes;
    *v = (struct tok_vocabulary){0};
    if (kind && (!type || strcmp(type, "WordPiece") != 0))
        return pln_fail(error, PLN_BAD_MODEL, "%s: a model of type %.60s is not WordPiece", path, type ? type : "?");
    if (tokens && !json_is_object(tokens))
        return pln_fail(error, PLN_BAD_MODEL, "%s: 'vocab' is not an object of tokens and their ids", path);
    pln_status status = measure(tokens, path, &n, &bytes, error);
    if (status != PLN_OK)
        return status;
    v->text = malloc(bytes);
    if (!v->text || !allocate(v, n, &entries))
        status = pln_fail(error, PLN_NO_MEMORY, "%s: no memory for the vocabulary", path);
    v->n = (uint32_t)n;
    if (status == PLN_OK)
        status = copy_tokens(v, tokens, path, entries, error);
    if (status == PLN_OK && !tok_automaton_init(&v->pieces, entries, v->distinct))
        status = pln_fail(error, PLN_NO_MEMORY, "%s: no memory for the vocabulary", path);
    free(entries);
    if (status != PLN_OK)
        tok_vocabulary_finish(v);
    return status;
}

void tok_vocabulary_finish(struct tok_vocabulary *vocabulary)
{
    tok_automaton_finish(&vocabulary->pieces);
    free(vocabulary->tokens);
    free(vocabulary->lines);
    free(vocabulary->lengths);
    free(vocabulary->text);
    *vocabulary = (struct tok_vocabulary){0};
}

int32_t tok_vocabulary_id(const struct tok_vocabulary *vocabulary, const char *token)
{
    return tok_automaton_find(&vocabulary->pieces, (const unsigned char *)token, strlen(token));
}
