/* SPDX-License-Identifier: Apache-2.0
 *
 * Words are spelled once and shrink in place. A pair of ids has a count, kept up to date by what each merge takes and
 * gives. The heap holds pairs with the count that they had when they were pushed and the words where they arose; an
 * entry whose count has changed is pushed again with the true one. This bookkeeping is that of the reference, its
 * corners included, since they decide which pair comes next: occurrences that arise later are an entry of their own,
 * and the count of a pair keeps what has been merged.
 */
#include "tokenizer/merges.h"

#include <string.h>

#include "common/array.h"

struct word {
    uint64_t count;
    size_t begin; /* in symbols */
    uint32_t n;
};

struct pair {
    uint64_t key; /* left id, right id */
    uint64_t count;
    size_t place;       /* where the next word of this step is written */
    uint32_t gained;    /* words in which it arose in this step */
    uint32_t last_word; /* the last of them */
};

struct slot {
    uint64_t key;
    uint32_t pair; /* index + 1, 0 is free */
};

struct entry {
    uint64_t count, key;
    size_t words; /* first of its words, in places; grows from step to step */
    uint32_t n;
    uint32_t pair;
};

struct gain {
    uint32_t pair, word;
};

struct merges {
    struct word *words;
    uint32_t *symbols;
    struct pair *pairs;
    size_t n_pairs, pairs_room;
    struct slot *slots;
    size_t n_slots; /* power of two */
    struct entry *heap;
    size_t n_heap, heap_room;
    struct gain *gains; /* of this step */
    size_t n_gains, gains_room;
    uint32_t *touched; /* pairs that gained in this step */
    size_t n_touched, touched_room;
    uint32_t *places; /* words of all entries, one list behind the other */
    size_t n_places, places_room;
    char *text; /* of the token being made */
    size_t text_room;
    bool failed; /* no memory */
};

/* ---- pairs */

static size_t slot_of(const struct merges *m, uint64_t key)
{
    const uint64_t mixed = key * 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio */
    size_t slot = (size_t)(mixed ^ mixed >> 32) & (m->n_slots - 1);
    while (m->slots[slot].pair && m->slots[slot].key != key)
        slot = (slot + 1) & (m->n_slots - 1);
    return slot;
}

static bool grow_slots(struct merges *m)
{
    const size_t n = m->n_slots ? m->n_slots * 2 : 1 << 16;
    struct slot *slots = calloc(n, sizeof *slots);
    if (!slots)
        return false;
    free(m->slots);
    m->slots = slots;
    m->n_slots = n;
    for (size_t i = 0; i < m->n_pairs; i++)
        m->slots[slot_of(m, m->pairs[i].key)] = (struct slot){m->pairs[i].key, (uint32_t)i + 1};
    return true;
}

/* Index of the pair, a new one if it is met first. */
static uint32_t find_pair(struct merges *m, uint32_t left, uint32_t right)
{
    const uint64_t key = (uint64_t)left << 32 | right;
    size_t slot = slot_of(m, key);
    if (m->slots[slot].pair)
        return m->slots[slot].pair - 1;
    struct pair *pairs = array_reserve(m->pairs, &m->pairs_room, m->n_pairs + 1, sizeof *pairs);
    if (pairs)
        m->pairs = pairs;
    if (!pairs || m->n_pairs == UINT32_MAX - 1 || (m->n_pairs * 2 >= m->n_slots && !grow_slots(m))) {
        m->failed = true;
        return 0;
    }
    slot = slot_of(m, key);
    m->pairs[m->n_pairs] = (struct pair){.key = key};
    m->slots[slot] = (struct slot){key, (uint32_t)++m->n_pairs};
    return (uint32_t)m->n_pairs - 1;
}

static void lose(struct merges *m, uint32_t left, uint32_t right, uint64_t count)
{
    m->pairs[find_pair(m, left, right)].count -= count;
}

