/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a text, sends it through the stages, gives tokens.
 */
#include "tokenizer/encode.h"

#include <stdlib.h>

#include "common/array.h"
#include "tokenizer/utf8.h"

struct encoding {
    const pln_tokenizer *tokenizer;
    struct tok_scratch *scratch;
    struct tok_tokens *out;
    const struct tok_place *places; /* of the code points of normalized text; NULL: words come from the raw text */
    const unsigned char *text;
    uint32_t bytes;
    bool split_special;
    int32_t word; /* number of the next one */
    int32_t step; /* to the number of the one behind it */
};

void tok_scratch_finish(struct tok_scratch *scratch)
{
    tok_words_finish(&scratch->words);
    tok_source_finish(&scratch->source);
    tok_slow_finish(&scratch->slow);
    tok_cache_finish(&scratch->cache);
    free(scratch->normalized.text);
    free(scratch->normalized.places);
    scratch->normalized = (struct tok_normalized){0};
}

struct span { /* of code points and of bytes */
    uint32_t index, end_index, byte, end_byte;
};

/* Room for it was reserved; its id is there. */
static inline void set_token(struct encoding *e, uint32_t at, struct span span)
{
    struct tok_tokens *out = e->out;
    if (out->no_places)
        return;
    if (e->places) {
        span.byte = e->places[span.index].byte;
        span.index = e->places[span.index].index;
        span.end_byte = e->places[span.end_index - 1].end_byte;
        span.end_index = e->places[span.end_index - 1].index + 1;
    }
    out->words[at] = e->word;
    out->begins[at] = span.index;
    out->ends[at] = span.end_index;
    out->begin_bytes[at] = span.byte;
    out->end_bytes[at] = span.end_byte;
}

static void set_pieces(struct encoding *e, const struct tok_word *word, uint32_t n)
{
    const struct tok_length *lengths = e->tokenizer->vocabulary.lengths;
    const int32_t *ids = e->out->ids + e->out->n;
    uint32_t chars = 0, bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t prefix = i ? 2 : 0; /* "##" */
        const uint32_t end = chars + lengths[ids[i]].chars - prefix, end_byte = bytes + lengths[ids[i]].bytes - prefix;
        struct span span = {word->index + chars, word->index + end, word->byte + bytes, word->byte + end_byte};
        if (word->places)
            span = (struct span){word->places[chars].index, word->places[end - 1].index + 1, word->places[chars].byte,
                                 word->places[end - 1].end_byte};
        set_token(e, e->out->n + i, span);
        chars = end;
        bytes = end_byte;
    }
}

static bool add_word(struct encoding *e, const struct tok_word *word)
{
    struct tok_tokens *out = e->out;
    const uint32_t n = tok_put_ids(e->tokenizer, word, out);
    if (n == 0)
        return false;
    if (n == 1)
        set_token(e, out->n, (struct span){word->index, word->end_index, word->byte, word->end_byte});
    else if (!out->no_places)
        set_pieces(e, word, n);
    out->n += n;
    e->word += e->step;
    return true;
}

static bool add_added(struct encoding *e, const struct tok_added *token, struct span span)
{
    if (!tok_tokens_reserve(e->out, 1))
        return false;
    e->out->ids[e->out->n] = token->id;
    set_token(e, e->out->n++, span);
    e->word += e->step;
    return true;
}

/* Words of bytes [begin, end), the first of which is code point *index; gives the number of the code point at end. */
static bool add_words(struct encoding *e, const struct tok_normalizer *normalizer, const unsigned char *text,
                      uint32_t begin, uint32_t end, uint32_t *index)
{
    struct tok_words *words = &e->scratch->words;
    struct tok_word word;
    tok_words_begin_at(words, normalizer, text, begin, end, *index, e->tokenizer->config.max_word);
    while (tok_words_next(words, &word))
        if (!add_word(e, &word))
            return false;
    *index = words->source.index;
    return !words->failed;
}

/* Code points of bytes [begin, end); one that goes past the end counts. */
static uint32_t count(const unsigned char *text, uint32_t begin, uint32_t end)
{
    uint32_t n = 0, code;
    for (; begin < end; n++)
        begin += tok_utf8_decode(text + begin, end - begin, &code);
    return n;
}

static bool grow(struct tok_normalized *n)
{
    const size_t room = array_room(n->room, n->chars + 3ul);
    unsigned char *text = array_resize(n->text, room, 6);
    n->text = text ? text : n->text;
    struct tok_place *places = text ? array_resize(n->places, room, sizeof *places) : NULL;
    n->places = places ? places : n->places;
    if (!places || room > UINT32_MAX / 6)
        return false;
    n->room = (uint32_t)room;
    return true;
}

