/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of ops/, by graph/ops.def, which also tells what a node of the op may bring.
 */
#include "backends/gpu/table.h"

#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient)                               \
    extern const struct gpu_row gpu_row_##name;
#include "graph/ops.def"
#undef PLN_OP

/* Params are counted by their fields, each of 4 bytes; of in-place rules MUST(n) names states. */
#define U32(field) +4
#define I32(field) +4
#define F32(field) +4
#define PARAMS(...) 0 __VA_ARGS__
#define MUST(n) n
#define MAY(n) 0
#define NOT 0
#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient)                               \
    {number, version, PLN_##NAME##_INPUTS, PLN_##NAME##_OUTPUTS, params, in_place, &gpu_row_##name},
static const struct gpu_op ops[] = {
#include "graph/ops.def"
};

const struct gpu_op *gpu_op_find(uint32_t op)
{
    for (uint32_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (ops[i].op == op)
            return ops[i].row->passes[0].kernel ? &ops[i] : NULL;
    return NULL;
}

static bool has_texts(const struct gpu_row *row)
{
    bool found = true;
    for (uint32_t i = 0; i < GPU_PASSES && row->passes[i].kernel; i++)
        found &= gpu_text_find(row->passes[i].kernel->name) != NULL;
    return found;
}

const struct gpu_row *gpu_row_choose(const struct gpu_limits *limits, const struct gpu_op *op)
{
    const struct gpu_row *processor = limits->cpu_variant ? op->row->processor : NULL;
    return processor && has_texts(processor) ? processor : op->row;
}
