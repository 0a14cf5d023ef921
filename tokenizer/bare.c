/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a text, gives ids without places. What stands between two ASCII blanks or punctuation marks is looked up in the
 * cache of the thread before it is cut: no rule of the normalizer reaches across those, so its bytes alone say its ids.
 * Bytes are looked at eight at a time, and some words wait until their places in the cache have come from memory.
 */
#include "tokenizer/bare.h"

#include <string.h>

enum { WAITING = 8 };

struct waiting { /* a word whose pair is on its way from memory; pair NULL: a character that is a word by itself */
    const unsigned char *at;
    uint32_t bytes;
    uint64_t key[TOK_KEPT_BYTES / 8];
    struct tok_kept *pair;
};

struct bare {
    const pln_tokenizer *tokenizer;
    struct tok_words *words;
    struct tok_cache *cache;
    struct tok_tokens *out;
    const unsigned char *at, *end; /* of what is left; TOK_KEPT_BYTES can be read at `at` */
    uint32_t n_waiting;
    struct waiting waiting[WAITING];
    bool in_tail;
    unsigned char tail[2 * TOK_KEPT_BYTES]; /* the last bytes, zeros behind them, so that no read goes past the text */
};

static inline uint64_t turn(uint64_t bytes)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    return __builtin_bswap64(bytes);
#else
    return bytes;
#endif
}

static inline uint64_t load(const unsigned char *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return turn(bytes);
}

#define EACH(byte) ((byte)*0x0101010101010101u)

/* Bit 7 of each byte below 0x80 that is neither letter nor digit. *bytes becomes what a word is known by: its capitals
 * are small ones if the normalizer makes them so. Sums of seven bits never run over into the next byte. */
static inline uint64_t find_end(uint64_t *bytes, bool lower_case)
{
    const uint64_t high = EACH(0x80), low = *bytes & ~high, small = low | EACH(0x20);
    const uint64_t letters = (small + EACH(0x80 - 'a')) & ~(small + EACH(0x7f - 'z'));
    const uint64_t digits = (low + EACH(0x80 - '0')) & ~(low + EACH(0x7f - '9'));
    const uint64_t ends = ~(letters | digits | *bytes) & high;
    if (lower_case)
        *bytes |= (letters & ~*bytes & high) >> 2;
    return ends;
}

/* Gives the bytes of the word at `at`, as far as they are kept, and sets its key. */
static inline uint32_t read_key(const unsigned char *at, bool lower_case, uint64_t key[TOK_KEPT_BYTES / 8])
{
    for (uint32_t i = 0; i < TOK_KEPT_BYTES / 8; i++) {
        uint64_t bytes = load(at + 8 * i);
        const uint64_t ends = find_end(&bytes, lower_case);
        if (ends) {
            key[i] = bytes & (((ends & -ends) >> 7) - 1);
            return 8 * i + (uint32_t)__builtin_ctzll(ends) / 8;
        }
        key[i] = bytes;
    }
    return TOK_KEPT_BYTES;
}

static inline uint8_t kind_at(const struct bare *b, const unsigned char *at)
{
    return b->tokenizer->config.normalizer.kind[*at];
}

static inline bool parts(uint8_t kind)
{
    return kind == TOK_BLANK || kind == TOK_ALONE;
}

static inline bool add_ids(const pln_tokenizer *tokenizer, const struct tok_word *word, struct tok_tokens *out)
{
    const uint32_t n = tok_put_ids(tokenizer, word, out);
    out->n += n;
    return n > 0;
}

/* Cuts bytes [at, end), which are parted from what is round them. */
static bool cut(struct bare *b, const unsigned char *at, const unsigned char *end)
{
    struct tok_word word;
    tok_words_begin_at(b->words, &b->tokenizer->config.normalizer, at, 0, (uint32_t)(end - at), 0,
                       b->tokenizer->config.max_word);
    while (tok_words_next(b->words, &word))
        if (!add_ids(b->tokenizer, &word, b->out))
            return false;
    return !b->words->failed;
}

/* A word of ASCII stands in its key as the normalizer leaves it. */
static bool add_new(struct bare *b, const struct waiting *w)
{
    const uint32_t before = b->out->n;
    if ((w->key[0] | w->key[1]) & EACH(0x80)) {
        if (!cut(b, w->at, w->at + w->bytes))
            return false;
    } else {
        const uint64_t text[] = {turn(w->key[0]), turn(w->key[1])};
        const struct tok_word word = {.text = (const unsigned char *)text, .bytes = w->bytes, .chars = w->bytes};
        if (!add_ids(b->tokenizer, &word, b->out))
            return false;
    }
    tok_cache_keep(w->pair, w->key, (const int32_t *)b->out->ids + before, b->out->n - before);
    b->cache->kept++;
    return true;
}

