/* SPDX-License-Identifier: Apache-2.0
 *
 * Prompts in, tokens out: some searches at a time share the runs of one cache, and the next begins when one has ended.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/door.h"
#include "generation/generator.h"
#include "generation/search.h"
#include "generation/stops.h"

enum { BATCH = 8, MOST_LINES = 1024, MOST_BATCH = 4096, MOST_LOSSES = 3 /* of a run */ };

struct pln_generator {
    pln_session *session;
    struct session_cache *cache;
    pln_generator_options options;
    int32_t *stop; /* the options' own copy */
    uint32_t vocabulary, positions;
    struct generate_choice *choices; /* of all searches, which take turns */
    float *scores;
    pln_generated *results; /* [n_results] */
    uint32_t n_results;
};

static const pln_generator_options defaults = PLN_GENERATOR_DEFAULTS;

pln_status pln_generator_defaults(pln_generator_options *options, pln_error *error)
{
    NEED(error, options);
    ROOM(error, pln_generator_options, options);
    door_give(options, &defaults, sizeof defaults);
    return PLN_OK;
}

/* ---- options */

static pln_status check_counts(const pln_generator_options *o, pln_error *error)
{
    if (!o->max_new_tokens || o->min_new_tokens > o->max_new_tokens)
        return pln_fail(error, PLN_INVALID,
                        "max_new_tokens is %u and min_new_tokens %u: expected at least 1, and no more",
                        o->max_new_tokens, o->min_new_tokens);
    if (!o->beams || o->beams > MOST_LINES || !o->n_best || o->n_best > MOST_LINES)
        return pln_fail(error, PLN_INVALID, "beams is %u and n_best %u: expected 1 to %d", o->beams, o->n_best,
                        MOST_LINES);
    if (o->n_best > o->beams && (o->beams > 1 || !o->sample))
        return pln_fail(
            error, PLN_INVALID,
            "n_best is %u: there are as many sequences as beams (%u), or of one beam they are drawn (sample)",
            o->n_best, o->beams);
    if (o->batch > MOST_BATCH)
        return pln_fail(error, PLN_INVALID, "batch is %u: expected at most %d", o->batch, MOST_BATCH);
    return PLN_OK;
}

static pln_status check_numbers(const pln_generator_options *o, pln_error *error)
{
    const struct {
        const char *name;
        float value, most; /* above 0 up to there; 0: any that is finite */
    } numbers[] = {{"temperature", o->temperature, 0},
                   {"repetition_penalty", o->repetition_penalty, 0},
                   {"top_p", o->top_p, 1},
                   {"typical_p", o->typical_p, 1}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (!(numbers[i].value > 0) || !isfinite(numbers[i].value))
            return pln_fail(error, PLN_INVALID, "%s is %g, expected more than 0", numbers[i].name,
                            (double)numbers[i].value);
        if (numbers[i].most > 0 && numbers[i].value > numbers[i].most)
            return pln_fail(error, PLN_INVALID, "%s is %g, expected at most %g", numbers[i].name,
                            (double)numbers[i].value, (double)numbers[i].most);
    }
    return isfinite(o->length_penalty)
               ? PLN_OK
               : pln_fail(error, PLN_INVALID, "length_penalty is %g", (double)o->length_penalty);
}

static pln_status check_stop(const pln_generator_options *o, uint32_t vocabulary, pln_error *error)
{
    NEED_LIST(error, o->stop, o->n_stop);
    if (o->n_stop >= vocabulary)
        return pln_fail(error, PLN_INVALID, "%u tokens of stop: the vocabulary has %u", o->n_stop, vocabulary);
    for (uint32_t i = 0; i < o->n_stop; i++)
        if (o->stop[i] < 0 || (uint32_t)o->stop[i] >= vocabulary)
            return pln_fail(error, PLN_INVALID, "token %d of stop is none of the %u of the vocabulary", o->stop[i],
                            vocabulary);
    return PLN_OK;
}

/* ---- the object */

static pln_status allocate(pln_generator *g, pln_error *error)
{
    const pln_generator_options *o = &g->options;
    const size_t lines = o->beams, all = g->vocabulary;
    const bool own = o->stop != NULL; /* else the model's */
    pln_status status = PLN_OK;
    if (own)
        g->stop = malloc((o->n_stop + 1ul) * sizeof *g->stop);
    else
        status = generate_stops_of(g->session->model, &g->stop, &g->options.n_stop, error);
    if (status != PLN_OK)
        return status;
    g->choices = o->sample ? malloc(lines * all * sizeof *g->choices) : NULL;
    g->scores = malloc(lines * all * sizeof *g->scores);
    if (!g->stop || (o->sample && !g->choices) || !g->scores)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a generator of %u beams", o->beams);
    if (own && o->n_stop)
        memcpy(g->stop, o->stop, o->n_stop * sizeof *g->stop);
    g->options.stop = g->stop;
    return PLN_OK;
}

