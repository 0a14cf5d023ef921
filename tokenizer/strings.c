/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash table with linear probing over one block of text.
 */
#include "tokenizer/strings.h"

#include <string.h>

#include "common/array.h"

static uint64_t load(const char *text, size_t bytes)
{
    uint64_t word = 0;
    memcpy(&word, text, bytes);
    return word;
}

/* Short strings are read by two loads that may overlap, so that no length is a loop over bytes. */
static uint64_t last_word(const char *text, size_t bytes)
{
    if (bytes >= 8)
        return load(text + bytes - 8, 8);
    if (bytes >= 4)
        return load(text, 4) | load(text + bytes - 4, 4) << 32;
    if (!bytes)
        return 0;
    return (uint64_t)(unsigned char)text[0] | (uint64_t)(unsigned char)text[bytes / 2] << 8 |
           (uint64_t)(unsigned char)text[bytes - 1] << 16;
}

static uint32_t hash(const char *text, size_t bytes)
{
    const uint64_t factor = 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio */
    uint64_t h = bytes * factor;
    for (size_t at = 0; at + 8 < bytes; at += 8) {
        h = (h ^ load(text + at, 8)) * factor;
        h ^= h >> 32;
    }
    h = (h ^ last_word(text, bytes)) * factor;
    h = (h ^ h >> 32) * factor;
    return (uint32_t)(h >> 32);
}

/* The slot that holds the string, or the free one where it belongs. */
static size_t find_slot(const struct tok_strings *s, const char *text, size_t bytes, uint32_t hashed)
{
    size_t slot = hashed & (s->n_slots - 1);
    for (; s->slots[slot]; slot = (slot + 1) & (s->n_slots - 1)) {
        const struct tok_string *item = &s->items[s->slots[slot] - 1];
        if (item->hash == hashed && item->bytes == bytes && memcmp(s->text + item->begin, text, bytes) == 0)
            break;
    }
    return slot;
}

static bool grow_slots(struct tok_strings *s)
{
    const size_t n = s->n_slots ? s->n_slots * 2 : 1024;
    uint32_t *slots = calloc(n, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < s->n; i++) {
        size_t slot = s->items[i].hash & (n - 1);
        while (slots[slot])
            slot = (slot + 1) & (n - 1);
        slots[slot] = (uint32_t)i + 1;
    }
    free(s->slots);
    s->slots = slots;
    s->n_slots = n;
    return true;
}

/* Room for one string more; the table is at most half full. Numbers have 32 bits in the slots. */
static bool reserve(struct tok_strings *s, size_t bytes)
{
    struct tok_string *items =
        s->n < UINT32_MAX - 1 ? array_reserve(s->items, &s->room, s->n + 1, sizeof *items) : NULL;
    if (items)
        s->items = items;
    char *text = items ? array_reserve(s->text, &s->text_room, s->bytes + bytes, 1) : NULL;
    if (text)
        s->text = text;
    return text && (s->n * 2 < s->n_slots || grow_slots(s));
}

int64_t tok_strings_add(struct tok_strings *strings, const char *text, size_t bytes, uint64_t count)
{
    const uint32_t hashed = hash(text, bytes);
    if (strings->n_slots) {
        const uint32_t number = strings->slots[find_slot(strings, text, bytes, hashed)];
        if (number) {
            strings->items[number - 1].count += count;
            return (int64_t)number - 1;
        }
    }
    if (strings->failed || !reserve(strings, bytes)) {
        strings->failed = true;
        return TOK_NO_STRING;
    }
    const size_t slot = find_slot(strings, text, bytes, hashed);
    strings->items[strings->n] = (struct tok_string){count, strings->bytes, (uint32_t)bytes, hashed};
    memcpy(strings->text + strings->bytes, text, bytes);
    strings->bytes += bytes;
    strings->slots[slot] = (uint32_t)++strings->n;
    return (int64_t)strings->n - 1;
}

int64_t tok_strings_find(const struct tok_strings *strings, const char *text, size_t bytes)
{
    if (!strings->n_slots)
        return TOK_NO_STRING;
    return (int64_t)strings->slots[find_slot(strings, text, bytes, hash(text, bytes))] - 1;
}

void tok_strings_clear(struct tok_strings *strings)
{
    if (strings->n_slots)
        memset(strings->slots, 0, strings->n_slots * sizeof *strings->slots);
    strings->n = strings->bytes = 0;
}

void tok_strings_finish(struct tok_strings *strings)
{
    free(strings->items);
    free(strings->text);
    free(strings->slots);
    *strings = (struct tok_strings){0};
}
