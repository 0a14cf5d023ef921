/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes vocab.txt, gives tokens by id and ids by token.
 */
#include "tokenizer/vocabulary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fail.h"
#include "tokenizer/text.h"
#include "tokenizer/unicode.h"

enum { VOCABULARY_LIMIT = 256 << 20 }; /* bytes; the largest in use have 10 MB */

/* The whole file and a newline at its end. */
static pln_status read_file(struct tok_vocabulary *v, const char *path, size_t *bytes, pln_error *error)
{
    struct stat about;
    FILE *file = fopen(path, "rb");
    if (!file)
        return pln_fail(error, PLN_BAD_MODEL, "%s: cannot be opened: %s", path, strerror(errno));
    pln_status status = PLN_OK;
    if (fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode) || about.st_size > VOCABULARY_LIMIT)
        status = pln_fail(error, PLN_BAD_MODEL, "%s: not a regular file of at most %d bytes", path, VOCABULARY_LIMIT);
    else if (!(v->text = malloc((size_t)about.st_size + 2)))
        status = pln_fail(error, PLN_NO_MEMORY, "%s: no memory to read it", path);
    else if (fread(v->text, 1, (size_t)about.st_size, file) != (size_t)about.st_size)
        status = pln_fail(error, PLN_BAD_MODEL, "%s: cannot be read", path);
    fclose(file);
    if (status != PLN_OK)
        return status;
    *bytes = (size_t)about.st_size;
    if (*bytes && v->text[*bytes - 1] != '\n')
        v->text[(*bytes)++] = '\n';
    return PLN_OK;
}

/* Checks a line and cuts the whitespace at its end; false: it is not UTF-8 or holds NUL. */
static bool trim_line(char *line, size_t bytes)
{
    bool good = true;
    size_t kept = 0;
    for (size_t at = 0; at < bytes;) {
        uint32_t code;
        at += tok_decode_utf8((unsigned char *)line + at, bytes - at, &code, &good);
        if (!code)
            return false;
        if (!(tok_flags(code) & TOK_WHITESPACE))
            kept = at;
    }
    line[kept] = '\0';
    return good;
}

static pln_status add_line(struct tok_vocabulary *v, const char *path, const char *token, pln_error *error)
{
    const size_t bytes = strlen(token);
    const int32_t earlier = tok_trie_find(&v->trie, token, bytes);
    if (!tok_trie_add(&v->trie, token, bytes, (int32_t)v->n))
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for the vocabulary", path);
    if (earlier >= 0)
        v->tokens[earlier] = NULL;
    else
        v->distinct++;
    v->tokens[v->n++] = token;
    return PLN_OK;
}

static pln_status read_lines(struct tok_vocabulary *v, const char *path, size_t bytes, pln_error *error)
{
    size_t lines = 0;
    for (size_t i = 0; i < bytes; i++)
        lines += v->text[i] == '\n';
    v->tokens = calloc(lines + 1, sizeof *v->tokens);
    if (!v->tokens || !tok_trie_init(&v->trie))
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for the vocabulary", path);
    for (char *line = v->text, *next; line < v->text + bytes; line = next) {
        char *end = memchr(line, '\n', (size_t)(v->text + bytes - line));
        next = end + 1;
        if (!trim_line(line, (size_t)(end - line)))
            return pln_fail(error, PLN_BAD_MODEL, "%s: line %u is not UTF-8 text", path, v->n + 1);
        const pln_status status = add_line(v, path, line, error);
        if (status != PLN_OK)
            return status;
    }
    return PLN_OK;
}

pln_status tok_vocabulary_init(struct tok_vocabulary *vocabulary, const char *path, pln_error *error)
{
    size_t bytes = 0;
    *vocabulary = (struct tok_vocabulary){0};
    pln_status status = read_file(vocabulary, path, &bytes, error);
    if (status == PLN_OK && !bytes)
        status = pln_fail(error, PLN_BAD_MODEL, "%s: empty", path);
    if (status == PLN_OK)
        status = read_lines(vocabulary, path, bytes, error);
    if (status != PLN_OK)
        tok_vocabulary_finish(vocabulary);
    return status;
}

void tok_vocabulary_finish(struct tok_vocabulary *vocabulary)
{
    tok_trie_finish(&vocabulary->trie);
    free(vocabulary->tokens);
    free(vocabulary->text);
    *vocabulary = (struct tok_vocabulary){0};
}

int32_t tok_vocabulary_id(const struct tok_vocabulary *vocabulary, const char *token)
{
    return tok_trie_find(&vocabulary->trie, token, strlen(token));
}