pln_status pln_generator_create(pln_session *session, const pln_generator_options *options, pln_generator **generator,
                                pln_error *error)
{
    pln_generator_options o = PLN_GENERATOR_DEFAULTS;
    NEED(error, generator);
    *generator = NULL;
    NEED(error, session);
    TAKE(error, pln_generator_options, o, options);
    const struct electra_config *config = &session->model->config;
    pln_status status = check_counts(&o, error);
    if (status == PLN_OK)
        status = check_numbers(&o, error);
    if (status == PLN_OK)
        status = check_stop(&o, config->vocab_size, error);
    if (status != PLN_OK)
        return status;
    pln_generator *g = calloc(1, sizeof *g);
    if (!g)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a generator");
    *g = (pln_generator){.session = session,
                         .options = o,
                         .vocabulary = config->vocab_size,
                         .positions = config->max_position_embeddings};
    status = allocate(g, error);
    if (status == PLN_OK)
        status = session_cache_create(session, &g->cache, error);
    if (status != PLN_OK)
        pln_generator_destroy(&g);
    *generator = g;
    return status;
}

static void drop_results(pln_generator *g)
{
    for (uint32_t i = 0; i < g->n_results; i++)
        free((void *)(uintptr_t)g->results[i].ids);
    free(g->results);
    g->results = NULL;
    g->n_results = 0;
}

void pln_generator_destroy(pln_generator **generator)
{
    pln_generator *g = generator ? *generator : NULL;
    if (!g)
        return;
    *generator = NULL;
    session_cache_destroy(&g->cache);
    drop_results(g);
    free(g->stop);
    free(g->choices);
    free(g->scores);
    free(g);
}

/* ---- a run */

struct run {
    pln_generator *generator;
    const pln_prompt *prompts;
    uint32_t n_prompts, next; /* prompts that were begun */
    struct generate_search *searches;
    uint32_t n, most; /* under way */
    struct session_turn *turns;
    uint32_t *counts; /* turns of each search */
    pln_token_fn *token;
    void *context;
    bool enough;
    uint64_t told, settled; /* tokens that the caller knows; that were settled since the run began, or began again */
};

/* What was told before a device was lost is not told once more. */
static bool tell(void *context, uint32_t prompt, uint32_t rank, int32_t token)
{
    struct run *r = context;
    if (r->settled++ < r->told)
        return true;
    r->told++;
    return r->token(r->context, prompt, rank, token);
}

static pln_status check_prompt(const pln_generator *g, const pln_prompt *prompt, uint32_t i, pln_error *error)
{
    if (!prompt->ids || !prompt->n_ids)
        return pln_fail(error, PLN_INVALID, "prompt %u has no token", i);
    if (prompt->n_ids >= g->positions)
        return pln_fail(error, PLN_INVALID,
                        "prompt %u has %u tokens: of the %u positions of the model none is left for a new one", i,
                        prompt->n_ids, g->positions);
    for (uint32_t j = 0; j < prompt->n_ids; j++)
        if (prompt->ids[j] < 0 || (uint32_t)prompt->ids[j] >= g->vocabulary)
            return pln_fail(error, PLN_INVALID, "prompt %u: token %d at place %u is none of the %u of the vocabulary",
                            i, prompt->ids[j], j, g->vocabulary);
    pln_status status = prompt->source ? door_tensors("pln_generator_run", prompt->source, 1, error) : PLN_OK;
    if (status == PLN_OK && prompt->source_mask)
        status = door_tensors("pln_generator_run", prompt->source_mask, 1, error);
    return status;
}

static pln_status check_prompts(const struct run *r, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < r->n_prompts; i++) {
        status = check_prompt(r->generator, &r->prompts[i], i, error);
        if (status == PLN_OK && !r->prompts[i].source != !r->prompts[0].source)
            status = pln_fail(error, PLN_INVALID, "prompt %u: some prompts have a source and others have none", i);
    }
    return status;
}

static pln_status begin_search(struct run *r, pln_error *error)
{
    pln_generator *g = r->generator;
    const pln_prompt *prompt = &r->prompts[r->next];
    const uint32_t left = g->positions - prompt->n_ids, wanted = g->options.max_new_tokens;
    struct generate_search *s = &r->searches[r->n++];
    *s = (struct generate_search){.options = &g->options,
                                  .cache = g->cache,
                                  .prompt = prompt,
                                  .vocabulary = g->vocabulary,
                                  .longest = prompt->n_ids + (wanted < left ? wanted : left),
                                  .choices = g->choices,
                                  .scores = g->scores,
                                  .token = r->token ? tell : NULL,
                                  .context = r,
                                  .index = r->next++};
    return generate_search_init(s, error);
}

static pln_status keep_results(pln_generator *g, const struct generate_search *s, pln_error *error)
{
    for (uint32_t rank = 0; rank < g->options.n_best; rank++) {
        const struct generate_line *line = generate_search_line(s, rank);
        const uint32_t n = line->n - s->prompt->n_ids;
        int32_t *ids = malloc((n + 1ul) * sizeof *ids);
        if (!ids)
            return pln_fail(error, PLN_NO_MEMORY, "no memory for %u tokens", n);
        memcpy(ids, line->ids + s->prompt->n_ids, n * sizeof *ids);
        g->results[s->index * g->options.n_best + rank] =
            (pln_generated){.ids = ids, .n_ids = n, .stopped = line->stopped, .score = s->best ? line->score : 0};
    }
    return PLN_OK;
}

