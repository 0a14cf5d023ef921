/* SPDX-License-Identifier: Apache-2.0
 *
 * A search: the most probable token of each step, or one that is drawn; several beams are beams.c's.
 */
#include "generation/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"

static struct generate_line *make_lines(const struct generate_search *s)
{
    struct generate_line *lines = calloc(s->n, sizeof *lines);
    bool fits = lines;
    for (uint32_t i = 0; fits && i < s->n; i++)
        fits = (lines[i].ids = malloc(s->longest * sizeof *lines[i].ids));
    if (fits || !lines)
        return lines;
    for (uint32_t i = 0; i < s->n; i++)
        free(lines[i].ids);
    free(lines);
    return NULL;
}

static void free_lines(struct generate_search *s, struct generate_line **lines)
{
    for (uint32_t i = 0; *lines && i < s->n; i++) {
        session_past_drop(s->cache, &(*lines)[i].past);
        free((*lines)[i].ids);
    }
    free(*lines);
    *lines = NULL;
}

pln_status generate_search_init(struct generate_search *s, pln_error *error)
{
    const bool beams = s->options->beams > 1;
    s->n = beams ? s->options->beams : s->options->n_best;
    s->lines = make_lines(s);
    if (beams) {
        s->best = make_lines(s);
        s->next = make_lines(s);
    }
    if (!s->lines || (beams && (!s->best || !s->next)))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u sequences", s->n);
    for (uint32_t i = 0; i < s->n; i++) {
        struct generate_line *line = &s->lines[i];
        memcpy(line->ids, s->prompt->ids, s->prompt->n_ids * sizeof *line->ids);
        line->n = s->prompt->n_ids;
        line->score = beams && i ? -1e9f : 0;
        if (beams)
            s->best[i].score = -1e9f;
    }
    return PLN_OK;
}

void generate_search_finish(struct generate_search *s)
{
    free_lines(s, &s->lines);
    free_lines(s, &s->best);
    free_lines(s, &s->next);
}

uint32_t generate_search_turns(struct generate_search *s, struct session_turn *turns)
{
    uint32_t n = 0;
    const uint32_t lines = s->parted ? s->n : 1;
    for (uint32_t i = 0; i < lines; i++) {
        struct generate_line *line = &s->lines[i];
        const uint32_t past = line->past.tokens.n;
        if (line->whole)
            continue;
        turns[n++] = (struct session_turn){.past = &line->past,
                                           .ids = line->ids + past,
                                           .n_ids = line->n - past,
                                           .source = past ? NULL : s->prompt->source,
                                           .source_mask = past ? NULL : s->prompt->source_mask};
    }
    return n;
}

bool generate_stops(const pln_generator_options *o, int32_t token)
{
    for (uint32_t i = 0; i < o->n_stop; i++)
        if (o->stop[i] == token)
            return true;
    return false;
}

static pln_status not_numbers(const struct generate_search *s, const struct generate_line *line, pln_error *error)
{
    return pln_fail(error, PLN_FAILED, "prompt %u: the scores of its token %u are not finite", s->index, line->n);
}

/* The token of a line by its logits. */
static pln_status choose(const struct generate_search *s, uint32_t rank, const float *logits, int32_t *token,
                         pln_error *error)
{
    const struct generate_line *line = &s->lines[rank];
    const struct generate_sequence sequence = {line->ids, line->n, line->n - s->prompt->n_ids};
    float *scores = s->scores;
    memcpy(scores, logits, s->vocabulary * sizeof *scores);
    for (uint32_t i = 0; i < s->vocabulary; i++)
        if (!isfinite(scores[i]))
            return not_numbers(s, line, error);
    generate_process(s->options, &sequence, scores, s->vocabulary);
    if (s->options->sample) {
        const struct generate_place place = {s->options->seed, s->prompt->number, rank, sequence.n_new};
        const uint32_t n = generate_sift(s->options, scores, s->vocabulary, s->choices);
        if (!n)
            return not_numbers(s, line, error);
        *token = generate_pick(s->choices, n, generate_draw(&place))->id;
        return PLN_OK;
    }
    uint32_t best = 0;
    for (uint32_t i = 1; i < s->vocabulary; i++)
        best = scores[i] > scores[best] ? i : best;
    *token = (int32_t)best;
    return PLN_OK;
}

static pln_status extend(struct generate_search *s, uint32_t rank, const float *logits, bool *enough, pln_error *error)
{
    struct generate_line *line = &s->lines[rank];
    int32_t token = 0;
    const pln_status status = choose(s, rank, logits, &token, error);
    if (status != PLN_OK)
        return status;
    line->ids[line->n++] = token;
    line->stopped = generate_stops(s->options, token);
    line->whole = line->stopped || line->n == s->longest;
    if (s->token && !*enough)
        *enough = !s->token(s->context, s->index, rank, token);
    return PLN_OK;
}

/* One line was run for all of them. */
static pln_status part(struct generate_search *s, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 1; status == PLN_OK && i < s->n; i++)
        status = session_past_copy(s->cache, &s->lines[0].past, &s->lines[i].past, error);
    return status;
}

static pln_status take_singly(struct generate_search *s, const float *logits, bool *enough, pln_error *error)
{
    pln_status status = s->parted ? PLN_OK : part(s, error);
    uint32_t turn = 0;
    s->ended = true;
    for (uint32_t i = 0; status == PLN_OK && i < s->n; i++) {
        if (s->lines[i].whole)
            continue;
        status = extend(s, i, logits + (size_t)turn * s->vocabulary, enough, error);
        turn += s->parted;
        s->ended &= s->lines[i].whole;
        if (s->lines[i].whole)
            session_past_drop(s->cache, &s->lines[i].past);
    }
    s->parted = true;
    return status;
}

const struct generate_line *generate_search_line(const struct generate_search *s, uint32_t rank)
{
    const bool found = s->best && s->best[rank].whole;
    return found ? &s->best[rank] : &s->lines[rank];
}

/* Of beams all tokens are settled at the end, the best sequence first. */
static void tell(struct generate_search *s, bool *enough)
{
    for (uint32_t rank = 0; s->token && rank < s->options->n_best; rank++) {
        const struct generate_line *line = generate_search_line(s, rank);
        for (uint32_t i = s->prompt->n_ids; !*enough && i < line->n; i++)
            *enough = !s->token(s->context, s->index, rank, line->ids[i]);
    }
}

pln_status generate_search_take(struct generate_search *s, const float *logits, bool *enough, pln_error *error)
{
    if (!s->best)
        return take_singly(s, logits, enough, error);
    const pln_status status = generate_beams_take(s, logits, error);
    if (status == PLN_OK && s->ended)
        tell(s, enough);
    return status;
}
