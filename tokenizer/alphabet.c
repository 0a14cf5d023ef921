/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts characters, keeps the most frequent, gives them ids.
 */
#include "tokenizer/alphabet.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
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

struct letters {
    struct letter *items;
    size_t n, room;
    uint32_t *number; /* [TOK_CODES] of a letter in items, + 1 */
};

static struct letter *find_letter(struct letters *l, uint32_t code)
{
    if (!l->number[code]) {
        struct letter *items = array_reserve(l->items, &l->room, l->n + 1, sizeof *items);
        if (!items)
            return NULL;
        l->items = items;
        items[l->n] = (struct letter){.code = code};
        l->number[code] = (uint32_t)++l->n;
    }
    return &l->items[l->number[code] - 1];
}

static bool count_letters(const struct tok_strings *words, struct letters *letters)
{
    for (size_t i = 0; i < words->n; i++) {
        const unsigned char *word = (const unsigned char *)tok_strings_text(words, i);
        const size_t bytes = words->items[i].bytes;
        for (size_t at = 0; at < bytes;) {
            uint32_t code;
            const size_t taken = tok_utf8_decode(word + at, bytes - at, &code);
            struct letter *letter = find_letter(letters, code);
            if (!letter)
                return false;
            letter->count += words->items[i].count;
            letter->behind += at > 0;
            at += taken;
        }
    }
    return true;
}

/* Id + 1 of the token of a letter, which is added if it is not there and may be; 0: there is none. */
static uint32_t find_token(struct tok_strings *tokens, const char *prefix, uint32_t code, bool may_add)
{
    unsigned char text[8];
    const size_t ahead = strlen(prefix);
    memcpy(text, prefix, ahead);
    const size_t bytes = ahead + tok_utf8_encode(code, text + ahead);
    const char *token = (const char *)text;
    const int64_t id = may_add ? tok_strings_add(tokens, token, bytes, 0) : tok_strings_find(tokens, token, bytes);
    return (uint32_t)(id + 1);
}

/* A letter that is not kept still has an id when a special token is that letter, as in the reference. */
static void give_ids(struct tok_alphabet *a, const struct letters *letters, uint32_t limit, struct tok_strings *tokens)
{
    struct letter *items = letters->items;
    const size_t n = letters->n, kept = n < limit ? n : limit;
    if (!n)
        return;
    qsort(items, n, sizeof *items, by_count);
    qsort(items, kept, sizeof *items, by_code);
    for (size_t i = 0; i < n; i++)
        a->first[items[i].code] = find_token(tokens, "", items[i].code, i < kept);
    qsort(items, n, sizeof *items, by_places);
    for (size_t i = 0; i < n; i++)
        if (items[i].behind && a->first[items[i].code])
            a->next[items[i].code] = find_token(tokens, "##", items[i].code, true);
}

bool tok_alphabet_init(struct tok_alphabet *alphabet, const struct tok_strings *words, uint32_t limit,
                       struct tok_strings *tokens)
{
    *alphabet = (struct tok_alphabet){calloc(TOK_CODES, sizeof(uint32_t)), calloc(TOK_CODES, sizeof(uint32_t))};
    struct letters letters = {.number = alphabet->first}; /* ids take the place of the numbers */
    bool good = alphabet->first && alphabet->next && count_letters(words, &letters);
    if (good)
        give_ids(alphabet, &letters, limit, tokens);
    good = good && !tokens->failed;
    free(letters.items);
    if (!good)
        tok_alphabet_finish(alphabet);
    return good;
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
        const uint32_t *table = at ? alphabet->next : alphabet->first;
        at += tok_utf8_decode((const unsigned char *)word + at, bytes - at, &code);
        if (table[code])
            ids[n++] = table[code] - 1;
    }
    return n;
}