static pln_status run_step(struct run *r, pln_error *error)
{
    const uint32_t vocabulary = r->generator->vocabulary;
    const float *logits = NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n; i++)
        n += r->counts[i] = generate_search_turns(&r->searches[i], r->turns + n);
    pln_status status = session_cache_run(r->generator->cache, r->turns, n, &logits, error);
    for (uint32_t i = 0; status == PLN_OK && i < r->n; i++) {
        status = generate_search_take(&r->searches[i], logits, &r->enough, error);
        logits += (size_t)r->counts[i] * vocabulary;
    }
    return status;
}

/* Searches that have ended, or all when there was enough, make room. */
static pln_status end_searches(struct run *r, pln_error *error)
{
    pln_status status = PLN_OK;
    uint32_t left = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        if (!r->searches[i].ended && !r->enough) {
            r->searches[left++] = r->searches[i];
            continue;
        }
        if (status == PLN_OK)
            status = keep_results(r->generator, &r->searches[i], error);
        generate_search_finish(&r->searches[i]);
    }
    r->n = left;
    return status;
}

static pln_status run_all(struct run *r, pln_error *error)
{
    pln_status status = PLN_OK;
    while (status == PLN_OK && !r->enough && (r->n || r->next < r->n_prompts)) {
        while (status == PLN_OK && r->n < r->most && r->next < r->n_prompts)
            status = begin_search(r, error);
        if (status == PLN_OK)
            status = run_step(r, error);
        if (status == PLN_OK)
            status = end_searches(r, error);
    }
    for (uint32_t i = 0; i < r->n; i++)
        generate_search_finish(&r->searches[i]);
    return status;
}

static pln_status run(pln_generator *g, struct run *r, pln_error *error)
{
    const uint32_t batch = g->options.batch ? g->options.batch : BATCH, each = g->options.n_best;
    const uint32_t lines = g->options.beams > each ? g->options.beams : each;
    const uint64_t n_results = (uint64_t)r->n_prompts * each;
    r->most = batch < r->n_prompts ? batch : r->n_prompts;
    drop_results(g);
    if (n_results > INT32_MAX)
        return pln_fail(error, PLN_INVALID, "%u prompts are too many at once", r->n_prompts);
    g->results = calloc(n_results + 1, sizeof *g->results);
    r->searches = calloc(r->most + 1ul, sizeof *r->searches);
    r->counts = calloc(r->most + 1ul, sizeof *r->counts);
    r->turns = calloc((size_t)r->most * lines + 1, sizeof *r->turns);
    pln_status status = PLN_OK;
    if (!g->results || !r->searches || !r->counts || !r->turns)
        status = pln_fail(error, PLN_NO_MEMORY, "no memory for %u prompts", r->n_prompts);
    g->n_results = g->results ? (uint32_t)n_results : 0;
    if (status == PLN_OK)
        status = run_all(r, error);
    free(r->searches);
    free(r->counts);
    free(r->turns);
    if (status != PLN_OK)
        drop_results(g);
    return status;
}

/* What was kept of tokens is lost with a device: it is made again from their numbers. */
static pln_status forget(pln_generator *g, pln_error *error)
{
    session_cache_destroy(&g->cache);
    return session_cache_create(g->session, &g->cache, error);
}

pln_status generate_run(pln_generator *generator, const pln_prompt *prompts, uint32_t n_prompts, pln_token_fn *token,
                        void *context, pln_error *error)
{
    struct run r = {
        .generator = generator, .prompts = prompts, .n_prompts = n_prompts, .token = token, .context = context};
    const bool goes_on = generator->session->schedule.on_loss != PLN_ON_LOSS_FAIL;
    pln_status status = check_prompts(&r, error);
    if (status == PLN_OK)
        status = run(generator, &r, error);
    for (uint32_t i = 0; status == PLN_DEVICE_LOST && goes_on && i < MOST_LOSSES; i++) {
        status = forget(generator, error);
        r.next = r.n = 0;
        r.settled = 0;
        if (status == PLN_OK)
            status = run(generator, &r, error);
    }
    return status;
}

pln_status pln_generator_run(pln_generator *generator, const pln_prompt *prompts, uint32_t n_prompts,
                             pln_token_fn *token, void *context, pln_error *error)
{
    NEED(error, generator);
    NEED_LIST(error, prompts, n_prompts);
    pln_status status = session_begin(generator->session, error);
    if (status != PLN_OK)
        return status;
    status = generate_run(generator, prompts, n_prompts, token, context, error);
    session_end(generator->session);
    return status;
}

const pln_generated *pln_generator_result(const pln_generator *generator, uint32_t prompt, uint32_t rank)
{
    if (!generator || rank >= generator->options.n_best ||
        (uint64_t)prompt * generator->options.n_best + rank >= generator->n_results)
        return NULL;
    const pln_generated *result = &generator->results[prompt * generator->options.n_best + rank];
    return result->ids ? result : NULL;
}
