/* SPDX-License-Identifier: Apache-2.0
 *
 * The processors and warpers of transformers on one row of scores, f32 where the reference has f32.
 */
#include "generation/filter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/philox.h"

/* ---- of every search */

static void penalize_repetition(float penalty, const struct generate_sequence *s, float *scores, uint32_t vocabulary)
{
    /* A token counts once, however often it is there. */
    for (uint32_t i = 0; i < s->n; i++) {
        bool before = false;
        for (uint32_t j = 0; j < i && !before; j++)
            before = s->ids[j] == s->ids[i];
        if (before || (uint32_t)s->ids[i] >= vocabulary)
            continue;
        float *x = &scores[s->ids[i]];
        *x = *x < 0 ? *x * penalty : *x / penalty;
    }
}

/* Each place where the last n - 1 tokens stood before bars the token that came behind them. */
static void bar_repeats(uint32_t n, const struct generate_sequence *s, float *scores)
{
    for (uint32_t i = 0; s->n >= n && i + n <= s->n; i++)
        if (memcmp(s->ids + i, s->ids + s->n + 1 - n, (n - 1) * sizeof *s->ids) == 0)
            scores[s->ids[i + n - 1]] = -INFINITY;
}

void generate_process(const pln_generator_options *o, const struct generate_sequence *sequence, float *scores,
                      uint32_t vocabulary)
{
    if (o->repetition_penalty != 1)
        penalize_repetition(o->repetition_penalty, sequence, scores, vocabulary);
    if (o->no_repeat_ngram)
        bar_repeats(o->no_repeat_ngram, sequence, scores);
    for (uint32_t i = 0; sequence->n_new < o->min_new_tokens && i < o->n_stop; i++)
        scores[o->stop[i]] = -INFINITY;
}

bool generate_log_softmax(float *scores, uint32_t vocabulary)
{
    float top = -INFINITY;
    double sum = 0;
    for (uint32_t i = 0; i < vocabulary; i++) {
        if (isnan(scores[i]))
            return false;
        top = scores[i] > top ? scores[i] : top;
    }
    if (!isfinite(top))
        return false;
    for (uint32_t i = 0; i < vocabulary; i++)
        sum += exp((double)(scores[i] - top));
    const float log_sum = (float)log(sum);
    for (uint32_t i = 0; i < vocabulary; i++)
        scores[i] = scores[i] - top - log_sum;
    return true;
}

/* ---- before a draw: choices that are left lie in front */

static int by_id(const void *a, const void *b)
{
    const struct generate_choice *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static int by_score(const void *a, const void *b)
{
    const struct generate_choice *x = a, *y = b;
    const int order = (x->score > y->score) - (x->score < y->score);
    return order ? order : by_id(a, b);
}

/* p is the distance from the expected surprise here. */
static int by_p(const void *a, const void *b)
{
    const struct generate_choice *x = a, *y = b;
    const int order = (x->p > y->p) - (x->p < y->p);
    return order ? order : by_id(a, b);
}

static uint32_t list_choices(float temperature, const float *scores, uint32_t vocabulary,
                             struct generate_choice *choices)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < vocabulary; i++) {
        const float score = scores[i] / temperature;
        if (isnan(score) || score == INFINITY)
            return 0;
        if (score != -INFINITY)
            choices[n++] = (struct generate_choice){.id = (int32_t)i, .score = score};
    }
    return n;
}

/* The k-th highest score, found by parting; choices are in another order then. */
static float kth_highest(struct generate_choice *c, uint32_t n, uint32_t k)
{
    uint32_t low = 0, high = n - 1;
    const uint32_t wanted = n - k;
    while (low < high) {
        const float middle = c[low + (high - low) / 2].score;
        uint32_t i = low, j = high;
        for (;;) {
            while (c[i].score < middle)
                i++;
            while (c[j].score > middle)
                j--;
            if (i >= j)
                break;
            const struct generate_choice other = c[i];
            c[i++] = c[j];
            c[j--] = other;
        }
        if (wanted <= j)
            high = j;
        else
            low = j + 1;
    }
    return c[wanted].score;
}

