/* SPDX-License-Identifier: Apache-2.0
 *
 * Tags of words beside tags: entities as seqeval counts them without a scheme. A tag is its first character (B, I, E, S,
 * O or what it may be) and, behind the hyphen, a type; "_" is the type of a tag that has none.
 */
#include <string.h>

#include "tasks/scores/score.h"

struct tag_state {
    const char *type; /* of the tag before; within a sentence */
    size_t type_bytes;
    uint32_t prefix; /* its first character */
    uint64_t begin;  /* of the entity that is open */
    bool begun;
};

struct tags {
    struct tag_state gold, predicted;
    uint64_t at; /* words so far, and one for each end of a sentence */
};

struct tag {
    uint32_t prefix;
    const char *type;
    size_t type_bytes;
};

/* As Python's tag[1:].split("-", maxsplit=1)[-1] or "_". */
static struct tag read_tag(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t first = 1;
    uint32_t prefix = s[0];
    for (; s[0] >= 0xc0 && (s[first] & 0xc0) == 0x80 && first < 4; first++)
        prefix = prefix << 8 | s[first];
    const char *rest = text + first, *hyphen = strchr(rest, '-');
    const char *type = hyphen ? hyphen + 1 : rest;
    if (!*type)
        type = "_";
    return (struct tag){prefix, type, strlen(type)};
}

static bool same_type(const struct tag_state *before, const struct tag *tag)
{
    return before->type_bytes == tag->type_bytes && memcmp(before->type, tag->type, tag->type_bytes) == 0;
}

static bool is_outside(uint32_t prefix)
{
    return prefix == 'O' || prefix == '.';
}

static bool ends(const struct tag_state *before, const struct tag *tag, bool same)
{
    const uint32_t p = before->prefix, t = tag->prefix;
    return p == 'E' || p == 'S' || ((p == 'B' || p == 'I') && (t == 'B' || t == 'S' || t == 'O')) ||
           (!is_outside(p) && !same);
}

static bool begins(const struct tag_state *before, const struct tag *tag, bool same)
{
    const uint32_t p = before->prefix, t = tag->prefix;
    return t == 'B' || t == 'S' || ((p == 'E' || p == 'S' || p == 'O') && (t == 'E' || t == 'I')) ||
           (!is_outside(t) && !same);
}

struct entity { /* one that ended before the word */
    bool ended;
    const char *type;
    size_t type_bytes;
    uint64_t begin;
};

static struct entity step(struct tag_state *s, const char *text, uint64_t at)
{
    const struct tag tag = read_tag(text);
    if (!s->begun) /* before the first word of all stands an O of no type at all */
        *s = (struct tag_state){.type = "", .prefix = 'O', .begun = true};
    const bool same = same_type(s, &tag);
    const struct entity e = {ends(s, &tag, same), s->type, s->type_bytes, s->begin};
    if (begins(s, &tag, same))
        s->begin = at;
    s->prefix = tag.prefix;
    s->type = tag.type;
    s->type_bytes = tag.type_bytes;
    return e;
}

static void count(void *state, void *row)
{
    struct tags *tags = state;
    struct score_entity_row *r = row;
    for (uint32_t i = 0; i <= r->n_tags; i++, tags->at++) { /* an O ends the sentence */
        const bool word = i < r->n_tags;
        const struct entity a = step(&tags->gold, word ? r->gold_tags[i] : "O", tags->at);
        const struct entity b = step(&tags->predicted, word ? r->predicted_tags[i] : "O", tags->at);
        r->gold += a.ended;
        r->predicted += b.ended;
        r->both += a.ended && b.ended && a.begin == b.begin && a.type_bytes == b.type_bytes &&
                   memcmp(a.type, b.type, a.type_bytes) == 0;
        r->right_words += word && strcmp(r->gold_tags[i], r->predicted_tags[i]) == 0;
    }
    r->words = r->n_tags;
    r->gold_tags = r->predicted_tags = NULL;
}

enum { GOLD = SCORE_SUM_OWN, PREDICTED, BOTH, WORDS, RIGHT_WORDS };

static void add(uint32_t classes, double *sums, const void *row)
{
    const struct score_entity_row *r = row;
    (void)classes;
    sums[GOLD] += r->gold;
    sums[PREDICTED] += r->predicted;
    sums[BOTH] += r->both;
    sums[WORDS] += r->words;
    sums[RIGHT_WORDS] += r->right_words;
}

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static void finish(uint32_t classes, const double *sums, double *values)
{
    (void)classes;
    values[0] = share(2 * sums[BOTH], sums[GOLD] + sums[PREDICTED]);
    values[1] = share(sums[BOTH], sums[PREDICTED]);
    values[2] = share(sums[BOTH], sums[GOLD]);
    values[3] = sums[RIGHT_WORDS] / sums[WORDS];
}

static const char *const names[] = {"f1", "precision", "recall", "accuracy", NULL};
const struct score_family score_entities = {
    .names = names,
    .row_bytes = sizeof(struct score_entity_row),
    .sums = RIGHT_WORDS + 1 - SCORE_SUM_OWN,
    .state_bytes = sizeof(struct tags),
    .count = count,
    .add = add,
    .finish = finish,
};
