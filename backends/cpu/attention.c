/* SPDX-License-Identifier: Apache-2.0
 *
 * attention: softmax of scaled dot products over packed sequences. A piece of work is a head of a sequence, or some of
 * its queries: keys and values go into panels, then tiles of queries are scored, normalised and mixed in cache. Both
 * products are the micro-kernel's; what lies between them is f32 at every level. Few queries do without panels.
 */
#include "backends/cpu/attention_halves.h"
#include "backends/cpu/dropout.h"
#include "backends/cpu/gemm.h"

/* What attention holds beside the span. */
struct forward {
    const struct cpu_call *call;
    const struct cpu_micro_kernel *kernel;
    uint32_t *shape;        /* of its tiles */
    struct span span, next; /* the head, and the one that this member takes then: no sources if it is the last */
    struct dropout dropout;
    bool plain; /* nothing but the product and the scale makes a score */
    step *keys, *values, *queries, *probabilities;
    float *scores, *mixed, *factors, *listed;
    size_t mixed_stride; /* whole vectors */
};

/* ---- products */

/* The head's columns of keys or values; those of a list are brought together first. */
static struct cpu_rows rows_of_head(const struct forward *f, const struct cpu_operand *operand)
{
    const struct span *s = &f->span;
    const uint32_t n = s->params->head_size;
    if (!s->key_rows)
        return (struct cpu_rows){head_row(s, operand, s->source), operand->stride};
    for (uint32_t j = 0; j < s->sources; j++)
        memcpy(f->listed + (size_t)j * n, head_row(s, operand, row_of_key(s, j)), n * sizeof(float));
    return (struct cpu_rows){f->listed, n};
}

static void pack_keys(const struct forward *f)
{
    const struct span *s = &f->span;
    const struct cpu_operand *key = input(s, PLN_ATTENTION_INPUT_KEY);
    if (key->halves) {
        pack_halves_rows(halves_of_head(s, key, s->source), s->sources, s->params->head_size, f->keys);
        return;
    }
    const struct cpu_rows rows = rows_of_head(f, key);
    const struct cpu_matrix keys = {rows.data, rows.stride, 1};
    pack_panels(f->kernel, &keys, s->sources, s->params->head_size, f->keys);
}

static void pack_values(const struct forward *f)
{
    const struct span *s = &f->span;
    const struct cpu_operand *value = input(s, PLN_ATTENTION_INPUT_VALUE);
    if (value->halves) {
        pack_halves_columns(halves_of_head(s, value, s->source), s->params->head_size, s->sources, f->values);
        return;
    }
    const struct cpu_rows rows = rows_of_head(f, value);
    const struct cpu_matrix values = {rows.data, 1, rows.stride};
    pack_panels(f->kernel, &values, s->params->head_size, s->sources, f->values);
}

static void pack_queries(const struct forward *f, uint32_t first, uint32_t rows)
{
    const struct span *s = &f->span;
    const struct cpu_operand *query = input(s, PLN_ATTENTION_INPUT_QUERY);
    if (query->halves) {
        pack_halves_x(halves_of_head(s, query, s->query + first), rows, s->params->head_size, f->queries);
        return;
    }
    const struct cpu_matrix queries = {head_row(s, query, s->query + first), query->stride, 1};
    f->kernel->pack_x(f->kernel, &queries, rows, s->params->head_size, f->queries);
}

/* ---- softmax */

/* Of the rows of a tile: the largest score, and the sum of exp(score - most). */
struct softmax {
    float scale; /* of scores */
    float most[CPU_ATTENTION_ROWS + VEC_LANES], sum[CPU_ATTENTION_ROWS + VEC_LANES];
};

/* Past the last key scores become -infinity. */
static vec top_of_row(float *row, uint32_t n)
{
    vec top = vec_all(-INFINITY);
    for (uint32_t j = n; j < round_up(n, VEC_LANES); j++)
        row[j] = -INFINITY;
    for (uint32_t j = 0; j < n; j += VEC_LANES)
        top = vec_larger(vec_load(row + j), top);
    return top;
}

static void find_tops(const struct forward *f, uint32_t rows, struct softmax *softmax)
{
    for (uint32_t first = 0; first < rows; first += VEC_LANES) {
        vec tops[VEC_LANES] = {{0}};
        for (uint32_t i = 0; i < VEC_LANES && first + i < rows; i++)
            tops[i] = top_of_row(f->scores + (first + i) * f->span.score_stride, f->span.sources);
        vec_store(softmax->most + first, vec_tops(tops) * softmax->scale);
    }
}

/* Leaves the exponentials, without those that are dropped, as packed row i of a tile; gives their sum, dropped ones
 * too. */
