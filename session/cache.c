/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of a decoder that goes on: rows of states are given to the new tokens, the graph writes and reads them there.
 */
#include "session/cache.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/fail.h"
#include "common/mapped.h"
#include "scheduler/scheduler.h"

enum { LEAST_ROWS = 64 };

/* Rows of some states: how many pasts list each. */
struct places {
    uint32_t *uses;
    uint32_t rows, free, next; /* from `next` on the search begins */
};

struct session_cache {
    pln_session *session;
    pln_states *states;
    struct session_variant *variants;
    struct places tokens, source; /* source.rows 0: nobody looks at anything */
};

/* ---- rows */

/* Memory for as many rows, which are there when the states have them. */
static bool reserve_places(struct places *places, uint32_t rows)
{
    uint32_t *uses = realloc(places->uses, (rows + 1ul) * sizeof *uses);
    if (uses)
        places->uses = uses;
    return uses;
}

static void add_places(struct places *places, uint32_t rows)
{
    if (rows == places->rows)
        return;
    memset(places->uses + places->rows, 0, (rows - places->rows) * sizeof *places->uses);
    places->free += rows - places->rows;
    places->next = places->rows;
    places->rows = rows;
}

/* n free rows behind the list; there are as many. */
static pln_status take_rows(struct places *places, struct session_rows *list, uint32_t n, pln_error *error)
{
    uint32_t *rows = array_reserve(list->rows, &list->room, (size_t)list->n + n, sizeof *rows);
    if (!rows)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the past of a sequence");
    list->rows = rows;
    for (uint32_t i = 0; i < n; i++) {
        while (places->uses[places->next])
            places->next = places->next + 1 < places->rows ? places->next + 1 : 0;
        places->uses[places->next] = 1;
        list->rows[list->n++] = places->next;
    }
    places->free -= n;
    return PLN_OK;
}

/* The last n rows of the list. */
static void give_rows(struct places *places, struct session_rows *list, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        places->free += --places->uses[list->rows[--list->n]] == 0;
}

static pln_status copy_rows(struct places *places, const struct session_rows *from, struct session_rows *to,
                            pln_error *error)
{
    uint32_t *rows = array_reserve(to->rows, &to->room, from->n, sizeof *rows);
    if (!rows && from->n)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the past of a sequence");
    to->rows = rows;
    to->n = from->n;
    for (uint32_t i = 0; i < from->n; i++)
        places->uses[to->rows[i] = from->rows[i]]++;
    return PLN_OK;
}

pln_status session_past_copy(struct session_cache *cache, const struct session_past *from, struct session_past *to,
                             pln_error *error)
{
    pln_status status = copy_rows(&cache->tokens, &from->tokens, &to->tokens, error);
    if (status == PLN_OK)
        status = copy_rows(&cache->source, &from->source, &to->source, error);
    return status;
}

void session_past_drop(struct session_cache *cache, struct session_past *past)
{
    if (cache) {
        give_rows(&cache->tokens, &past->tokens, past->tokens.n);
        give_rows(&cache->source, &past->source, past->source.n);
    }
    free(past->tokens.rows);
    free(past->source.rows);
    *past = (struct session_past){0};
}

/* ---- the cache */

pln_status session_cache_create(pln_session *session, struct session_cache **cache, pln_error *error)
{
    *cache = NULL;
    if (!session->head->causal)
        return pln_fail(error, PLN_INVALID, "the head %s predicts no next token, expected causal-lm",
                        session->head->name);
    if (!session->config.is_decoder)
        return pln_fail(
            error, PLN_INVALID,
            "is_decoder is false in config.json: the model looks at later tokens, so it cannot go on from those "
            "it has seen");
    *cache = calloc(1, sizeof **cache);
    if (!*cache)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for what a decoder keeps");
    (*cache)->session = session;
    return PLN_OK;
}

void session_cache_destroy(struct session_cache **cache)
{
    struct session_cache *c = *cache;
    *cache = NULL;
    if (!c)
        return;
    session_variants_destroy(c->session, &c->variants);
    pln_states_destroy(&c->states);
    free(c->tokens.uses);
    free(c->source.uses);
    free(c);
}

static pln_status get_variant(struct session_cache *c, const pln_states *states, struct session_variant **list,
                              const uint32_t rows[2], bool source, struct session_variant **variant, pln_error *error)
{
    const struct electra_features features = {
        .head = c->session->head_number, .targets = true, .cache = rows[0], .cache_source = rows[1], .source = source};
    pln_schedule_options options = c->session->schedule;
    options.states = (pln_states *)(uintptr_t)states;
    return session_variant_get(c->session, list, &features, &options, variant, error);
}

static uint32_t enough(const struct places *places, uint32_t wanted)
{
    uint64_t rows = places->rows;
    if (wanted <= places->free)
        return places->rows;
    rows = rows ? rows : LEAST_ROWS;
    while (rows - (places->rows - places->free) < wanted)
        rows *= 2;
    return rows < GRAPH_MOST_SIDE ? (uint32_t)rows : 0;
}