static bool keep_char(struct tok_normalized *n, const struct tok_char *c)
{
    if (n->chars + 3 > n->room && !grow(n))
        return false;
    n->bytes += tok_char_write(c, n->text + n->bytes);
    for (uint32_t i = 0; i < (c->chinese ? 3 : 1); i++)
        n->places[n->chars++] = c->place;
    return true;
}

static bool normalize(struct encoding *e, uint32_t begin, uint32_t end, uint32_t *index)
{
    struct tok_source *s = &e->scratch->source;
    struct tok_normalized *n = &e->scratch->normalized;
    s->normalizer = e->tokenizer->mode == PLN_TOKENIZER_MODE_FAST ? &e->tokenizer->config.normalizer
                                                                  : &e->tokenizer->config.lowering;
    s->text = e->text;
    s->at = begin;
    s->end = end;
    s->index = *index;
    s->failed = false;
    n->bytes = n->chars = 0;
    while (s->at < s->end && !s->failed) {
        tok_source_read(s);
        for (uint32_t i = 0; i < s->ready; i++)
            if (!keep_char(n, &s->chars[i]))
                return false;
    }
    *index = s->index;
    return !s->failed;
}

static bool take_word(void *encoding, const struct tok_word *word)
{
    return add_word(encoding, word);
}

/* Words of normalized text, bytes [begin, end), the first of which is code point *index. */
static bool add_normalized_words(struct encoding *e, uint32_t begin, uint32_t end, uint32_t *index)
{
    const struct tok_normalized *n = &e->scratch->normalized;
    if (e->tokenizer->mode == PLN_TOKENIZER_MODE_FAST)
        return add_words(e, &e->tokenizer->unchanged, n->text, begin, end, index);
    e->places = NULL; /* these words bring raw places */
    const bool good =
        tok_slow_cut(&e->scratch->slow, &e->tokenizer->slow, n->text, begin, end, n->places + *index, take_word, e);
    e->places = n->places;
    *index += count(n->text, begin, end);
    return good;
}

/* Raw bytes [begin, end) with added tokens that are looked for in normalized text. */
static bool add_normalized(struct encoding *e, uint32_t begin, uint32_t end, uint32_t *index)
{
    const struct tok_added_list *added = &e->tokenizer->config.added;
    struct tok_normalized *n = &e->scratch->normalized;
    if (!normalize(e, begin, end, index))
        return false;
    e->places = n->places;
    bool good = true;
    struct tok_match match = {.end = 0};
    for (uint32_t at = 0, chars = 0; good && at < n->bytes; at = match.end) {
        match = tok_added_next(added, &added->normalized, n->text, at, n->bytes, e->split_special);
        good = add_normalized_words(e, at, match.begin, &chars);
        if (!match.token || !good)
            continue;
        const uint32_t length = count(n->text, match.begin, match.end);
        good = add_added(e, match.token, (struct span){.index = chars, .end_index = chars + length});
        chars += length;
    }
    e->places = NULL;
    return good;
}

bool tok_encode(const pln_tokenizer *tokenizer, pln_text text, int32_t word, bool split_special,
                struct tok_scratch *scratch, struct tok_tokens *out)
{
    struct encoding e = {.tokenizer = tokenizer, .scratch = scratch, .out = out, .split_special = split_special};
    const struct tok_added_list *added = &tokenizer->config.added;
    e.word = word == TOK_COUNT_WORDS ? 0 : word;
    e.step = word == TOK_COUNT_WORDS;
    e.text = (const unsigned char *)text.text;
    e.bytes = (uint32_t)text.bytes;
    const bool plain = added->normalized.only_start == TOK_NO_TOKEN && tokenizer->mode == PLN_TOKENIZER_MODE_FAST;
    struct tok_match match = {.end = 0};
    bool good = true;
    for (uint32_t at = 0, index = 0; good && at < e.bytes; at = match.end) {
        match = tok_added_next(added, &added->raw, e.text, at, e.bytes, split_special);
        if (plain && out->no_places)
            good = tok_encode_bare(tokenizer, e.text, at, match.begin, &scratch->words, &scratch->cache, out);
        else if (plain)
            good = add_words(&e, &tokenizer->config.normalizer, e.text, at, match.begin, &index);
        else
            good = add_normalized(&e, at, match.begin, &index);
        if (!match.token || !good)
            continue;
        const uint32_t length = count(e.text, match.begin, match.end);
        good = add_added(&e, match.token, (struct span){index, index + length, match.begin, match.end});
        index += length;
    }
    return good;
}