static inline vec exponentiate_row(const struct forward *f, uint32_t i, uint32_t rows, const struct softmax *softmax,
                                   const float *factors)
{
    enum { CHUNK = CPU_CHUNK * X_DEPTH };
    const float *row = f->scores + i * f->span.score_stride, scale = softmax->scale, most = softmax->most[i];
    vec sum = {0};
    for (uint32_t first = 0; first < f->span.sources; first += CHUNK) {
        const uint32_t n = f->span.sources - first < CHUNK ? f->span.sources - first : CHUNK;
        step *to = f->probabilities + ((size_t)first / CHUNK * rows + i) * CPU_CHUNK;
        for (uint32_t j = 0; j < n; j += VEC_LANES) {
            const vec e = vec_exp_below(vec_load(row + first + j), scale, most);
            sum += e;
            store_elements(to, j, factors ? e * vec_load(factors + first + j) : e);
        }
        for (uint32_t j = round_up32(n, VEC_LANES); j % X_PADDING; j += VEC_LANES)
            store_elements(to, j, (vec){0});
    }
    return sum;
}

static const float *factors_of_row(const struct forward *f, uint32_t query)
{
    return dropout_of_query(&f->dropout, f->span.query + query, f->span.head, query, f->span.sources, f->factors);
}

/* The softmax of a tile's scores, packed and not yet divided by its sums. A row of -infinity becomes NaN. By itself: so
 * its constants have registers. */
static __attribute__((noinline)) void exponentiate_tile(const struct forward *f, uint32_t query, uint32_t rows,
                                                        struct softmax *softmax)
{
    find_tops(f, rows, softmax);
    for (uint32_t first = 0; first < rows; first += VEC_LANES) {
        vec sums[VEC_LANES] = {{0}};
        for (uint32_t i = 0; i < VEC_LANES && first + i < rows; i++)
            sums[i] = exponentiate_row(f, first + i, rows, softmax, factors_of_row(f, query + first + i));
        vec_store(softmax->sum + first, vec_sums(sums));
    }
}

static void write_probabilities(const struct forward *f, uint32_t query, uint32_t i, const struct softmax *softmax)
{
    const struct cpu_operand *probabilities = &f->call->out[PLN_ATTENTION_OUTPUT_PROBABILITIES];
    const struct span *s = &f->span;
    const float *row = f->scores + i * s->score_stride, *factors = factors_of_row(f, query);
    float *to = pair_row(s, probabilities, s->params->heads, s->head, query);
    for (uint32_t j = 0; j < s->sources; j += VEC_LANES) {
        vec p = vec_exp_below(vec_load(row + j), softmax->scale, softmax->most[i]) * (head_factor(s) / softmax->sum[i]);
        if (factors)
            p *= vec_load(factors + j);
        for (uint32_t lane = 0; lane < VEC_LANES && j + lane < s->sources; lane++)
            to[(size_t)(j + lane) * probabilities->stride] = p[lane];
    }
}

/* ---- tiles of queries */

/* Packed exponentials of queries first .. first+rows-1. */
static void score_tile(const struct forward *f, uint32_t first, uint32_t rows, struct softmax *softmax)
{
    const struct span *s = &f->span;
    const struct cpu_operand *lse = &f->call->out[PLN_ATTENTION_OUTPUT_LSE];
    pack_queries(f, first, rows);
    multiply_panels(&(struct packed_product){.kernel = f->kernel,
                                             .shape = f->shape,
                                             .x = f->queries,
                                             .panels = f->keys,
                                             .rows = rows,
                                             .n = s->sources,
                                             .depth = s->params->head_size,
                                             .out = f->scores,
                                             .out_stride = s->score_stride});
    for (uint32_t i = 0; !f->plain && i < rows; i++)
        finish_scores(s, first + i, f->scores + i * s->score_stride);
    softmax->scale = f->plain ? s->params->scale : 1;
    exponentiate_tile(f, first, rows, softmax);
    for (uint32_t i = 0; lse->data && i < rows; i++)
        cpu_vector(lse, s->query + first + i)[s->head] = softmax->most[i] + logf(softmax->sum[i]);
    for (uint32_t i = 0; f->call->out[PLN_ATTENTION_OUTPUT_PROBABILITIES].data && i < rows; i++)
        write_probabilities(f, first + i, i, softmax);
}

static void mix_tile(const struct forward *f, uint32_t first, uint32_t rows, const struct softmax *softmax)
{
    const struct span *s = &f->span;
    const uint32_t n = s->params->head_size;
    const struct cpu_operand *out = &f->call->out[PLN_ATTENTION_OUTPUT_Y];
    multiply_panels(&(struct packed_product){.kernel = f->kernel,
                                             .shape = f->shape,
                                             .x = f->probabilities,
                                             .panels = f->values,
                                             .rows = rows,
                                             .n = n,
                                             .depth = s->sources,
                                             .out = f->mixed,
                                             .out_stride = f->mixed_stride,
                                             .met = {head_row(s, out, s->query + first), out->stride}});
    for (uint32_t i = 0; i < rows; i++) {
        const float *mixed = f->mixed + i * f->mixed_stride, factor = head_factor(s) / softmax->sum[i];
        float *y = head_row(s, out, s->query + first + i);
        for (uint32_t c = 0; c < n; c += VEC_LANES)
            vec_store_some(y + c, vec_load(mixed + c) * factor, n - c);
    }
}