static void gain(struct merges *m, uint32_t left, uint32_t right, uint32_t word)
{
    const uint32_t index = find_pair(m, left, right);
    struct gain *gains = array_reserve(m->gains, &m->gains_room, m->n_gains + 1, sizeof *gains);
    if (gains)
        m->gains = gains;
    uint32_t *touched = array_reserve(m->touched, &m->touched_room, m->n_touched + 1, sizeof *touched);
    if (touched)
        m->touched = touched;
    if (!gains || !touched || m->failed) {
        m->failed = true;
        return;
    }
    struct pair *pair = &m->pairs[index];
    pair->count += m->words[word].count;
    if (pair->gained && pair->last_word == word)
        return;
    if (!pair->gained)
        m->touched[m->n_touched++] = index;
    pair->gained++;
    pair->last_word = word;
    m->gains[m->n_gains++] = (struct gain){index, word};
}

/* ---- heap, four children a node */

/* The higher count first, then the lower ids, then the older. */
static bool before(const struct entry *a, const struct entry *b)
{
    if (a->count != b->count)
        return a->count > b->count;
    return a->key != b->key ? a->key < b->key : a->words < b->words;
}

static void push(struct merges *m, struct entry entry)
{
    struct entry *heap = array_reserve(m->heap, &m->heap_room, m->n_heap + 1, sizeof *heap);
    if (!heap) {
        m->failed = true;
        return;
    }
    m->heap = heap;
    size_t at = m->n_heap++;
    for (; at && before(&entry, &heap[(at - 1) / 4]); at = (at - 1) / 4)
        heap[at] = heap[(at - 1) / 4];
    heap[at] = entry;
}

static void sink(struct merges *m, size_t at)
{
    const struct entry entry = m->heap[at];
    for (size_t child; (child = at * 4 + 1) < m->n_heap;) {
        size_t best = child;
        for (size_t i = child + 1; i < child + 4 && i < m->n_heap; i++)
            if (before(&m->heap[i], &m->heap[best]))
                best = i;
        if (!before(&m->heap[best], &entry))
            break;
        m->heap[at] = m->heap[best];
        at = best;
    }
    m->heap[at] = entry;
}

/* The pair that is to be merged next; false: none has a count any more. */
static bool pop(struct merges *m, struct entry *top)
{
    while (m->n_heap) {
        *top = m->heap[0];
        const uint64_t count = m->pairs[top->pair].count;
        if (top->count == count) {
            m->heap[0] = m->heap[--m->n_heap];
            if (m->n_heap)
                sink(m, 0);
            return count > 0;
        }
        m->heap[0].count = count;
        sink(m, 0);
    }
    return false;
}

/* ---- steps */

/* Pushes the pairs that gained, each with the words where it did, and begins the next step. */
static void push_gains(struct merges *m)
{
    uint32_t *places = array_reserve(m->places, &m->places_room, m->n_places + m->n_gains, sizeof *places);
    if (places)
        m->places = places;
    m->failed |= !places;
    if (m->failed)
        return;
    for (size_t i = 0; i < m->n_touched; i++) {
        struct pair *pair = &m->pairs[m->touched[i]];
        pair->place = m->n_places;
        m->n_places += pair->gained;
    }
    for (size_t i = 0; i < m->n_gains; i++)
        places[m->pairs[m->gains[i].pair].place++] = m->gains[i].word;
    for (size_t i = 0; i < m->n_touched; i++) {
        struct pair *pair = &m->pairs[m->touched[i]];
        if (pair->count)
            push(m, (struct entry){pair->count, pair->key, pair->place - pair->gained, pair->gained, m->touched[i]});
        pair->gained = 0;
    }
    m->n_gains = m->n_touched = 0;
}

