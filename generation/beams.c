/* SPDX-License-Identifier: Apache-2.0
 *
 * Beam search, step by step as transformers has it: of all continuations of all beams the best are kept, or some are
 * drawn; those that end are weighed against whole sequences, the others go on. Numbers are f32 where the reference's are.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "generation/search.h"

#define NEVER 1e9f /* what is taken off a score that must not win */

struct continuation {
    float score;
    uint32_t beam;
    int32_t token;
    bool ends;
};

/* Higher scores first, then lower places. */
static bool goes_before(const struct continuation *a, const struct continuation *b)
{
    if (a->score != b->score)
        return a->score > b->score;
    return a->beam != b->beam ? a->beam < b->beam : a->token < b->token;
}

/* The best `most` of what was seen, sorted. */
static uint32_t insert(struct continuation *list, uint32_t n, uint32_t most, const struct continuation *new)
{
    if (n == most && !goes_before(new, &list[n - 1]))
        return n;
    uint32_t at = n < most ? n : most - 1;
    for (; at && goes_before(new, &list[at - 1]); at--)
        list[at] = list[at - 1];
    list[at] = *new;
    return n < most ? n + 1 : n;
}

/* Log probabilities of the next token of each beam, processed. Before they part, all beams have those of the first. */
static pln_status score_beams(const struct generate_search *s, const float *logits, pln_error *error)
{
    for (uint32_t i = 0; i < (s->parted ? s->n : 1); i++) {
        const struct generate_line *line = &s->lines[i];
        const struct generate_sequence sequence = {line->ids, line->n, line->n - s->prompt->n_ids};
        float *scores = s->scores + (size_t)i * s->vocabulary;
        memcpy(scores, logits + (size_t)i * s->vocabulary, s->vocabulary * sizeof *scores);
        if (!generate_log_softmax(scores, s->vocabulary))
            return pln_fail(error, PLN_FAILED, "prompt %u: the scores of its token %u are not finite", s->index,
                            line->n);
        generate_process(s->options, &sequence, scores, s->vocabulary);
    }
    return PLN_OK;
}

static uint32_t find_best(const struct generate_search *s, uint32_t most, struct continuation *list)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const float *scores = s->scores + (s->parted ? (size_t)i * s->vocabulary : 0), add = s->lines[i].score;
        for (uint32_t t = 0; t < s->vocabulary; t++) {
            const struct continuation c = {.score = scores[t] + add, .beam = i, .token = (int32_t)t};
            if (n < most || c.score > list[n - 1].score)
                n = insert(list, n, most, &c);
        }
    }
    return n;
}

/* What may follow any of the beams, with the probability that it is drawn first. */
static uint32_t list_choices(const struct generate_search *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const float *scores = s->scores + (s->parted ? (size_t)i * s->vocabulary : 0);
        const uint32_t more = generate_sift(s->options, scores, s->vocabulary, s->choices + n);
        for (uint32_t j = n; j < n + more; j++) {
            s->choices[j].beam = i;
            s->choices[j].score += s->lines[i].score;
        }
        n += more;
    }
    generate_weigh(s->choices, n);
    return n;
}

/* The best one of probability 0, as all are that have another are taken; p of those that are taken is below 0. */
static struct generate_choice *find_unlikely(struct generate_choice *choices, uint32_t n)
{
    struct generate_choice *best = NULL;
    for (uint32_t i = 0; i < n; i++)
        if (choices[i].p == 0 && (!best || choices[i].score > best->score))
            best = &choices[i];
    return best;
}

/* Draws `most` of them, none twice, in the order in which they are drawn. */
static pln_status draw_some(const struct generate_search *s, uint32_t most, struct continuation *list, pln_error *error)
{
    const uint32_t n = list_choices(s);
    struct generate_place place = {
        .seed = s->options->seed, .number = s->prompt->number, .step = s->lines[0].n - s->prompt->n_ids};
    if (n < most)
        return pln_fail(error, PLN_FAILED, "prompt %u: only %u tokens are left to draw for token %u of %u beams",
                        s->index, n, s->lines[0].n, s->n);
    for (; place.rank < most; place.rank++) {
        struct generate_choice *c = generate_pick(s->choices, n, generate_draw(&place));
        c = c ? c : find_unlikely(s->choices, n);
        list[place.rank] = (struct continuation){.score = c->score, .beam = c->beam, .token = c->id};
        c->p = -1;
    }
    return PLN_OK;
}