static void fetch_row(const struct span *s, const struct cpu_operand *operand, uint32_t row)
{
    enum { LINE = 16 };
    const float *first =
        operand->halves ? (const void *)halves_of_head(s, operand, row).data : head_row(s, operand, row);
    const uint32_t floats = operand->halves ? s->params->head_size / 2 : s->params->head_size;
    for (uint32_t c = 0; c < floats; c += LINE)
        __builtin_prefetch(first + c, 0, 2);
}

/* A part of the next head: its rows lie far apart, where the processor does not foresee them. */
static void fetch_next(const struct forward *f, uint32_t part, uint32_t parts)
{
    const struct span *s = &f->next;
    const struct cpu_share queries = cpu_share(s->queries, part, parts), sources = cpu_share(s->sources, part, parts);
    for (uint32_t i = queries.first; i < queries.last; i++)
        fetch_row(s, input(s, PLN_ATTENTION_INPUT_QUERY), s->query + i);
    for (uint32_t j = sources.first; j < sources.last; j++)
        fetch_row(s, input(s, PLN_ATTENTION_INPUT_KEY), row_of_key(s, j));
    for (uint32_t j = sources.first; j < sources.last; j++)
        fetch_row(s, input(s, PLN_ATTENTION_INPUT_VALUE), row_of_key(s, j));
}

/* ---- few queries, as of a decoder's step: keys and values are read where they lie, since packing costs more */

enum { FEW_QUERIES = 4, MIXED_VECTORS = 8 };

static vec multiply_rows(const float *a, const float *b, uint32_t n)
{
    vec sum = {0};
    for (uint32_t c = 0; c < n; c += VEC_LANES)
        sum += vec_load_some(a + c, n - c) * vec_load_some(b + c, n - c);
    return sum;
}

/* While it is at it, the rows of the next head are fetched. */
static void score_query(const struct forward *f, uint32_t i)
{
    const struct span *s = &f->span;
    const uint32_t n = s->params->head_size, steps = (uint32_t)s->score_stride / VEC_LANES;
    const float *q = head_row(s, input(s, PLN_ATTENTION_INPUT_QUERY), s->query + i);
    for (uint32_t at = 0; at < steps; at++) {
        vec products[VEC_LANES] = {{0}};
        for (uint32_t k = 0, j = at * VEC_LANES; k < VEC_LANES && j < s->sources; k++, j++)
            products[k] = multiply_rows(q, head_row(s, input(s, PLN_ATTENTION_INPUT_KEY), row_of_key(s, j)), n);
        vec_store(f->scores + (size_t)at * VEC_LANES, vec_sums(products));
        if (f->next.sources)
            fetch_next(f, at, steps);
    }
}

/* Exponentials of the scores, without those that are dropped; gives the sum of all. */
static float exponentiate_query(const struct forward *f, uint32_t i, const struct softmax *softmax, float *to)
{
    const float *factors = factors_of_row(f, i);
    vec sum = {0};
    for (uint32_t j = 0; j < f->span.sources; j += VEC_LANES) {
        const vec e = vec_exp_below(vec_load(f->scores + j), softmax->scale, softmax->most[0]);
        sum += e;
        vec_store(to + j, factors ? e * vec_load(factors + j) : e);
    }
    return vec_sum(sum);
}

static void mix_query(const struct forward *f, uint32_t i, const float *shares, float factor)
{
    const struct span *s = &f->span;
    const struct cpu_operand *value = input(s, PLN_ATTENTION_INPUT_VALUE);
    const uint32_t n = s->params->head_size;
    float *y = head_row(s, &f->call->out[PLN_ATTENTION_OUTPUT_Y], s->query + i);
    for (uint32_t c = 0; c < n; c += MIXED_VECTORS * VEC_LANES) {
        vec sums[MIXED_VECTORS] = {{0}};
        const uint32_t left = n - c, vectors = (left + VEC_LANES - 1) / VEC_LANES;
        const uint32_t most = vectors < MIXED_VECTORS ? vectors : MIXED_VECTORS;
        for (uint32_t j = 0; j < s->sources; j++) {
            const float *row = head_row(s, value, row_of_key(s, j)) + c;
            const vec share = vec_all(shares[j]);
            for (uint32_t k = 0; k < most; k++)
                sums[k] += share * vec_load_some(row + k * VEC_LANES, left - k * VEC_LANES);
        }
        for (uint32_t k = 0; k < most; k++)
            vec_store_some(y + c + k * VEC_LANES, sums[k] * factor, left - k * VEC_LANES);
    }
}

