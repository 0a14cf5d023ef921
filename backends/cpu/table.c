/* SPDX-License-Identifier: Apache-2.0
 *
 * The ops: versions, sizes of params, and the scratch that each needs at capacity.
 */
#include "backends/cpu/attention.h"
#include "backends/cpu/cpu.h"
#include "backends/cpu/pieces.h"

static uint64_t panel_bytes(const struct cpu_call *capacity, uint32_t n, uint32_t depth)
{
    const uint64_t bytes = cpu_gemm_weight_bytes(capacity->gemm, n, depth);
    return bytes ? bytes + CPU_PACKED_AHEAD * sizeof(float) : 0;
}

static uint64_t linear_bytes(const struct cpu_call *capacity)
{
    return cpu_gemm_scratch_bytes(capacity->gemm, capacity->in[PLN_LINEAR_INPUT_X].width);
}

/* Panels of a weight that is no constant. */
static uint64_t linear_panel_bytes(const struct cpu_call *capacity)
{
    const struct cpu_operand *weight = &capacity->in[PLN_LINEAR_INPUT_WEIGHT];
    return weight->constant ? 0 : panel_bytes(capacity, weight->rows, weight->width);
}

static uint64_t linear_backward_x_bytes(const struct cpu_call *capacity)
{
    return cpu_gemm_scratch_bytes(capacity->gemm, capacity->in[PLN_LINEAR_BACKWARD_X_INPUT_D_Y].width);
}

static uint64_t linear_backward_x_panel_bytes(const struct cpu_call *capacity)
{
    const struct cpu_operand *weight = &capacity->in[PLN_LINEAR_BACKWARD_X_INPUT_WEIGHT];
    return panel_bytes(capacity, weight->width, weight->rows);
}

static uint64_t linear_backward_weight_bytes(const struct cpu_call *capacity)
{
    return cpu_gemm_scratch_bytes(capacity->gemm, capacity->in[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_X].rows);
}

static uint64_t linear_backward_weight_panel_bytes(const struct cpu_call *capacity)
{
    const struct cpu_operand *x = &capacity->in[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_X];
    return panel_bytes(capacity, x->width, x->rows);
}

static uint64_t attention_bytes(const struct cpu_call *capacity)
{
    const pln_attention_params *params = capacity->params;
    const bool listed = capacity->in[PLN_ATTENTION_INPUT_KEY_ROWS].rows;
    const uint32_t sources = capacity->in[listed ? PLN_ATTENTION_INPUT_KEY_ROWS : PLN_ATTENTION_INPUT_KEY].rows;
    return cpu_attention_room(sources, params->head_size, listed).end * sizeof(float);
}

static uint64_t attention_backward_bytes(const struct cpu_call *capacity)
{
    const pln_attention_params *params = capacity->params;
    const uint32_t sources = capacity->in[PLN_ATTENTION_BACKWARD_INPUT_KEY].rows;
    return cpu_attention_backward_room(sources, params->head_size).end * sizeof(float);
}

static uint64_t attention_backward_distance_bytes(const struct cpu_call *capacity)
{
    const pln_attention_params *params = capacity->params;
    const uint32_t sources = capacity->in[PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_KEY].rows;
    return cpu_attention_backward_room(sources, params->head_size).end * sizeof(float);
}

/* A term for each row of input 0, added by one member. */
static uint64_t row_terms_bytes(const struct cpu_call *capacity)
{
    return (uint64_t)capacity->in[0].rows * sizeof(double);
}

static uint64_t span_terms_bytes(const struct cpu_call *capacity)
{
    return (uint64_t)capacity->in[PLN_SPAN_CROSS_ENTROPY_INPUT_STARTS].rows * 2 * sizeof(double);
}

static uint64_t norm_terms_bytes(const struct cpu_call *capacity)
{
    return cpu_pieces(capacity->in[PLN_GLOBAL_NORM_INPUT_X].rows) * sizeof(double);
}

static uint64_t piece_bytes(const struct cpu_operand *d_y)
{
    return cpu_pieces(d_y->rows) * cpu_piece_floats(d_y->width) * sizeof(float);
}

static uint64_t layer_norm_sums_bytes(const struct cpu_call *capacity)
{
    return piece_bytes(&capacity->in[PLN_LAYER_NORM_BACKWARD_INPUT_D_Y]);
}

static uint64_t embed_sums_bytes(const struct cpu_call *capacity)
{
    return piece_bytes(&capacity->in[PLN_EMBED_BACKWARD_INPUT_D_Y]);
}

/* A row of the sum and one of its gradient. */
static uint64_t embed_rows_bytes(const struct cpu_call *capacity)
{
    return 2 * (uint64_t)capacity->in[PLN_EMBED_BACKWARD_INPUT_D_Y].width * sizeof(float);
}

typedef uint64_t scratch_bytes(const struct cpu_call *capacity);

