/* SPDX-License-Identifier: Apache-2.0
 *
 * The ops: versions, sizes of params, and the scratch that each needs at capacity.
 */
#include "backends/cpu/attention.h"
#include "backends/cpu/cpu.h"

static uint64_t linear_bytes(const struct cpu_call *capacity)
{
    return cpu_gemm_scratch_bytes(capacity->gemm, capacity->in[PLN_LINEAR_INPUT_X].width);
}

static uint64_t attention_bytes(const struct cpu_call *capacity)
{
    const pln_attention_params *params = capacity->params;
    return cpu_attention_room(capacity->in[PLN_ATTENTION_INPUT_KEY].rows, params->head_size).end * sizeof(float);
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

typedef uint64_t scratch_bytes(const struct cpu_call *capacity);

static scratch_bytes *const member_scratch[CPU_OPS] = {
    [CPU_ROW_LINEAR] = linear_bytes,
    [CPU_ROW_ATTENTION] = attention_bytes,
};

static scratch_bytes *const shared_scratch[CPU_OPS] = {
    [CPU_ROW_CROSS_ENTROPY] = row_terms_bytes,
    [CPU_ROW_BINARY_CROSS_ENTROPY] = row_terms_bytes,
    [CPU_ROW_MEAN_SQUARED_ERROR] = row_terms_bytes,
    [CPU_ROW_SPAN_CROSS_ENTROPY] = span_terms_bytes,
};

uint64_t cpu_member_bytes(uint32_t row, const struct cpu_call *capacity)
{
    return member_scratch[row] ? cpu_round_up(member_scratch[row](capacity), 64) : 0;
}

uint64_t cpu_shared_bytes(uint32_t row, const struct cpu_call *capacity)
{
    return shared_scratch[row] ? cpu_round_up(shared_scratch[row](capacity), 64) : 0;
}

#define F32(field) +4
#define U32(field) +4
#define I32(field) +4
#define PARAMS(fields) (0 fields)
const struct cpu_row cpu_rows[CPU_OPS] = {
#define PLN_OP(number, version_, NAME, name_, inputs, outputs, in_place, params)                                       \
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
