/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds results of products that need not lie in memory as floats: those that only the next product reads are left
 * packed for it, and those that only attention reads, which rounds them to bf16, are in bf16 from the beginning. Both
 * hang on who shares memory with whom.
 */
#include "backends/cpu/plan.h"

/* ---- where values lie */

/* Behind its last row. */
static const float *last_of(const struct value *v)
{
    return (const float *)v->data + (v->capacity ? (size_t)(v->capacity - 1) * v->stride + v->width : 0);
}

/* Of rows equally far apart the columns decide: windows of one value may lie side by side. */
bool cpu_overlap(const struct value *a, const struct value *b)
{
    const float *a_data = a->data, *b_data = b->data;
    if (!a_data || !b_data || a_data >= last_of(b) || b_data >= last_of(a))
        return false;
    if (a->stride != b->stride)
        return true;
    const size_t between = a_data < b_data ? (size_t)(b_data - a_data) : (size_t)(a_data - b_data);
    const uint32_t first = a_data < b_data ? a->width : b->width, other = a_data < b_data ? b->width : a->width;
    return between % a->stride < first || between % a->stride + other > a->stride;
}

bool cpu_is_window(const struct value *a, const struct value *b)
{
    const float *a_data = a->data, *b_data = b->data;
    return a->stride == b->stride && a_data >= b_data && a_data + a->width <= b_data + b->width;
}

/* Whether y shares memory with any of the CPU_OPERANDS operands of a node from number `first` on. */
static bool meets(const struct pln_plan *plan, const struct node *node, uint32_t first, const struct value *y)
{
    for (uint32_t i = first; i < first + CPU_OPERANDS; i++) {
        const struct value *x = cpu_value(plan, node, i);
        if (x && cpu_overlap(x, y))
            return true;
    }
    return false;
}

/* The node that writes the memory of y again, from `node` on; those before it may read y if `reads` allows it. NULL: one
 * reads it that may not, or none writes it, and what lies there at the end of the segment may be wanted elsewhere. */
typedef bool reads(const struct pln_plan *plan, const struct node *node, const struct value *y);

static const struct node *end_of(const struct pln_plan *plan, const struct node *node, const struct value *y,
                                 reads *may_read)
{
    for (; node < plan->nodes + plan->n_nodes; node++) {
        if (meets(plan, node, 0, y) && !may_read(plan, node, y))
            return NULL;
        if (meets(plan, node, CPU_OPERANDS, y))
            return node;
    }
    return NULL;
}

/* A product whose result goes through an activation at most. */
static bool is_plain_product(const struct node *node)
{
    return node->row == CPU_ROW_LINEAR && node->operands[PLN_LINEAR_INPUT_RESIDUAL] == PLN_ABSENT &&
           node->operands[PLN_LINEAR_INPUT_RANDOM] == PLN_ABSENT &&
           node->operands[CPU_OPERANDS + PLN_LINEAR_OUTPUT_PREACTIVATION] == PLN_ABSENT;
}

/* ---- passed packed */

static bool never(const struct pln_plan *plan, const struct node *node, const struct value *y)
{
    (void)plan, (void)node, (void)y;
    return false;
}

/* Both are products of one math, and the result is read as x, nowhere else. */
bool cpu_passes(const struct pln_plan *plan, const struct node *node)
{
    const struct node *next = node + 1;
    if (!is_plain_product(node) || next->row != CPU_ROW_LINEAR || node->math != next->math)
        return false;
    const int32_t at = node->operands[CPU_OPERANDS + PLN_LINEAR_OUTPUT_Y];
    const struct value *x = cpu_value(plan, node, PLN_LINEAR_INPUT_X), *y = &plan->values[at];
    return next->operands[PLN_LINEAR_INPUT_X] == at && next->operands[PLN_LINEAR_INPUT_RESIDUAL] != at &&
           cpu_gemm_passed_bytes(&node->math->gemm, cpu_gemm_block_rows(&plan->device->deep.gemm), x->width,
                                 y->width) &&
           end_of(plan, next + 1, y, never);
}

/* ---- kept in bf16 */

/* Whether a node only multiplies y, in bf16: attention whose heads are whole tiles deep, without a table of distances
 * and without a list of keys, with y or windows of it as query, key or value. */
static bool rounds(const struct pln_plan *plan, const struct node *node, const struct value *y)
{
    const pln_attention_params *params = (const void *)node->params;
    const struct cpu_micro_kernel *kernel = &node->math->gemm.attention;
    if (node->row != CPU_ROW_ATTENTION || kernel->x_depth != 2 || kernel->columns != 2 * kernel->lanes ||
        params->relative || params->head_size % kernel->weight_multiple ||
        node->operands[PLN_ATTENTION_INPUT_KEY_ROWS] != PLN_ABSENT)
        return false;
    for (uint32_t i = 0; i < CPU_OPERANDS; i++) {
        const struct value *x = cpu_value(plan, node, i);
        if (x && cpu_overlap(x, y) && !(cpu_is_head_rows(i) && cpu_is_window(x, y)))
            return false;
    }
    return true;
}

/* Marks y and the windows of it that nodes before `end` read. */
static void keep_halves(struct pln_plan *plan, const struct node *node, const struct node *end, struct value *y)
{
    y->halves = y->data;
    for (node++; node < end; node++)
        for (uint32_t i = 0; i < CPU_OPERANDS; i++) {
            struct value *x = cpu_value(plan, node, i);
            if (x && cpu_overlap(x, y))
                x->halves = y->halves + ((const float *)x->data - (const float *)y->data);
        }
}

/* Of products without an activation, in whole tiles of one part of depth each, which leave their kernel in bf16. */
static void find_halves(struct pln_plan *plan, const struct node *node)
{
    const struct cpu_micro_kernel *kernel = &node->math->gemm.kernel;
    struct value *y = cpu_value(plan, node, CPU_OPERANDS + PLN_LINEAR_OUTPUT_Y);
    const pln_linear_params *params = (const void *)node->params;
    if (!kernel->leaves_halves || params->activation != PLN_ACTIVATION_NONE || y->width % kernel->columns ||
        cpu_value(plan, node, PLN_LINEAR_INPUT_X)->width > kernel->most_depth)
        return;
    const struct node *end = end_of(plan, node + 1, y, rounds);
    if (end)
        keep_halves(plan, node, end, y);
}

void cpu_find_halves(struct pln_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_nodes; i++)
        if (is_plain_product(&plan->nodes[i]) && !plan->nodes[i].passes)
            find_halves(plan, &plan->nodes[i]);
}
