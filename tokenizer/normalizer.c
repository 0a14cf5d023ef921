/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes raw text, gives normalized code points, each with the place that it comes from. Places are those of the
 * reference, which follows each code point through decomposition and reordering.
 */
#include "tokenizer/normalizer.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

enum { ACCENTS = TOK_MARK | TOK_COMPOSED | TOK_NONSTARTER };

static enum tok_kind kind_of(const struct tok_normalizer *n, uint32_t code)
{
    const uint32_t flags = tok_flags(code) & n->flags;
    if (flags & TOK_REMOVED)
        return TOK_CAREFUL;
    if (flags & (TOK_SPACE | TOK_WHITESPACE))
        return TOK_BLANK;
    return flags & TOK_PUNCTUATION ? TOK_ALONE : TOK_LETTER;
}

void tok_normalizer_init(struct tok_normalizer *normalizer, bool clean, bool space_chinese, bool strip_accents,
                         bool lower_case)
{
    *normalizer = (struct tok_normalizer){clean, space_chinese, strip_accents, lower_case, 0, {0}, {0}};
    normalizer->flags = TOK_PUNCTUATION | TOK_WHITESPACE;
    normalizer->flags |= clean ? TOK_REMOVED | TOK_SPACE : 0u;
    normalizer->flags |= space_chinese ? TOK_CHINESE : 0u;
    normalizer->flags |= strip_accents ? (uint32_t)ACCENTS : 0u;
    normalizer->flags |= lower_case ? TOK_UPPER : 0u;
    memset(normalizer->kind, TOK_CAREFUL, sizeof normalizer->kind);
    for (uint32_t c = 0; c < 256; c++) {
        if (c < 128)
            normalizer->kind[c] = (uint8_t)kind_of(normalizer, c);
        normalizer->lowered[c] = (uint8_t)(lower_case && c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
}

void tok_source_finish(struct tok_source *source)
{
    free(source->chars);
    free(source->marks);
    free(source->places);
    *source = (struct tok_source){0};
}

uint32_t tok_char_write(const struct tok_char *character, unsigned char *out)
{
    uint32_t bytes = 0;
    if (character->chinese)
        out[bytes++] = ' ';
    bytes += tok_utf8_encode(character->code, out + bytes);
    if (character->chinese)
        out[bytes++] = ' ';
    return bytes;
}

static void add(struct tok_source *s, uint32_t code, struct tok_place place)
{
    if (s->ready == s->room && !s->failed) {
        struct tok_char *larger = array_reserve(s->chars, &s->room, s->ready + 1ul, sizeof *larger);
        s->failed = !larger;
        s->chars = larger ? larger : s->chars;
    }
    if (!s->failed)
        s->chars[s->ready++] = (struct tok_char){.code = code, .place = place};
}

static void add_lowered(struct tok_source *s, uint32_t code, struct tok_place place)
{
    uint32_t lower[TOK_LOWERED] = {code}, n = 1;
    if (s->normalizer->lower_case)
        n = tok_lower(code, lower);
    for (uint32_t i = 0; i < n; i++)
        add(s, lower[i], place);
}

/* The next code point that cleaning leaves, not taken yet; its place. False: there is none. */
static bool peek(struct tok_source *s, uint32_t *code, struct tok_place *place)
{
    while (s->at < s->end) {
        const uint32_t bytes = tok_utf8_decode(s->text + s->at, s->end - s->at, code);
        *place = (struct tok_place){s->index, s->at, s->at + bytes};
        if (!(tok_flags(*code) & s->normalizer->flags & TOK_REMOVED))
            return true;
        s->at += bytes;
        s->index++;
    }
    return false;
}

static void take(struct tok_source *s, struct tok_place place)
{
    s->at = place.end_byte;
    s->index = place.index + 1;
}

static bool reserve_marks(struct tok_source *s, uint32_t n)
{
    if (n <= s->marks_room)
        return true;
    s->failed = n > UINT32_MAX / 4;
    if (s->failed)
        return false;
    const size_t room = array_room(s->marks_room, n);
    struct tok_mark *marks = array_resize(s->marks, 2 * room, sizeof *marks);
    s->marks = marks ? marks : s->marks;
    struct tok_place *places = array_resize(s->places, room, sizeof *places);
    s->places = places ? places : s->places;
    s->failed = !marks || !places;
    s->marks_room = s->failed ? s->marks_room : (uint32_t)room;
    return !s->failed;
}

/* By class, equal ones in their order; counted, since a text may be one run of millions. */
static void sort_marks(struct tok_mark *marks, struct tok_mark *scratch, uint32_t n)
{
    uint32_t first[257] = {0};
    if (n < 2)
        return;
    for (uint32_t i = 0; i < n; i++)
        first[marks[i].class + 1]++;
    for (uint32_t i = 0; i < 256; i++)
        first[i + 1] += first[i];
    memcpy(scratch, marks, n * sizeof *marks);
    for (uint32_t i = 0; i < n; i++)
        marks[first[scratch[i].class]++] = scratch[i];
}

/* What is left of a run in canonical order. The n-th code point that was not inserted comes from the n-th of the raw
 * text, whatever went before or behind it; an inserted one from where the one before it comes from. */
static void add_run(struct tok_source *s, uint32_t n)
{
    uint32_t starter = 0, taken = 0;
    for (uint32_t i = 0; i <= n; i++)
        if (i == n || s->marks[i].class == 0) {
            sort_marks(s->marks + starter, s->marks + s->marks_room, i - starter);
            starter = i + 1;
        }
    for (uint32_t i = 0; i < n; i++) {
        taken += !s->marks[i].inserted;
        if (!(tok_flags(s->marks[i].code) & TOK_MARK))
            add_lowered(s, s->marks[i].code, s->places[taken ? taken - 1 : 0]);
    }
}

/* A Chinese code point decomposes to one; the blank behind it parts it from combining ones. */
static void add_chinese(struct tok_source *s, uint32_t code, struct tok_place place)
{
    uint32_t parts[TOK_DECOMPOSED] = {code};
    if (s->normalizer->strip_accents)
        tok_decompose(code, parts);
    add(s, parts[0], place);
    if (!s->failed)
        s->chars[s->ready - 1].chinese = true;
}

/* A code point that decomposes or combines, and all combining ones behind it. */
static void read_run(struct tok_source *s, uint32_t code, struct tok_place place)
{
    uint32_t parts[TOK_DECOMPOSED], n = 0, raw = 0;
    uint32_t n_parts = tok_decompose(code, parts);
    do {
        if (!reserve_marks(s, n + TOK_DECOMPOSED))
            return;
        s->places[raw++] = place;
        for (uint32_t i = 0; i < n_parts; i++)
            s->marks[n++] = (struct tok_mark){parts[i], tok_class(parts[i]), i > 0};
        take(s, place);
        if (!peek(s, &code, &place))
            break;
        n_parts = code < 0x300 ? 0 : tok_decompose(code, parts);
    } while (n_parts && tok_class(parts[0]));
    add_run(s, n);
}

void tok_source_read(struct tok_source *source)
{
    uint32_t code;
    struct tok_place place;
    source->next = source->ready = 0;
    if (!peek(source, &code, &place))
        return;
    const uint32_t flags = tok_flags(code) & source->normalizer->flags;
    take(source, place);
    if (flags & TOK_SPACE)
        add(source, ' ', place);
    else if (flags & TOK_CHINESE)
        add_chinese(source, code, place);
    else if (flags & ACCENTS)
        read_run(source, code, place);
    else
        add_lowered(source, code, place);
}
