/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of columns: each is an array of its own, all have the same room.
 */
#include "tokenizer/columns.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"

static bool grow(void **column, size_t room, size_t bytes)
{
    void *larger = array_resize(*column, room, bytes);
    if (larger)
        *column = larger;
    return larger;
}

void tok_tokens_begin(struct tok_tokens *tokens, bool no_places)
{
    if (tokens->no_places != no_places)
        tok_tokens_finish(tokens);
    tokens->no_places = no_places;
    tokens->n = 0;
}

bool tok_tokens_grow(struct tok_tokens *tokens, uint32_t more)
{
    const uint64_t least = (uint64_t)tokens->n + more;
    const size_t room = array_room(tokens->room, least);
    if (room > UINT32_MAX)
        return false;
#define GROW(type, name)                                                                                               \
    if (!tokens->no_places || (void *)&tokens->name == (void *)&tokens->ids) {                                         \
        void *column = tokens->name;                                                                                   \
        if (!grow(&column, room, sizeof(type)))                                                                        \
            return false;                                                                                              \
        tokens->name = column;                                                                                         \
    }
    TOK_TEXT_COLUMNS(GROW)
#undef GROW
    tokens->room = (uint32_t)room;
    return true;
}

#define FREE(type, name) free(from->name);

void tok_tokens_finish(struct tok_tokens *from)
{
    TOK_TEXT_COLUMNS(FREE)
    *from = (struct tok_tokens){0};
}

/* Whether a row has a column that a model does not read. */
static bool is_made(const struct tok_rows *rows, const void *column)
{
    return !rows->no_places || column == &rows->ids || column == &rows->types || column == &rows->attention_mask;
}

bool tok_rows_reserve(struct tok_rows *rows, uint32_t n, bool no_places)
{
    if (rows->room >= n && rows->no_places == no_places)
        return true;
    tok_rows_finish(rows);
    rows->no_places = no_places;
    const size_t room = (size_t)n + n / 4;
#define ALLOCATE(type, name) rows->name = is_made(rows, &rows->name) ? malloc(room * sizeof(type)) : NULL;
#define CHECK(type, name)                                                                                              \
    if (!rows->name && is_made(rows, &rows->name))                                                                     \
        return false;
    TOK_TEXT_COLUMNS(ALLOCATE)
    TOK_ROW_COLUMNS(ALLOCATE)
    TOK_TEXT_COLUMNS(CHECK)
    TOK_ROW_COLUMNS(CHECK)
    rows->room = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
    return true;
}

void tok_rows_finish(struct tok_rows *from)
{
    TOK_TEXT_COLUMNS(FREE)
    TOK_ROW_COLUMNS(FREE)
    *from = (struct tok_rows){0};
}

void tok_rows_copy(struct tok_rows *rows, uint32_t at, const struct tok_tokens *tokens, uint32_t from, uint32_t n)
{
    if (!n)
        return;
#define COPY(type, name)                                                                                               \
    if (rows->name)                                                                                                    \
        memcpy(rows->name + at, tokens->name + from, n * sizeof(type));
    TOK_TEXT_COLUMNS(COPY)
}
