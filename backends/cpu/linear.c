/* SPDX-License-Identifier: Apache-2.0
 *
 * linear: y = dropout(activation(x weight^T + bias)) + residual. The product begins with the bias; where anything comes
 * between it and the residual, each tile is finished while it is in cache. A weight that is no constant is packed in
 * each run. What only the next product reads is left packed for it, or where it stays in cache; what attention would
 * round to bf16 is left in it.
 */
#include "backends/cpu/activations.h"
#include "backends/cpu/dropout.h"
#include "backends/cpu/product.h"
#include "backends/cpu/step.h"

/* What a tile of the product goes through. preactivation and residual may be absent. */
struct epilogue {
    uint32_t activation;
    const struct cpu_operand *preactivation, *residual, *y;
    struct dropout dropout;
};

struct epilogue_row {
    const float *sums, *residual, *factors; /* all but the first may be NULL */
    float *preactivation, *y;               /* the first may be NULL */
};

CPU_INLINE vec finish_vector(vec (*f)(vec), const struct epilogue_row *row, uint32_t c, uint32_t n)
{
    vec v = vec_load_some(row->sums + c, n);
    if (row->preactivation)
        vec_store_some(row->preactivation + c, v, n);
    v = f(v);
    if (row->factors)
        v *= vec_load(row->factors + c);
    if (row->residual)
        v += vec_load_some(row->residual + c, n);
    return v;
}

/* n columns from number `first` of the tile on. */
CPU_INLINE void finish_row(vec (*f)(vec), const struct epilogue *e, const struct cpu_tile *tile, uint32_t i,
                           uint32_t first, uint32_t n)
{
    float room[DROPOUT_TOGETHER + DROPOUT_SLACK];
    const uint32_t r = tile->row + i, column = tile->column + first;
    const struct epilogue_row row = {
        .sums = tile->sums + i * tile->stride + first,
        .residual = e->residual->data ? cpu_vector(e->residual, r) + column : NULL,
        .factors = dropout_of_row(&e->dropout, r, column, n, e->y->width, room),
        .preactivation = e->preactivation->data ? cpu_vector(e->preactivation, r) + column : NULL,
        .y = cpu_vector(e->y, r) + column,
    };
    uint32_t c = 0;
    for (; c + VEC_LANES <= n; c += VEC_LANES)
        vec_store(row.y + c, finish_vector(f, &row, c, VEC_LANES));
    if (c < n)
        vec_store_part(row.y + c, finish_vector(f, &row, c, n - c), n - c);
}

/* Nothing but an activation, in whole vectors: what tiles go through that are not trained. The result is left in y, or
 * packed: there a chunk may end within the tile, and the next one is as many rows further. */
CPU_INLINE void activate_tile(vec (*f)(vec), const struct epilogue *e, const struct cpu_tile *tile)
{
    enum { ELEMENTS = CPU_CHUNK * X_DEPTH };
    const uint32_t rows = tile->rows, columns = tile->columns, in_chunk = ELEMENTS - tile->column % ELEMENTS;
    const float *sums = tile->sums;
    const size_t stride = tile->stride, y_stride = e->y->stride;
    float *y = cpu_vector(e->y, tile->row) + tile->column;
    step *packed = tile->passed;
    for (uint32_t i = 0; packed && i < rows; i++, sums += stride, packed += CPU_CHUNK)
        for (uint32_t c = 0; c < columns; c += VEC_LANES)
            store_elements(packed + (c < in_chunk ? 0 : (size_t)(rows - 1) * CPU_CHUNK), c, f(vec_load(sums + c)));
    for (uint32_t i = 0; !packed && i < rows; i++, sums += stride, y += y_stride)
        for (uint32_t c = 0; c < columns; c += VEC_LANES)
            vec_store(y + c, f(vec_load(sums + c)));
}

CPU_INLINE void finish_tile(vec (*f)(vec), const struct epilogue *e, const struct cpu_tile *tile)
{
    if (tile->columns % VEC_LANES == 0 && !e->dropout.origin && !e->preactivation->data && !e->residual->data) {
        activate_tile(f, e, tile);
        return;
    }
    for (uint32_t i = 0; i < tile->rows; i++)
        for (uint32_t c = 0; c < tile->columns; c += DROPOUT_TOGETHER)
            finish_row(f, e, tile, i, c, tile->columns - c < DROPOUT_TOGETHER ? tile->columns - c : DROPOUT_TOGETHER);
}

static void finish(const void *argument, const struct cpu_tile *tile)
{
    const struct epilogue *e = argument;
    switch (e->activation) {
#define PLN_ACTIVATION(number, NAME, names, formula)                                                                   \
    case number:                                                                                                       \
        finish_tile(activation_##NAME, e, tile);                                                                       \
        break;
#include "graph/activations.def"
#undef PLN_ACTIVATION
    }
}

/* Anything but the residual. */
static bool goes_through(const struct epilogue *e)
{
    return e->activation != PLN_ACTIVATION_NONE || e->preactivation->data || e->dropout.origin;
}

/* An operand, or its rows where they are passed. */
static struct cpu_operand rows_of(const struct cpu_operand *operand, const void *passed)
{
    struct cpu_operand rows = *operand;
    if (passed) {
        rows.data = (void *)(uintptr_t)passed;
        rows.halves = NULL;
        rows.stride = rows.width;
    }
    return rows;
}

void CPU_NAME(linear)(const struct cpu_call *call)
{
    const pln_linear_params *params = call->params;
    const bool passes_rows = cpu_gemm_passes_rows(call->gemm);
    const struct cpu_operand passed_x = rows_of(&call->in[PLN_LINEAR_INPUT_X], passes_rows ? call->passed_x : NULL);
    const struct cpu_operand passed_y = rows_of(&call->out[PLN_LINEAR_OUTPUT_Y], passes_rows ? call->passed_y : NULL);
    const struct cpu_operand *x = &passed_x, *weight = &call->in[PLN_LINEAR_INPUT_WEIGHT], *y = &passed_y;
    const struct cpu_operand *preactivation = &call->out[PLN_LINEAR_OUTPUT_PREACTIVATION];
    const struct epilogue epilogue = {
        .activation = params->activation,
        .preactivation = preactivation,
        .residual = &call->in[PLN_LINEAR_INPUT_RESIDUAL],
        .y = y,
        .dropout = DROPOUT_OF(&call->in[PLN_LINEAR_INPUT_ORIGIN], &call->in[PLN_LINEAR_INPUT_RANDOM], params),
    };
    const struct cpu_operand *sums = preactivation->data ? preactivation : y;
    struct cpu_product product = {
        .x = {x->data, x->stride, 1},
        .passed_x = passes_rows ? NULL : call->passed_x,
        .passed_out = passes_rows ? NULL : call->passed_y,
        .weight = {weight->data, weight->stride, 1},
        .packed = weight->panels,
        .out = sums->data,
        .out_stride = sums->stride,
        .all_rows = call->run_rows,
        .rows = x->rows,
        .n = weight->rows,
        .depth = x->width,
        .bias = call->in[PLN_LINEAR_INPUT_BIAS].data,
        .residual = {epilogue.residual->data, epilogue.residual->stride},
        .argument = &epilogue,
        .halves = y->halves,
    };
    product.finish = goes_through(&epilogue) || product.passed_out ? finish : NULL;
    if (!product.packed)
        product.packed = cpu_pack_in_run(call, &product.weight, product.n, product.depth);
    cpu_gemm_run(call->gemm, &product, call->member, call->members, call->scratch);
}