static uint32_t keep_from(float least, struct generate_choice *choices, uint32_t n)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (choices[i].score >= least)
            choices[kept++] = choices[i];
    return kept;
}

void generate_weigh(struct generate_choice *choices, uint32_t n)
{
    float top = -INFINITY;
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        top = choices[i].score > top ? choices[i].score : top;
    for (uint32_t i = 0; i < n; i++)
        sum += choices[i].p = exp((double)(choices[i].score - top));
    for (uint32_t i = 0; i < n; i++)
        choices[i].p /= sum;
}

/* From the lowest score on, what together is no more than 1 - top_p goes; the `least` highest stay. */
static uint32_t keep_top_p(float top_p, uint32_t least, struct generate_choice *choices, uint32_t n)
{
    double sum = 0;
    uint32_t first = 0;
    qsort(choices, n, sizeof *choices, by_score);
    generate_weigh(choices, n);
    for (; first + least < n; first++) {
        sum += choices[first].p;
        if (!((float)sum <= 1 - top_p))
            break;
    }
    memmove(choices, choices + first, (n - first) * sizeof *choices);
    return n - first;
}

static uint32_t keep_typical(float mass, uint32_t least, struct generate_choice *choices, uint32_t n)
{
    double entropy = 0, sum = 0;
    uint32_t last = 0, kept = 1;
    generate_weigh(choices, n);
    for (uint32_t i = 0; i < n; i++)
        entropy -= choices[i].p > 0 ? choices[i].p * log(choices[i].p) : 0;
    for (uint32_t i = 0; i < n; i++)
        choices[i].p = fabs(-log(choices[i].p) - entropy);
    qsort(choices, n, sizeof *choices, by_p);
    struct generate_choice *const all = choices;
    double total = 0;
    float top = -INFINITY;
    for (uint32_t i = 0; i < n; i++)
        top = all[i].score > top ? all[i].score : top;
    for (uint32_t i = 0; i < n; i++)
        total += exp((double)(all[i].score - top));
    for (uint32_t i = 0; i < n; i++) {
        sum += exp((double)(all[i].score - top)) / total;
        last += (float)sum < mass;
    }
    last = last < n ? last : n - 1;
    while (kept < n && (all[kept].p <= all[last].p || kept < least))
        kept++;
    return kept;
}

uint32_t generate_beam_width(const pln_generator_options *o)
{
    return o->n_stop > 1 ? 1 + o->n_stop : 2;
}

uint32_t generate_sift(const pln_generator_options *o, const float *scores, uint32_t vocabulary,
                       struct generate_choice *choices)
{
    const uint32_t least = o->beams > 1 ? generate_beam_width(o) : 1, k = o->top_k > least ? o->top_k : least;
    uint32_t n = list_choices(o->temperature, scores, vocabulary, choices);
    if (n && o->top_k && k < n)
        n = keep_from(kth_highest(choices, n, k), choices, n);
    if (n && o->top_p < 1)
        n = keep_top_p(o->top_p, least, choices, n);
    if (n && o->typical_p < 1)
        n = keep_typical(o->typical_p, least, choices, n);
    qsort(choices, n, sizeof *choices, by_id);
    generate_weigh(choices, n);
    return n;
}

/* ---- the draw */

double generate_draw(const struct generate_place *place)
{
    const uint32_t key[] = {(uint32_t)place->seed, (uint32_t)(place->seed >> 32)};
    const uint32_t counter[] = {place->step, place->rank, (uint32_t)place->number, (uint32_t)(place->number >> 32)};
    uint32_t words[4];
    philox(key, counter, words);
    const uint64_t bits = (uint64_t)words[0] << 32 | words[1];
    return (double)(bits >> 11) * 0x1p-53;
}

struct generate_choice *generate_pick(struct generate_choice *choices, uint32_t n, double u)
{
    struct generate_choice *found = NULL;
    double all = 0, sum = 0;
    for (uint32_t i = 0; i < n; i++)
        all += choices[i].p > 0 ? choices[i].p : 0;
    for (uint32_t i = 0; i < n && (!found || u * all >= sum); i++) {
        if (choices[i].p <= 0)
            continue;
        found = &choices[i];
        sum += found->p;
    }
    return found;
}