/* Larger states take over what is kept; until they have it, the old ones stay as they are. */
static pln_status grow(struct session_cache *c, const uint32_t rows[2], pln_error *error)
{
    pln_states *states = NULL;
    struct session_variant *variants = NULL, *variant;
    if (!rows[0] || (!rows[1] && c->source.rows))
        return pln_fail(error, PLN_INVALID, "the sequences together are longer than a state can be");
    pln_status status = pln_states_create(c->session->devices, &states, error);
    if (status == PLN_OK)
        status = get_variant(c, states, &variants, rows, false, &variant, error);
    if (status == PLN_OK && c->states)
        status = sched_states_take_over(variant->schedule, c->states, error);
    if (status == PLN_OK && !(reserve_places(&c->tokens, rows[0]) && reserve_places(&c->source, rows[1])))
        status = pln_fail(error, PLN_NO_MEMORY, "no memory for %u rows of states", rows[0]);
    struct session_variant **old = status == PLN_OK ? &c->variants : &variants;
    session_variants_destroy(c->session, old);
    pln_states_destroy(status == PLN_OK ? &c->states : &states);
    if (status != PLN_OK)
        return status;
    add_places(&c->tokens, rows[0]);
    add_places(&c->source, rows[1]);
    c->variants = variants;
    c->states = states;
    return PLN_OK;
}

/* ---- a run */

static pln_status check_source(const struct session_cache *c, const struct session_turn *turn, pln_error *error)
{
    const struct electra_config *config = &c->session->config;
    const pln_tensor *t = turn->source;
    if (!config->add_cross_attention)
        return pln_fail(error, PLN_INVALID, "%s: the model has no cross-attention (add_cross_attention)", t->name);
    const uint64_t shape[] = {t->rank ? t->shape[0] : 0, config->hidden_size};
    pln_status status = session_want_shape(t, shape, 2, error);
    if (status == PLN_OK)
        status = session_want_floats(t, error);
    if (status == PLN_OK)
        status = session_want_shape(turn->source_mask, shape, 1, error);
    if (status == PLN_OK && (shape[0] > INT32_MAX || !session_turn_sources(turn)))
        return pln_fail(error, PLN_INVALID, "%s: the mask lets nobody look at a token of it", t->name);
    return status;
}

static pln_status check_turn(const struct session_cache *c, const struct session_turn *turn, pln_error *error)
{
    const struct electra_config *config = &c->session->config;
    const uint32_t past = turn->past->tokens.n, most = config->max_position_embeddings;
    if (!turn->n_ids)
        return pln_fail(error, PLN_INVALID, "a sequence of no tokens");
    if (past > most || turn->n_ids > most - past)
        return pln_fail(error, PLN_INVALID, "a sequence of %llu tokens, the model takes at most %u",
                        (unsigned long long)past + turn->n_ids, most);
    for (uint32_t i = 0; i < turn->n_ids; i++)
        if (turn->ids[i] < 0 || (uint32_t)turn->ids[i] >= config->vocab_size)
            return pln_fail(error, PLN_INVALID, "token %d at place %u is none of the %u of the vocabulary",
                            turn->ids[i], past + i, config->vocab_size);
    return turn->source ? check_source(c, turn, error) : PLN_OK;
}

/* What all turns together need. */
struct need {
    uint32_t tokens, length, sources;
    uint32_t looking; /* turns that look at a source */
};

static pln_status check_turns(const struct session_cache *c, const struct session_turn *turns, uint32_t n,
                              struct need *need, pln_error *error)
{
    uint64_t tokens = 0, sources = 0;
    for (uint32_t i = 0; i < n; i++) {
        const pln_status status = check_turn(c, &turns[i], error);
        if (status != PLN_OK)
            return status;
        tokens += turns[i].n_ids;
        sources += session_turn_sources(&turns[i]);
        need->length = turns[i].n_ids > need->length ? turns[i].n_ids : need->length;
        need->looking += turns[i].source || turns[i].past->source.n;
    }
    if (tokens > GRAPH_MOST_SIDE / 2 || sources > GRAPH_MOST_SIDE / 2)
        return pln_fail(error, PLN_INVALID, "%llu tokens are more than a batch can have", (unsigned long long)tokens);
    need->tokens = (uint32_t)tokens;
    need->sources = (uint32_t)sources;
    if (need->looking && need->looking != n)
        return pln_fail(error, PLN_INVALID, "some sequences have a source and others have none");
    return PLN_OK;
}

static pln_status take_turns(struct session_cache *c, const struct session_turn *turns, uint32_t n, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < n; i++) {
        const uint32_t sources = session_turn_sources(&turns[i]);
        status = take_rows(&c->tokens, &turns[i].past->tokens, turns[i].n_ids, error);
        if (status == PLN_OK && sources)
            status = take_rows(&c->source, &turns[i].past->source, sources, error);
    }
    return status;
}

/* Pasts as long as they were. */
static void undo_turns(struct session_cache *c, const struct session_turn *turns, uint32_t n, const uint32_t *before)
{
    for (uint32_t i = 0; i < n; i++) {
        struct session_past *past = turns[i].past;
        give_rows(&c->tokens, &past->tokens, past->tokens.n - before[2 * i]);
        give_rows(&c->source, &past->source, past->source.n - before[2 * i + 1]);
    }
}

