/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts characters, keeps the most frequent, gives them ids.
 */
#include "tokenizer/alphabet.h"

#include <stdlib.h>
#include <string.h>

#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

struct letter {
    uint64_t count;
    uint64_t behind; /* how often it occurs behind another, in distinct words */
    uint32_t code;
};

static int by_code(const void *a, const void *b)
{
    const struct letter *x = a, *y = b;
    return x->code < y->code ? -1 : x->code > y->code;
}

static int by_count(const void *a, const void *b)
{
    const struct letter *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return by_code(a, b);
}

static int by_places(const void *a, const void *b)
{
    const struct letter *x = a, *y = b;
    if (x->behind != y->behind)
        return x->behind > y->behind ? -1 : 1;
    return by_code(a, b);
}

static void count_letters(const struct tok_strings *words, struct letter *letters)
{
    for (size_t i = 0; i < words->n; i++) {
        const unsigned char *word = (const unsigned char *)tok_strings_text(words, i);
        const size_t bytes = words->items[i].bytes;
        for (size_t at = 0; at < bytes;) {
            uint32_t code;
            const size_t taken = tok_utf8_decode(word + at, bytes - at, &code);
            letters[code].count += words->items[i].count;
            letters[code].behind += at > 0;
            at += taken;
        }
    }
}

/* The token of a letter; added if it is not there and may be. */
static int32_t find_token(struct tok_strings *tokens, const char *prefix, uint32_t code, bool may_add)
{
    unsigned char text[8];
    const size_t ahead = strlen(prefix);
    memcpy(text, prefix, ahead);
    const size_t bytes = ahead + tok_utf8_encode(code, text + ahead);
    const char *token = (const char *)text;
    return (int32_t)(may_add ? tok_strings_add(tokens, token, bytes, 0) : tok_strings_find(tokens, token, bytes));
}

/* A letter that is no longer kept still has an id when a special token is that letter, as in the reference. */
static void give_ids(struct tok_alphabet *a, struct letter *letters, size_t n, size_t kept, struct tok_strings *tokens)
{
    qsort(letters, kept, sizeof *letters, by_code);
    for (size_t i = 0; i < n; i++)
        a->first[letters[i].code] = find_token(tokens, "", letters[i].code, i < kept);
    qsort(letters, n, sizeof *letters, by_places);
    for (size_t i = 0; i < n; i++)
        if (letters[i].behind && a->first[letters[i].code] != TOK_NO_STRING)
            a->next[letters[i].code] = find_token(tokens, "##", letters[i].code, true);
}

bool tok_alphabet_init(struct tok_alphabet *alphabet, const struct tok_strings *words, uint32_t limit,
                       struct tok_strings *tokens)
{
    struct letter *letters = calloc(TOK_CODES, sizeof *letters);
    *alphabet = (struct tok_alphabet){malloc(TOK_CODES * sizeof(int32_t)), malloc(TOK_CODES * sizeof(int32_t))};
    if (!letters || !alphabet->first || !alphabet->next) {
        free(letters);
        tok_alphabet_finish(alphabet);
        return false;
    }
    for (uint32_t code = 0; code < TOK_CODES; code++) {
        letters[code].code = code;
        alphabet->first[code] = alphabet->next[code] = TOK_NO_STRING;
    }
    count_letters(words, letters);
    size_t n = 0;
    for (uint32_t code = 0; code < TOK_CODES; code++)
        if (letters[code].count)
            letters[n++] = letters[code];
    qsort(letters, n, sizeof *letters, by_count);
    give_ids(alphabet, letters, n, n < limit ? n : limit, tokens);
    free(letters);
    if (tokens->failed)
        tok_alphabet_finish(alphabet);
    return !tokens->failed;
}

void tok_alphabet_finish(struct tok_alphabet *alphabet)
{
    free(alphabet->first);
    free(alphabet->next);
    *alphabet = (struct tok_alphabet){0};
}

size_t tok_alphabet_spell(const struct tok_alphabet *alphabet, const char *word, size_t bytes, uint32_t *ids)
{
    size_t n = 0;
    for (size_t at = 0; at < bytes;) {
        uint32_t code;
        const int32_t *table = at ? alphabet->next : alphabet->first;
        at += tok_utf8_decode((const unsigned char *)word + at, bytes - at, &code);
        if (table[code] != TOK_NO_STRING)
            ids[n++] = (uint32_t)table[code];
    }
    return n;
}