static void attend_query(const struct forward *f, uint32_t i)
{
    const struct span *s = &f->span;
    const struct cpu_operand *lse = &f->call->out[PLN_ATTENTION_OUTPUT_LSE];
    float *shares = (float *)f->probabilities; /* not packed here */
    struct softmax softmax = {.scale = f->plain ? s->params->scale : 1};
    score_query(f, i);
    if (!f->plain)
        finish_scores(s, i, f->scores);
    softmax.most[0] = vec_top(top_of_row(f->scores, s->sources)) * softmax.scale;
    softmax.sum[0] = exponentiate_query(f, i, &softmax, shares);
    mix_query(f, i, shares, head_factor(s) / softmax.sum[0]);
    if (lse->data)
        cpu_vector(lse, s->query + i)[s->head] = softmax.most[0] + logf(softmax.sum[0]);
    if (f->call->out[PLN_ATTENTION_OUTPUT_PROBABILITIES].data)
        write_probabilities(f, i, 0, &softmax);
}

static bool has_halves(const struct span *s)
{
    return input(s, PLN_ATTENTION_INPUT_QUERY)->halves || input(s, PLN_ATTENTION_INPUT_KEY)->halves ||
           input(s, PLN_ATTENTION_INPUT_VALUE)->halves;
}

/* Queries first .. last-1 of the span. */
static void attend(struct forward *f, uint32_t first, uint32_t last)
{
    struct span *s = &f->span;
    const struct cpu_attention_room room = cpu_attention_room(s->sources, s->params->head_size, s->key_rows);
    float *scratch = f->call->scratch;
    struct softmax softmax;
    f->keys = (step *)(scratch + room.keys);
    f->values = (step *)(scratch + room.values);
    s->hidden = scratch + room.hidden;
    f->factors = scratch + room.factors;
    f->queries = (step *)(scratch + room.queries);
    f->scores = scratch + room.scores;
    f->probabilities = (step *)(scratch + room.probabilities);
    f->mixed = scratch + room.mixed;
    f->listed = scratch + room.listed;
    f->mixed_stride = (size_t)round_up(s->params->head_size, VEC_LANES);
    if (!f->plain)
        mark_hidden(s);
    if (s->queries <= FEW_QUERIES && !has_halves(s)) {
        for (uint32_t i = first; i < last; i++)
            attend_query(f, i);
        return;
    }
    pack_keys(f);
    pack_values(f);
    const uint32_t tiles = ceil_div32(last - first, f->kernel->rows);
    for (uint32_t t = 0; t < tiles; t++) {
        const struct cpu_share share = cpu_share(last - first, t, tiles);
        score_tile(f, first + share.first, share.last - share.first, &softmax);
        mix_tile(f, first + share.first, share.last - share.first, &softmax);
        if (f->next.sources)
            fetch_next(f, t, tiles);
    }
}

void CPU_NAME(attention)(const struct cpu_call *call)
{
    const pln_attention_params *params = call->params;
    const struct cpu_operand *in = call->in;
    const struct cpu_operand *key_rows =
        in[PLN_ATTENTION_INPUT_KEY_ROWS].data ? &in[PLN_ATTENTION_INPUT_KEY_ROWS] : NULL;
    uint32_t shape = 0;
    struct forward f = {.call = call,
                        .kernel = &call->gemm->attention,
                        .shape = &shape,
                        .span = {.in = in, .params = params, .key_rows = key_rows},
                        .dropout = DROPOUT_OF(&in[PLN_ATTENTION_INPUT_ORIGIN], &in[PLN_ATTENTION_INPUT_RANDOM], params),
                        .plain = !in[PLN_ATTENTION_INPUT_KEY_MASK].data && !in[PLN_ATTENTION_INPUT_BIAS].data &&
                                 !params->causal && !params->relative && params->scale > 0};
    const uint32_t heads = sequences_of(&f.span) * params->heads;
    if (!heads)
        return;
    /* Few heads are parted by queries, though each part packs the keys again. */
    const uint32_t parts = ceil_div32(2 * call->members, heads);
    for (uint32_t i = call->member; i < heads * parts; i += call->members) {
        const uint32_t next = i + call->members;
        enter_head(&f.span, i / parts / params->heads, i / parts % params->heads);
        f.next = (struct span){.in = in, .params = params, .key_rows = key_rows};
        if (next < heads * parts)
            enter_head(&f.next, next / parts / params->heads, next / parts % params->heads);
        const struct cpu_share share = cpu_share(f.span.queries, i % parts, parts);
        if (share.first < share.last)
            attend(&f, share.first, share.last);
    }
    if (shape)
        f.kernel->release();
}
