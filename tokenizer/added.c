/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes raw text, gives the added tokens in it.
 */
#include "tokenizer/added.h"

#include <stdlib.h>
#include <string.h>

#include "tokenizer/unicode.h"

bool tok_added_add(struct tok_added_list *list, const char *content, int32_t id, bool takes_left, bool takes_right)
{
    if (!*content || tok_added_find(list, content))
        return true;
    struct tok_added *larger = realloc(list->tokens, (list->n + 1) * sizeof *larger);
    if (!larger)
        return false;
    list->tokens = larger;
    struct tok_added *token = &larger[list->n];
    *token = (struct tok_added){.content = strdup(content), .id = id, .takes_left = takes_left};
    token->takes_right = takes_right;
    if (!token->content)
        return false;
    list->n++;
    tok_text_decode(&token->code, content, (uint32_t)strlen(content));
    return !token->code.failed;
}

void tok_added_finish(struct tok_added_list *list)
{
    for (uint32_t i = 0; i < list->n; i++) {
        tok_text_finish(&list->tokens[i].code);
        free(list->tokens[i].content);
    }
    free(list->tokens);
    *list = (struct tok_added_list){0};
}

const struct tok_added *tok_added_find_id(const struct tok_added_list *list, int32_t id)
{
    for (uint32_t i = 0; i < list->n; i++) {
        if (list->tokens[i].id == id)
            return &list->tokens[i];
    }
    return NULL;
}

const struct tok_added *tok_added_find(const struct tok_added_list *list, const char *content)
{
    for (uint32_t i = 0; i < list->n; i++) {
        if (strcmp(list->tokens[i].content, content) == 0)
            return &list->tokens[i];
    }
    return NULL;
}

static const struct tok_added *longest_at(const struct tok_added_list *list, const struct tok_text *raw, uint32_t at)
{
    const struct tok_added *best = NULL;
    for (uint32_t i = 0; i < list->n; i++) {
        const struct tok_added *token = &list->tokens[i];
        const uint32_t n = token->code.n;
        if (token->code.code[0] == raw->code[at] && n <= raw->n - at && (!best || n > best->code.n) &&
            memcmp(token->code.code, raw->code + at, n * sizeof *raw->code) == 0)
            best = token;
    }
    return best;
}

static bool is_whitespace(const struct tok_text *text, uint32_t i)
{
    return tok_flags(text->code[i]) & TOK_WHITESPACE;
}

const struct tok_added *tok_added_next(const struct tok_added_list *list, const struct tok_text *raw, uint32_t at,
                                       uint32_t *begin, uint32_t *end)
{
    for (uint32_t i = at; i < raw->n; i++) {
        const struct tok_added *token = longest_at(list, raw, i);
        if (!token)
            continue;
        *begin = i;
        *end = i + token->code.n;
        while (token->takes_left && *begin > at && is_whitespace(raw, *begin - 1))
            --*begin;
        while (token->takes_right && *end < raw->n && is_whitespace(raw, *end))
            ++*end;
        return token;
    }
    *begin = *end = raw->n;
    return NULL;
}