static void merge_in_word(struct merges *m, uint32_t index, uint32_t left, uint32_t right, uint32_t merged)
{
    struct word *word = &m->words[index];
    uint32_t *symbols = m->symbols + word->begin, kept = 0;
    for (uint32_t i = 0; i < word->n; i++) {
        if (symbols[i] != left || i + 1 == word->n || symbols[i + 1] != right) {
            symbols[kept++] = symbols[i];
            continue;
        }
        if (kept) {
            lose(m, symbols[kept - 1], left, word->count);
            gain(m, symbols[kept - 1], merged, index);
        }
        i++;
        symbols[kept++] = merged;
        if (i + 1 < word->n) {
            lose(m, right, symbols[i + 1], word->count);
            gain(m, merged, symbols[i + 1], index);
        }
    }
    word->n = kept;
}

/* The token that left and right make, an old one if it is there. */
static int64_t add_token(struct merges *m, struct tok_strings *tokens, uint32_t left, uint32_t right)
{
    const size_t head = tokens->items[left].bytes;
    size_t tail = tokens->items[right].bytes;
    const char *rest = tok_strings_text(tokens, right);
    if (tail >= 2 && memcmp(rest, "##", 2) == 0) {
        rest += 2;
        tail -= 2;
    }
    char *text = array_reserve(m->text, &m->text_room, head + tail, 1);
    if (!text)
        return TOK_NO_STRING;
    m->text = text;
    memcpy(text, tok_strings_text(tokens, left), head);
    memcpy(text + head, rest, tail);
    return head + tail <= UINT32_MAX ? tok_strings_add(tokens, text, head + tail, 0) : TOK_NO_STRING;
}

static pln_status merge_all(struct merges *m, const struct tok_merge_options *options, struct tok_strings *tokens)
{
    struct entry top;
    for (uint32_t steps = 0; !m->failed && tokens->n < options->size && pop(m, &top); steps++) {
        if (top.count < options->min_frequency)
            break;
        if (options->progress && steps % 64 == 0 &&
            !options->progress(options->context, (uint32_t)tokens->n, options->size))
            return PLN_FAILED;
        const uint32_t left = (uint32_t)(top.key >> 32), right = (uint32_t)top.key;
        const int64_t merged = add_token(m, tokens, left, right);
        m->failed |= merged == TOK_NO_STRING;
        for (uint32_t i = 0; !m->failed && i < top.n; i++)
            merge_in_word(m, m->places[top.words + i], left, right, (uint32_t)merged);
        push_gains(m);
    }
    return m->failed ? PLN_NO_MEMORY : PLN_OK;
}

/* Spells the words and pushes all pairs. */
static bool begin(struct merges *m, const struct tok_strings *words, const struct tok_alphabet *alphabet)
{
    m->words = calloc(words->n + 1, sizeof *m->words);
    m->symbols = malloc((words->bytes + 1) * sizeof *m->symbols);
    if (!m->words || !m->symbols || !grow_slots(m))
        return false;
    size_t at = 0;
    for (size_t i = 0; i < words->n && !m->failed; i++) {
        const struct tok_string *item = &words->items[i];
        const size_t n = tok_alphabet_spell(alphabet, tok_strings_text(words, i), item->bytes, m->symbols + at);
        m->words[i] = (struct word){item->count, at, (uint32_t)n};
        for (size_t s = at; s + 1 < at + n; s++)
            gain(m, m->symbols[s], m->symbols[s + 1], (uint32_t)i);
        at += n;
    }
    push_gains(m);
    return !m->failed;
}

static void finish(struct merges *m)
{
    free(m->words);
    free(m->symbols);
    free(m->pairs);
    free(m->slots);
    free(m->heap);
    free(m->gains);
    free(m->touched);
    free(m->places);
    free(m->text);
}

pln_status tok_merge(const struct tok_strings *words, const struct tok_alphabet *alphabet,
                     const struct tok_merge_options *options, struct tok_strings *tokens)
{
    struct merges m = {0};
    const pln_status status = begin(&m, words, alphabet) ? merge_all(&m, options, tokens) : PLN_NO_MEMORY;
    finish(&m);
    return status;
}
