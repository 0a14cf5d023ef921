/* SPDX-License-Identifier: Apache-2.0
 *
 * How well tokens of a text are guessed: of each piece 15 % are chosen as in pre-training, 85 % of those become [MASK],
 * always the same ones of the same row.
 */
#include <math.h>

#include "common/fail.h"
#include "common/philox.h"
#include "tasks/fill_mask.h"
#include "tasks/scores/score.h"

static const double chosen_share = 0.15, masked_share = 0.85;

static const struct score_family *family(const struct task_setup *setup, uint32_t *classes)
{
    (void)setup;
    *classes = 0;
    return &score_tokens;
}

/* Long texts are pieces; nothing is cut. */
static void open(struct task_setup *setup)
{
    setup->encode.max_length = setup->longest;
    setup->encode.overflow = true;
}

/* ---- masks */

/* Uniform numbers of a row's piece. */
struct draws {
    uint32_t key[2], counter[4];
};

static double draw(struct draws *d)
{
    uint32_t words[4];
    philox(d->key, d->counter, words);
    d->counter[0]++;
    return words[0] * 0x1p-32;
}

/* The places of candidates that are chosen, ascending, in the first `wanted` of places [n]. */
static void choose(struct draws *d, uint32_t *places, uint32_t n, uint32_t wanted)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n && kept < wanted; i++) /* each subset is as likely (Knuth's algorithm S) */
        if (draw(d) * (n - i) < wanted - kept)
            places[kept++] = places[i];
}

/* [CLS], [SEP] and [MASK] are never chosen, wherever they come from. */
static uint32_t list_candidates(const pln_tokenizer *tokenizer, const int32_t *ids, uint32_t n_ids, int32_t mask,
                                uint32_t *places)
{
    const int32_t cls = pln_tokenizer_special_id(tokenizer, PLN_SPECIAL_CLS),
                  sep = pln_tokenizer_special_id(tokenizer, PLN_SPECIAL_SEP);
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_ids; i++)
        if (ids[i] != mask && ids[i] != cls && ids[i] != sep)
            places[n++] = i;
    return n;
}

/* Changes ids, and lists the places that were chosen; returns how many. */
static uint32_t hide_some(struct draws *d, const pln_tokenizer *tokenizer, int32_t mask, int32_t *ids, uint32_t n_ids,
                          uint32_t *places)
{
    const uint32_t n = list_candidates(tokenizer, ids, n_ids, mask, places);
    const double share = fmax(1, nearbyint(n_ids * chosen_share));
    const uint32_t chosen = share < n ? (uint32_t)share : n;
    choose(d, places, n, chosen);
    for (uint32_t i = 0; i < chosen; i++)
        if (draw(d) < masked_share)
            ids[places[i]] = mask;
    return chosen;
}

pln_status task_mask_some(struct task_row *row, struct task_sequence *s, int32_t mask, pln_error *error)
{
    const uint32_t piece = (uint32_t)(s - row->sequences);
    struct draws d = {.key = {(uint32_t)row->answer.row, (uint32_t)(row->answer.row >> 32)},
                      .counter = {0, piece, 0, 0}};
    const int32_t **originals = row->kept;
    uint32_t *places = arena_allocate(row->memory, ((size_t)s->tokens.n + 1) * sizeof *places);
    int32_t *ids = arena_allocate(row->memory, ((size_t)s->tokens.n + 1) * sizeof *ids);
    if (!originals)
        row->kept = originals = arena_allocate(row->memory, ((size_t)row->n_sequences + 1) * sizeof *originals);
    if (!originals || !places || !ids)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u tokens", s->tokens.n);
    memcpy(ids, s->tokens.ids, s->tokens.n * sizeof *ids);
    s->n_targets = hide_some(&d, row->setup->tokenizer, mask, ids, s->tokens.n, places);
    s->targets = places;
    originals[piece] = s->tokens.ids;
    s->tokens.ids = ids;
    return PLN_OK;
}

/* ---- scores */

static pln_status judge(struct task_row *row, pln_error *error)
{
    struct score_hit_row *r = task_judge(row, &score_tokens, 0, error);
    const int32_t *const *originals = row->kept;
    if (!r)
        return PLN_NO_MEMORY;
    for (uint32_t i = 0; i < row->n_sequences; i++) {
        const struct task_sequence *s = &row->sequences[i];
        const struct task_output *logits = &s->outputs[0];
        for (uint32_t j = 0; j < s->n_targets; j++) {
            const float *x = logits->data + (size_t)j * logits->width;
            const uint32_t gold = (uint32_t)originals[i][s->targets[j]];
            r->row.loss += task_cross_entropy(x, logits->width, gold);
            r->hits += task_find_best(x, logits->width) == gold;
        }
        r->row.weight += s->n_targets;
    }
    r->of = r->row.weight;
    return PLN_OK;
}

const struct task_score task_score_fill_mask = {.family = family, .open = open, .judge = judge};

/* ---- learning: each piece by itself, masked anew in each epoch */

static pln_status learn(struct task_row *row, struct task_lessons *into, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < row->n_sequences; i++) {
        const struct task_lesson lesson = {&row->sequences[i], 1, TASK_TOKENS, .tokens = row->sequences[i].tokens.ids};
        status = task_learn(into, &lesson, error);
    }
    return status;
}

static void hide(const struct task_setup *setup, const uint32_t key[2], uint64_t epoch, int32_t *ids, int32_t *labels,
                 uint32_t *places, uint32_t n)
{
    struct draws d = {.key = {key[0], key[1]}, .counter = {0, (uint32_t)epoch, (uint32_t)(epoch >> 32), 1}};
    const int32_t mask = pln_tokenizer_special_id(setup->tokenizer, PLN_SPECIAL_MASK);
    const uint32_t chosen = hide_some(&d, setup->tokenizer, mask, ids, n, places);
    for (uint32_t i = 0, at = 0; i < n; i++) {
        const bool wanted = at < chosen && places[at] == i;
        at += wanted;
        labels[i] = wanted ? labels[i] : -100;
    }
}

const struct task_learn task_learn_fill_mask = {.open = open, .pieces = true, .learn = learn, .hide = hide};