/* Turns as tensors [n, length], so that what packs any other batch packs them. */
struct whole {
    pln_tensor ids, positions;
    uint32_t *targets;
    struct session_request request;
    struct session_batch batch;
};

static pln_status lay_out(struct session_cache *c, const struct session_turn *turns, uint32_t n,
                          const struct need *need, struct whole *w, pln_error *error)
{
    struct pool *pool = &c->session->pool;
    const size_t all = (size_t)n * need->length;
    int32_t *ids = pool_take(pool, all * sizeof *ids), *positions = pool_take(pool, all * sizeof *positions);
    struct session_batch *b = &w->batch;
    w->targets = pool_take(pool, n * sizeof *w->targets);
    b->lengths = pool_take(pool, n * sizeof *b->lengths);
    b->starts = pool_take(pool, (n + 1) * sizeof *b->starts);
    if (!ids || !positions || !w->targets || !b->lengths || !b->starts)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a batch of %u sequences", n);
    memset(ids, 0, all * sizeof *ids);
    memset(positions, 0, all * sizeof *positions);
    b->starts[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t past = turns[i].past->tokens.n - turns[i].n_ids;
        b->lengths[i] = turns[i].n_ids;
        b->starts[i + 1] = b->starts[i] + (int32_t)turns[i].n_ids;
        w->targets[i] = i * need->length + turns[i].n_ids - 1;
        memcpy(ids + (size_t)i * need->length, turns[i].ids, turns[i].n_ids * sizeof *ids);
        for (uint32_t j = 0; j < turns[i].n_ids; j++)
            positions[(size_t)i * need->length + j] = (int32_t)(past + j);
    }
    b->tokens = need->tokens;
    b->turns = turns;
    w->ids = (pln_tensor){.name = "input_ids", .dtype = PLN_I32, .rank = 2, .shape = {n, need->length}, .data = ids};
    w->positions = w->ids;
    w->positions.data = positions;
    w->request = (struct session_request){.semantics = c->session->config.semantics,
                                          .input_ids = &w->ids,
                                          .position_ids = &w->positions,
                                          .examples = n,
                                          .rows = n,
                                          .length = need->length,
                                          .source_length = need->sources,
                                          .targets = w->targets,
                                          .n_targets = n};
    return PLN_OK;
}

static const float *logits_of(const struct electra_graph *graph, const struct session_batch *batch)
{
    for (uint32_t i = 0; i < graph->graph->n_outputs; i++)
        if (graph->outputs[i] == ELECTRA_LOGITS)
            return batch->outputs[i];
    return NULL;
}

static pln_status run(struct session_cache *c, const struct session_turn *turns, uint32_t n, const struct need *need,
                      const float **logits, pln_error *error)
{
    pln_session *s = c->session;
    struct whole w = {0};
    struct session_variant *variant = NULL;
    pln_status status = lay_out(c, turns, n, need, &w, error);
    if (status == PLN_OK)
        status =
            get_variant(c, c->states, &c->variants, (uint32_t[]){c->tokens.rows, need->looking ? c->source.rows : 0},
                        need->sources, &variant, error);
    if (status == PLN_OK)
        status = session_batch_pack(s, &w.request, &variant->graph, &w.batch, error);
    if (status == PLN_OK)
        status = sched_run(variant->schedule, w.batch.dims, variant->graph.graph->n_symbols,
                           &(struct sched_bound){w.batch.inputs, w.batch.outputs}, error);
    if (status == PLN_OK)
        status = ckpt_check(s->model->checkpoint, error);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++)
        if (turns[i].source && !mapped_is_whole(turns[i].source->data))
            status =
                pln_fail(error, PLN_INVALID, "%s: its file became shorter while it was in use", turns[i].source->name);
    if (status == PLN_OK)
        *logits = logits_of(&variant->graph, &w.batch);
    return status;
}

pln_status session_cache_run(struct session_cache *cache, const struct session_turn *turns, uint32_t n,
                             const float **logits, pln_error *error)
{
    struct need need = {0};
    pool_reset(&cache->session->pool);
    pln_status status = check_turns(cache, turns, n, &need, error);
    if (status != PLN_OK)
        return status;
    const uint32_t rows[] = {enough(&cache->tokens, need.tokens),
                             need.looking ? enough(&cache->source, need.sources) : cache->source.rows};
    if (rows[0] != cache->tokens.rows || rows[1] != cache->source.rows)
        status = grow(cache, rows, error);
    if (status != PLN_OK)
        return status;
    uint32_t *before = pool_take(&cache->session->pool, 2 * (size_t)n * sizeof *before);
    if (!before)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a batch of %u sequences", n);
    for (uint32_t i = 0; i < n; i++) {
        before[2 * i] = turns[i].past->tokens.n;
        before[2 * i + 1] = turns[i].past->source.n;
    }
    status = take_turns(cache, turns, n, error);
    if (status == PLN_OK)
        status = run(cache, turns, n, &need, logits, error);
    if (status != PLN_OK)
        undo_turns(cache, turns, n, before);
    return status;
}