static scratch_bytes *const member_scratch[CPU_OPS] = {
    [CPU_ROW_LINEAR] = linear_bytes,
    [CPU_ROW_LINEAR_BACKWARD_X] = linear_backward_x_bytes,
    [CPU_ROW_LINEAR_BACKWARD_WEIGHT] = linear_backward_weight_bytes,
    [CPU_ROW_ATTENTION] = attention_bytes,
    [CPU_ROW_ATTENTION_BACKWARD] = attention_backward_bytes,
    [CPU_ROW_ATTENTION_BACKWARD_DISTANCE] = attention_backward_distance_bytes,
    [CPU_ROW_EMBED_BACKWARD] = embed_rows_bytes,
};

static scratch_bytes *const shared_scratch[CPU_OPS] = {
    [CPU_ROW_LINEAR] = linear_panel_bytes,
    [CPU_ROW_LINEAR_BACKWARD_X] = linear_backward_x_panel_bytes,
    [CPU_ROW_LINEAR_BACKWARD_WEIGHT] = linear_backward_weight_panel_bytes,
    [CPU_ROW_LAYER_NORM_BACKWARD] = layer_norm_sums_bytes,
    [CPU_ROW_EMBED_BACKWARD] = embed_sums_bytes,
    [CPU_ROW_CROSS_ENTROPY] = row_terms_bytes,
    [CPU_ROW_BINARY_CROSS_ENTROPY] = row_terms_bytes,
    [CPU_ROW_MEAN_SQUARED_ERROR] = row_terms_bytes,
    [CPU_ROW_SPAN_CROSS_ENTROPY] = span_terms_bytes,
    [CPU_ROW_GLOBAL_NORM] = norm_terms_bytes,
};

uint64_t cpu_member_bytes(uint32_t row, const struct cpu_call *capacity)
{
    return member_scratch[row] ? round_up(member_scratch[row](capacity), 64) : 0;
}

uint64_t cpu_shared_bytes(uint32_t row, const struct cpu_call *capacity)
{
    return shared_scratch[row] ? round_up(shared_scratch[row](capacity), 64) : 0;
}

/* Inputs of the ops that work row by row. */
static const uint32_t inputs_by_rows[CPU_OPS] = {
    [CPU_ROW_LINEAR] = 1u << PLN_LINEAR_INPUT_X | 1u << PLN_LINEAR_INPUT_RESIDUAL | 1u << PLN_LINEAR_INPUT_ORIGIN,
    [CPU_ROW_LAYER_NORM] = 1u << PLN_LAYER_NORM_INPUT_X,
    [CPU_ROW_ACTIVATION] =
        1u << PLN_ACTIVATION_INPUT_X | 1u << PLN_ACTIVATION_INPUT_RESIDUAL | 1u << PLN_ACTIVATION_INPUT_ORIGIN,
};

bool cpu_is_by_rows(uint32_t row, uint32_t i)
{
    return i < CPU_OPERANDS ? inputs_by_rows[row] >> i & 1 : inputs_by_rows[row] != 0;
}

uint32_t cpu_product_depth(uint32_t row, const struct cpu_call *capacity)
{
    const pln_attention_params *attention = capacity->params;
    switch (row) {
    case CPU_ROW_LINEAR:
        return capacity->in[PLN_LINEAR_INPUT_X].width;
    case CPU_ROW_LINEAR_BACKWARD_X:
        return capacity->in[PLN_LINEAR_BACKWARD_X_INPUT_WEIGHT].width;
    case CPU_ROW_LINEAR_BACKWARD_WEIGHT:
        return capacity->in[PLN_LINEAR_BACKWARD_WEIGHT_INPUT_X].width;
    case CPU_ROW_ATTENTION:
    case CPU_ROW_ATTENTION_BACKWARD:
    case CPU_ROW_ATTENTION_BACKWARD_DISTANCE:
        return attention->heads * attention->head_size;
    default:
        return UINT32_MAX;
    }
}

#define F32(field) +4
#define U32(field) +4
#define I32(field) +4
#define PARAMS(fields) (0 fields)
const struct cpu_row cpu_rows[CPU_OPS] = {
#define PLN_OP(number, version_, NAME, name_, inputs, outputs, in_place, params, gradient)                             \
    {.op = number,                                                                                                     \
     .version = version_,                                                                                              \
     .params_size = params,                                                                                            \
     .n_inputs = PLN_##NAME##_INPUTS,                                                                                  \
     .n_outputs = PLN_##NAME##_OUTPUTS,                                                                                \
     .name = #name_},
#include "graph/ops.def"
#undef PLN_OP
};

uint32_t cpu_row_find(uint32_t op)
{
    uint32_t i = 0;
    while (i < CPU_OPS && cpu_rows[i].op != op)
        i++;
    return i;
}
