/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a text, gives its words. ASCII words are found in the raw text by a table of bytes; a word with anything else
 * in it goes through the normalizer, code point by code point.
 */
#include "tokenizer/words.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "tokenizer/unicode.h"
#include "tokenizer/utf8.h"

void tok_words_begin_at(struct tok_words *words, const struct tok_normalizer *normalizer, const unsigned char *text,
                        uint32_t begin, uint32_t end, uint32_t index, uint32_t limit)
{
    struct tok_source *s = &words->source;
    s->normalizer = normalizer;
    s->text = text;
    s->at = begin;
    s->end = end;
    s->index = index;
    s->next = s->ready = 0;
    words->limit = limit ? limit : UINT32_MAX;
    words->failed = s->failed = false;
}

void tok_words_begin(struct tok_words *words, const struct tok_normalizer *normalizer, pln_text text, uint32_t limit)
{
    tok_words_begin_at(words, normalizer, (const unsigned char *)text.text, 0, (uint32_t)text.bytes, 0, limit);
}

void tok_words_finish(struct tok_words *words)
{
    tok_source_finish(&words->source);
    free(words->buffer);
    free(words->places);
    *words = (struct tok_words){0};
}

static bool grow(struct tok_words *words, uint32_t chars)
{
    const size_t room = array_room(words->room, chars);
    unsigned char *buffer = array_resize(words->buffer, room, 4);
    words->buffer = buffer ? buffer : words->buffer;
    struct tok_place *places = array_resize(words->places, room, sizeof *places);
    words->places = places ? places : words->places;
    words->failed = !buffer || !places || room > UINT32_MAX;
    words->room = words->failed ? words->room : (uint32_t)room;
    return !words->failed;
}

static inline bool reserve(struct tok_words *words, uint32_t chars)
{
    return chars <= words->room || grow(words, chars);
}

/* A word that stands in the raw text, bytes [at, at + bytes). */
static inline bool raw_word(struct tok_words *words, uint32_t bytes, uint32_t chars, struct tok_word *word)
{
    struct tok_source *s = &words->source;
    const struct tok_normalizer *normalizer = s->normalizer;
    const unsigned char *text = s->text + s->at;
    *word = (struct tok_word){text, bytes, chars, NULL, s->index, s->at, s->index + chars, s->at + bytes};
    s->at += bytes;
    s->index += chars;
    if (!normalizer->lower_case || chars > words->limit)
        return true;
    if (!reserve(words, chars))
        return false;
    for (uint32_t i = 0; i < bytes; i++)
        words->buffer[i] = normalizer->lowered[text[i]];
    word->text = words->buffer;
    return true;
}

/* Adds a code point to the word; `utf8` holds its bytes. */
static inline void append(struct tok_words *words, struct tok_word *word, const unsigned char *utf8, uint32_t bytes,
                          struct tok_place place)
{
    if (word->chars == 0) {
        word->index = place.index;
        word->byte = place.byte;
    }
    word->end_index = place.index + 1;
    word->end_byte = place.end_byte;
    if (word->chars++ >= words->limit || !reserve(words, word->chars))
        return;
    words->places[word->chars - 1] = place;
    for (uint32_t i = 0; i < bytes; i++)
        words->buffer[word->bytes + i] = utf8[i];
    word->bytes += bytes;
}

static void append_char(struct tok_words *words, struct tok_word *word, const struct tok_char *c)
{
    unsigned char utf8[4];
    append(words, word, utf8, tok_utf8_encode(c->code, utf8), c->place);
}

/* Code points that stay as they are and end no word, straight from the raw text. */
static void append_plain(struct tok_words *words, struct tok_word *word)
{
    struct tok_source *s = &words->source;
    const uint32_t flags = s->normalizer->flags;
    while (s->at < s->end) {
        uint32_t code;
        const unsigned char *text = s->text + s->at;
        const uint32_t bytes = tok_utf8_decode(text, s->end - s->at, &code);
        if ((tok_flags(code) & flags) || code == TOK_REPLACEMENT)
            return;
        append(words, word, text, bytes, (struct tok_place){s->index, s->at, s->at + bytes});
        s->at += bytes;
        s->index++;
    }
}

/* Takes what is ready, as far as the word goes. True: the word has ended. */
static bool append_ready(struct tok_words *words, struct tok_word *word)
{
    struct tok_source *s = &words->source;
    for (; s->next < s->ready; s->next++) {
        const struct tok_char *c = &s->chars[s->next];
        const uint32_t flags = tok_flags(c->code);
        const bool alone = c->chinese || (flags & TOK_PUNCTUATION), blank = flags & TOK_WHITESPACE;
        if (word->chars && (alone || blank))
            return true;
        if (blank)
            continue;
        append_char(words, word, c);
        if (alone) {
            s->next++;
            return true;
        }
    }
    return false;
}

static bool careful_word(struct tok_words *words, struct tok_word *word)
{
    struct tok_source *s = &words->source;
    *word = (struct tok_word){0};
    while (!append_ready(words, word) && !words->failed && !s->failed) {
        if (s->at == s->end)
            break;
        append_plain(words, word);
        tok_source_read(s);
    }
    words->failed = words->failed || s->failed;
    word->text = words->buffer;
    word->places = words->places;
    return word->chars && !words->failed;
}

/* What a code point does to a word that stands in the raw text. */
static enum tok_kind kind_of(uint32_t code, uint32_t flags)
{
    if (flags == 0 && code != TOK_REPLACEMENT)
        return TOK_LETTER;
    if (flags & ~(uint32_t)(TOK_SPACE | TOK_WHITESPACE | TOK_PUNCTUATION | TOK_CHINESE))
        return TOK_CAREFUL;
    if (flags & (TOK_SPACE | TOK_WHITESPACE))
        return TOK_BLANK;
    return flags ? TOK_ALONE : TOK_CAREFUL;
}

bool tok_words_next(struct tok_words *words, struct tok_word *word)
{
    struct tok_source *s = &words->source;
    const struct tok_normalizer *normalizer = s->normalizer;
    const unsigned char *text = s->text;
    uint32_t chars = 0;
    if (s->next < s->ready || words->failed)
        return !words->failed && careful_word(words, word);
    for (uint32_t at = s->at, bytes; at < s->end; at += bytes) {
        enum tok_kind kind = normalizer->kind[text[at]];
        bytes = 1;
        if (text[at] >= 0x80) {
            uint32_t code;
            bytes = tok_utf8_decode(text + at, s->end - at, &code);
            kind = kind_of(code, tok_flags(code) & normalizer->flags);
        }
        if (kind == TOK_LETTER) {
            chars++;
            continue;
        }
        if (kind == TOK_CAREFUL)
            return careful_word(words, word);
        if (chars)
            return raw_word(words, at - s->at, chars, word);
        if (kind == TOK_ALONE)
            return raw_word(words, bytes, 1, word);
        s->at = at + bytes;
        s->index++;
    }
    return chars && raw_word(words, s->end - s->at, chars, word);
}