static inline bool is_key(const struct tok_kept *kept, const uint64_t key[TOK_KEPT_BYTES / 8])
{
    return ((kept->key[0] ^ key[0]) | (kept->key[1] ^ key[1])) == 0;
}

static inline bool add_word(struct bare *b, const struct waiting *w)
{
    struct tok_kept *pair = w->pair;
    if (!is_key(&pair[0], w->key)) {
        if (!is_key(&pair[1], w->key))
            return add_new(b, w);
        const struct tok_kept found = pair[1];
        pair[1] = pair[0];
        pair[0] = found;
    }
    int32_t *to = b->out->ids + b->out->n;
    memcpy(to, pair[0].ids, sizeof pair[0].ids);
    to[0] &= 0xffffff;
    b->out->n += pair[0].ids[0] >> 24;
    return true;
}

/* Appends the ids of all that wait. */
static bool add_waiting(struct bare *b)
{
    for (uint32_t i = 0; i < b->n_waiting; i++) {
        const struct waiting *w = &b->waiting[i];
        if (!tok_tokens_reserve(b->out, TOK_KEPT_IDS))
            return false;
        if (!w->pair)
            b->out->ids[b->out->n++] = b->cache->alone[*w->at];
        else if (!add_word(b, w))
            return false;
    }
    b->n_waiting = 0;
    return true;
}

/* One that is too long for the cache, or has a control character in it. */
static bool add_other(struct bare *b)
{
    const unsigned char *begin = b->at;
    while (b->at < b->end && !parts(kind_at(b, b->at)))
        b->at++;
    return add_waiting(b) && cut(b, begin, b->at);
}

static inline bool await(struct bare *b, const struct waiting *w)
{
    b->waiting[b->n_waiting++] = *w;
    b->at += w->bytes;
    return b->n_waiting < WAITING || add_waiting(b);
}

static inline bool await_word(struct bare *b)
{
    struct waiting w = {.at = b->at};
    w.bytes = read_key(b->at, b->tokenizer->config.normalizer.lower_case, w.key);
    if (b->at + w.bytes != b->end && !parts(kind_at(b, b->at + w.bytes)))
        return add_other(b);
    w.pair = tok_cache_pair(b->cache, w.key);
    __builtin_prefetch(w.pair, 1);
    return await(b, &w);
}

/* The last bytes are read from a copy that has zeros behind it. */
static void begin_tail(struct bare *b)
{
    const size_t left = (size_t)(b->end - b->at);
    memset(b->tail, 0, sizeof b->tail);
    memcpy(b->tail, b->at, left);
    b->at = b->tail;
    b->end = b->tail + left;
    b->in_tail = true;
}

/* What the characters that are words by themselves become. */
static bool begin_cache(const pln_tokenizer *tokenizer, struct tok_cache *cache, struct tok_tokens *out)
{
    if (cache->memory) { /* no word waits for its pair */
        tok_cache_grow(cache);
        return true;
    }
    if (!tok_tokens_reserve(out, 1) || !tok_cache_init(cache))
        return false;
    for (unsigned char c = 0; c < 128; c++) {
        const struct tok_word word = {.text = &c, .bytes = 1, .chars = 1};
        add_ids(tokenizer, &word, out);
        cache->alone[c] = out->ids[--out->n];
    }
    return true;
}

bool tok_encode_bare(const pln_tokenizer *tokenizer, const unsigned char *text, uint32_t begin, uint32_t end,
                     struct tok_words *words, struct tok_cache *cache, struct tok_tokens *out)
{
    struct bare b = {
        .tokenizer = tokenizer, .words = words, .cache = cache, .out = out, .at = text + begin, .end = text + end};
    if (!begin_cache(tokenizer, cache, out))
        return false;
    while (b.at < b.end) {
        bool good = true;
        const uint8_t kind = kind_at(&b, b.at);
        if (kind == TOK_BLANK)
            b.at++;
        else if (kind == TOK_ALONE)
            good = await(&b, &(struct waiting){.at = b.at, .bytes = 1});
        else if (b.end - b.at < TOK_KEPT_BYTES && !b.in_tail)
            begin_tail(&b);
        else
            good = await_word(&b);
        if (!good)
            return false;
    }
    return add_waiting(&b);
}
