/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds chains, neighbour nodes that work row by row on the same rows, and in them products whose result only the next
 * product reads.
 */
#include <string.h>

#include "backends/cpu/plan.h"

/* Operand 0 .. 15 is an input, from CPU_OPERANDS on an output. */
static const struct value *operand_of(const struct pln_plan *plan, const struct node *node, uint32_t i)
{
    return node->operands[i] == PLN_ABSENT ? NULL : &plan->values[node->operands[i]];
}

/* Outputs have the rows of input 0. A weight that is packed in each run is the whole team's work. */
static bool works_by_rows(const struct pln_plan *plan, const struct node *node)
{
    if (!cpu_is_by_rows(node->row, 0))
        return false;
    const struct value *weight = node->row == CPU_ROW_LINEAR ? operand_of(plan, node, PLN_LINEAR_INPUT_WEIGHT) : NULL;
    return !weight || weight->panels;
}

static bool overlap(const struct value *a, const struct value *b)
{
    const float *a_data = a->data, *b_data = b->data;
    return a_data && b_data && a_data < b_data + (size_t)b->capacity * b->stride &&
           b_data < a_data + (size_t)a->capacity * a->stride;
}

/* Whether any rows of one node can be written while others of the other are still to come: what is written shares no
 * memory with operands of the other node, or it lies the same way, row by row. */
static bool are_apart(const struct pln_plan *plan, const struct node *writer, const struct node *other)
{
    for (uint32_t i = CPU_OPERANDS; i < 2 * CPU_OPERANDS; i++) {
        const struct value *written = operand_of(plan, writer, i);
        for (uint32_t j = 0; written && j < 2 * CPU_OPERANDS; j++) {
            const struct value *met = operand_of(plan, other, j);
            const bool alike =
                met && cpu_is_by_rows(other->row, j) && met->data == written->data && met->stride == written->stride;
            if (met && !alike && overlap(written, met))
                return false;
        }
    }
    return true;
}

static bool same_rows(const struct pln_plan *plan, const struct node *a, const struct node *b)
{
    const struct value *x = operand_of(plan, a, 0), *y = operand_of(plan, b, 0);
    return memcmp(&x->rows, &y->rows, sizeof x->rows) == 0;
}

/* Whether node `next` may follow the chain of n nodes that begins with `first`. */
static bool continues(const struct pln_plan *plan, const struct node *first, uint32_t n)
{
    const struct node *next = first + n;
    if (!works_by_rows(plan, next) || !same_rows(plan, first, next))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!are_apart(plan, first + i, next) || !are_apart(plan, next, first + i))
            return false;
    return true;
}

/* ---- results that are passed packed */

/* Whether y shares memory with any of the CPU_OPERANDS operands of a node from number `first` on. */
static bool meets(const struct pln_plan *plan, const struct node *node, uint32_t first, const struct value *y)
{
    for (uint32_t i = first; i < first + CPU_OPERANDS; i++) {
        const struct value *x = operand_of(plan, node, i);
        if (x && overlap(x, y))
            return true;
    }
    return false;
}

/* Whether nothing past `reader` reads y: its memory is written again first. What lies there at the end of the segment
 * may be wanted elsewhere. */
static bool dies_with(const struct pln_plan *plan, const struct node *reader, const struct value *y)
{
    for (const struct node *node = reader + 1; node < plan->nodes + plan->n_nodes; node++) {
        if (meets(plan, node, 0, y)) /* as input */
            return false;
        if (meets(plan, node, CPU_OPERANDS, y)) /* as output */
            return true;
    }
    return false;
}

/* Whether a node leaves its result packed for the next one in its chain: both are products of one math, and the result,
 * which goes through an activation at most, is read as x, nowhere else. */
static bool passes(const struct pln_plan *plan, const struct node *node)
{
    const struct node *next = node + 1;
    if (node->row != CPU_ROW_LINEAR || next->row != CPU_ROW_LINEAR || node->math != next->math)
        return false;
    const int32_t at = node->operands[CPU_OPERANDS + PLN_LINEAR_OUTPUT_Y];
    const struct value *x = operand_of(plan, node, PLN_LINEAR_INPUT_X), *y = &plan->values[at];
    const bool plain = node->operands[PLN_LINEAR_INPUT_RESIDUAL] == PLN_ABSENT &&
                       node->operands[PLN_LINEAR_INPUT_RANDOM] == PLN_ABSENT &&
                       node->operands[CPU_OPERANDS + PLN_LINEAR_OUTPUT_PREACTIVATION] == PLN_ABSENT;
    return plain && next->operands[PLN_LINEAR_INPUT_X] == at && next->operands[PLN_LINEAR_INPUT_RESIDUAL] != at &&
           cpu_gemm_passed_bytes(&node->math->gemm, cpu_gemm_block_rows(&plan->device->deep.gemm), x->width,
                                 y->width) &&
           dies_with(plan, next, y);
}

void cpu_find_chains(struct pln_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_nodes; i += plan->nodes[i].chain) {
        struct node *first = &plan->nodes[i];
        first->chain = 1;
        while (works_by_rows(plan, first) && i + first->chain < plan->n_nodes && continues(plan, first, first->chain))
            first->chain++;
        for (uint32_t j = 0; j + 1 < first->chain; j++)
            first[j].passes = passes(plan, &first[j]);
    }
}
