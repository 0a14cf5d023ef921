/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences to examples, section 6.1: sentences are added until there are enough tokens, and go into one or two
 * segments.
 */
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "training/corpus.h"

bool corpus_builder_add(struct corpus_builder *b, const int32_t *ids, uint32_t n, bool *ready)
{
    *ready = false;
    int32_t *room = array_reserve(b->ids, &b->room_ids, b->n_ids + n + 1, sizeof *room);
    if (!room)
        return false;
    b->ids = room;
    uint32_t *lengths = array_reserve(b->lengths, &b->room_lengths, b->n_lengths + 1, sizeof *lengths);
    if (!lengths)
        return false;
    b->lengths = lengths;
    memcpy(b->ids + b->n_ids, ids, n * sizeof *ids);
    b->n_ids += n;
    b->lengths[b->n_lengths++] = n;
    *ready = b->n_ids >= b->target;
    return true;
}

/* Tokens of a segment as far as they fit. */
struct segment {
    int32_t *ids;
    size_t n, room; /* n: also of those that did not fit */
};

static void append(struct segment *s, const int32_t *ids, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++, s->n++)
        if (s->n < s->room)
            s->ids[s->n] = ids[i];
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The draws of an example: one segment alone, a random target for the next one and which, one for each sentence. */
enum { DRAW_ALONE, DRAW_SHORT, DRAW_TARGET, DRAW_SENTENCES };

static double unit(const struct corpus_builder *b, uint32_t draw)
{
    return corpus_unit(b->seed, CORPUS_EXAMPLES, b->made, draw);
}

static void split(const struct corpus_builder *b, struct segment *first, struct segment *second)
{
    const size_t half = b->target > 3 ? (b->target - 3) / 2 : 0;
    const size_t wanted = unit(b, DRAW_ALONE) < 0.1 ? 100000 : half;
    const int32_t *ids = b->ids;
    for (size_t i = 0; i < b->n_lengths; i++) {
        const uint32_t n = b->lengths[i];
        const bool fits = !first->n || first->n + n < wanted;
        const bool drawn = !second->n && first->n < wanted && unit(b, (uint32_t)(DRAW_SENTENCES + i)) < 0.5;
        append(fits || drawn ? first : second, ids, n);
        ids += n;
    }
}

static uint32_t next_target(const struct corpus_builder *b)
{
    const uint32_t least = b->max_length < 5 ? b->max_length : 5;
    return unit(b, DRAW_SHORT) < 0.05
               ? least + corpus_below(b->seed, CORPUS_EXAMPLES, b->made, DRAW_TARGET, b->max_length - least + 1)
               : b->max_length;
}

bool corpus_builder_make(struct corpus_builder *b, struct corpus_example *example)
{
    *example = (struct corpus_example){0};
    if (!b->n_ids) {
        b->n_lengths = 0;
        return true;
    }
    const size_t most = b->max_length;
    int32_t *ids = malloc((2 * most + 3) * sizeof *ids); /* the second half holds the second segment for a while */
    if (!ids)
        return false;
    struct segment first = {ids + 1, 0, most - 2}, second = {ids + most + 1, 0, most};
    split(b, &first, &second);
    const size_t n1 = smaller(first.n, most - 2), left = most > n1 + 3 ? most - n1 - 3 : 0,
                 n2 = smaller(second.n, left);
    ids[0] = (int32_t)b->cls;
    ids[n1 + 1] = (int32_t)b->sep;
    memmove(ids + n1 + 2, second.ids, n2 * sizeof *ids);
    if (n2)
        ids[n1 + 2 + n2] = (int32_t)b->sep;
    example->first = (uint32_t)(n1 + 2);
    example->n = (uint32_t)(n1 + 2 + (n2 ? n2 + 1 : 0));
    /* Not realloc, which leaves what it cuts off between this example and the next, where none fits while both wait. */
    example->ids = malloc(example->n * sizeof *ids);
    if (example->ids)
        memcpy(example->ids, ids, example->n * sizeof *ids);
    free(ids);
    if (!example->ids)
        return false;
    b->target = next_target(b);
    b->made++;
    b->n_ids = b->n_lengths = 0;
    return true;
}