static void write_line(const struct generate_line *from, const struct continuation *c, float score,
                       struct generate_line *to)
{
    memcpy(to->ids, from->ids, from->n * sizeof *to->ids);
    to->ids[from->n] = c->token;
    to->n = from->n + 1;
    to->score = score;
    to->whole = to->stopped = false;
}

static bool all_whole(const struct generate_search *s)
{
    bool whole = true;
    for (uint32_t i = 0; i < s->n; i++)
        whole &= s->best[i].whole;
    return whole;
}

/* Of the first n continuations those that end, among the whole sequences so far. */
static void weigh_whole(struct generate_search *s, const struct continuation *list)
{
    const pln_generator_options *o = s->options;
    const uint32_t n_new = s->lines[0].n + 1 - s->prompt->n_ids;
    const float length = powf((float)n_new, o->length_penalty);
    const bool full = all_whole(s) && o->early_stopping;
    for (uint32_t i = 0; i < s->n; i++) {
        const float score = list[i].score / length;
        if (!list[i].ends || full || s->hopeless || score <= s->best[s->n - 1].score)
            continue;
        struct generate_line line = s->best[s->n - 1];
        uint32_t at = s->n - 1;
        for (; at && score > s->best[at - 1].score; at--)
            s->best[at] = s->best[at - 1];
        write_line(&s->lines[list[i].beam], &list[i], score, &line);
        line.whole = true;
        line.stopped = generate_stops(o, list[i].token);
        s->best[at] = line;
    }
}

/* Whether the first living beam could still beat a whole one. */
static bool may_improve(const struct generate_search *s)
{
    const uint32_t n_new = s->lines[0].n - s->prompt->n_ids;
    const float possible = s->lines[0].score / powf((float)n_new, s->options->length_penalty);
    float worst = s->best[0].score;
    for (uint32_t i = 1; i < s->n; i++)
        worst = s->best[i].score < worst ? s->best[i].score : worst;
    bool improves = false;
    for (uint32_t i = 0; i < s->n; i++)
        improves |= possible > (s->best[i].whole ? worst : -NEVER);
    return improves;
}

/* The best continuations that do not end are the next beams; they share the rows of their pasts. */
static pln_status go_on(struct generate_search *s, struct continuation *list, uint32_t n, pln_error *error)
{
    struct continuation *next = calloc(s->n, sizeof *next);
    uint32_t found = 0;
    pln_status status = next ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for %u beams", s->n);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++) {
        if (list[i].ends)
            list[i].score += -NEVER;
        uint32_t at = found < s->n ? found : s->n;
        if (at == s->n && list[i].score <= next[at - 1].score)
            continue;
        at = at < s->n ? at : s->n - 1;
        for (; at && list[i].score > next[at - 1].score; at--)
            next[at] = next[at - 1];
        next[at] = list[i];
        found += found < s->n;
    }
    for (uint32_t i = 0; status == PLN_OK && i < s->n; i++) {
        const struct generate_line *from = &s->lines[next[i].beam];
        const struct generate_line *past = s->parted ? from : &s->lines[0];
        write_line(from, &next[i], next[i].score, &s->next[i]);
        status = session_past_copy(s->cache, &past->past, &s->next[i].past, error);
    }
    free(next);
    struct generate_line *old = s->lines;
    s->lines = s->next;
    s->next = old;
    for (uint32_t i = 0; i < s->n; i++)
        session_past_drop(s->cache, &s->next[i].past);
    s->parted = true;
    return status;
}

pln_status generate_beams_take(struct generate_search *s, const float *logits, pln_error *error)
{
    const uint32_t most = generate_beam_width(s->options) * s->n; /* enough to go on if all of the best end */
    uint32_t n = 0;
    struct continuation *list = calloc(most, sizeof *list);
    pln_status status = list ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for %u beams", s->n);
    bool all_end = true;
    if (status == PLN_OK)
        status = score_beams(s, logits, error);
    if (status == PLN_OK && s->options->sample) {
        status = draw_some(s, most, list, error);
        n = most;
    } else if (status == PLN_OK) {
        n = find_best(s, most, list);
    }
    for (uint32_t i = 0; status == PLN_OK && i < n; i++) {
        list[i].ends = generate_stops(s->options, list[i].token) || s->lines[0].n + 1 == s->longest;
        all_end &= list[i].ends;
    }
    if (status == PLN_OK) {
        weigh_whole(s, list);
        status = go_on(s, list, n, error);
    }
    free(list);
    if (status != PLN_OK)
        return status;
    s->hopeless |= !may_improve(s);
    s->ended = s->hopeless || (all_whole(s) && s->options->early_stopping) || all_end;
    return PLN_OK;
}
