/* SPDX-License-Identifier: Apache-2.0
 *
 * Distinct strings, numbered in the order in which they came, each with a count.
 */
#ifndef TOKENIZER_STRINGS_H
#define TOKENIZER_STRINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOK_NO_STRING = -1 };

struct tok_string {
    uint64_t count;
    size_t begin; /* in the text of all */
    uint32_t bytes, hash;
};

/* A zeroed struct is an empty list. Nothing is added once `failed` (no memory) is set, so it can be looked at late. */
struct tok_strings {
    struct tok_string *items;
    size_t n, room;
    char *text; /* one string behind the other */
    size_t bytes, text_room;
    uint32_t *slots; /* open addressing: number + 1, 0 is free */
    size_t n_slots;  /* 0 or a power of two */
    bool failed;
};

/* Adds to the count of a string of at most UINT32_MAX bytes, which is copied if it is new. Returns its number, or
 * TOK_NO_STRING if there is no memory. */
int64_t tok_strings_add(struct tok_strings *strings, const char *text, size_t bytes, uint64_t count);
/* TOK_NO_STRING if there is none. */
int64_t tok_strings_find(const struct tok_strings *strings, const char *text, size_t bytes);
/* Empties the list and keeps its memory. */
void tok_strings_clear(struct tok_strings *strings);
void tok_strings_finish(struct tok_strings *strings);

static inline const char *tok_strings_text(const struct tok_strings *strings, size_t number)
{
    return strings->text + strings->items[number].begin;
}
#endif
