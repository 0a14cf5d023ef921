/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds chains: neighbour nodes that work row by row on the same rows, and attention that joins them.
 */
#include <string.h>

#include "backends/cpu/plan.h"

/* Outputs have the rows of input 0. A weight that is packed in each run is the whole team's work. */
static bool works_by_rows(const struct pln_plan *plan, const struct node *node)
{
    if (!cpu_is_by_rows(node->row, 0))
        return false;
    const struct value *weight = node->row == CPU_ROW_LINEAR ? cpu_value(plan, node, PLN_LINEAR_INPUT_WEIGHT) : NULL;
    return !weight || weight->panels;
}

/* An operand in a run of the chain; NULL for one that is passed from a node to the next, and so not in memory. */
static const struct value *met(const struct pln_plan *plan, const struct node *node, uint32_t i)
{
    const bool passed = i == CPU_OPERANDS + PLN_LINEAR_OUTPUT_Y
                            ? node->passes
                            : i == PLN_LINEAR_INPUT_X && node > plan->nodes && node[-1].passes;
    return passed ? NULL : cpu_value(plan, node, i);
}

/* Of attention: its sequences have no rows in common. */
static bool lies_by_rows(const struct node *node, uint32_t i)
{
    return cpu_is_by_rows(node->row, i) ||
           (node->row == CPU_ROW_ATTENTION && (cpu_is_head_rows(i) || i == CPU_OPERANDS + PLN_ATTENTION_OUTPUT_Y));
}

/* Whether any rows of one node can be written while others of the other are still to come: what is written shares no
 * memory with operands of the other node, or it lies the same way, row by row. */
static bool are_apart(const struct pln_plan *plan, const struct node *writer, const struct node *other)
{
    for (uint32_t i = CPU_OPERANDS; i < 2 * CPU_OPERANDS; i++) {
        const struct value *written = met(plan, writer, i);
        for (uint32_t j = 0; written && j < 2 * CPU_OPERANDS; j++) {
            const struct value *v = met(plan, other, j);
            const bool alike = v && lies_by_rows(other, j) && (cpu_is_window(v, written) || cpu_is_window(written, v));
            if (v && !alike && cpu_overlap(written, v))
                return false;
        }
    }
    return true;
}

static bool same_rows(const struct value *a, const struct value *b)
{
    return memcmp(&a->rows, &b->rows, sizeof a->rows) == 0;
}

/* Whether node `next` may follow the chain of n nodes that begins with `first`. */
static bool continues(const struct pln_plan *plan, const struct node *first, uint32_t n)
{
    const struct node *next = first + n;
    for (uint32_t i = 0; i < n; i++)
        if (!are_apart(plan, first + i, next) || !are_apart(plan, next, first + i))
            return false;
    return true;
}

/* Adds k nodes to a chain of n, if they may follow. */
static bool extend(struct pln_plan *plan, struct node *first, uint32_t n, uint32_t k)
{
    bool follow = true;
    for (uint32_t i = n; i < n + k; i++)
        first[i - 1].passes = cpu_passes(plan, &first[i - 1]);
    for (uint32_t i = n; follow && i < n + k; i++)
        follow = works_by_rows(plan, first + i) &&
                 same_rows(cpu_value(plan, first, 0), cpu_value(plan, first + i, 0)) && continues(plan, first, i);
    for (uint32_t i = n; !follow && i < n + k; i++)
        first[i - 1].passes = false;
    return follow;
}

/* Nodes from this one on that follow together, since what each leaves for the next is not in memory then. */
static uint32_t together(const struct pln_plan *plan, const struct node *node)
{
    uint32_t n = 1;
    while (node + n < plan->nodes + plan->n_nodes && cpu_passes(plan, node + n - 1))
        n++;
    return n;
}

/* Nodes from `first` on that make a chain. */
static uint32_t chain_of(struct pln_plan *plan, struct node *first)
{
    const uint32_t left = (uint32_t)(plan->nodes + plan->n_nodes - first);
    uint32_t n = 1, k;
    for (; works_by_rows(plan, first) && n < left; n += k) {
        k = together(plan, first + n);
        if (!extend(plan, first, n, k) && (k == 1 || !extend(plan, first, n, k = 1)))
            break;
    }
    return n;
}

/* Attention of each sequence to itself, of which nothing but y is wanted: the rest has other rows. */
static bool is_of_own_rows(const struct pln_plan *plan, const struct node *node, const struct value *rows)
{
    static const uint32_t absent[] = {PLN_ATTENTION_INPUT_SOURCE_STARTS, PLN_ATTENTION_INPUT_KEY_ROWS,
                                      PLN_ATTENTION_INPUT_RANDOM, CPU_OPERANDS + PLN_ATTENTION_OUTPUT_LSE,
                                      CPU_OPERANDS + PLN_ATTENTION_OUTPUT_PROBABILITIES};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (node->row != CPU_ROW_ATTENTION || node->operands[absent[i]] != PLN_ABSENT)
            return false;
    return same_rows(cpu_value(plan, node, PLN_ATTENTION_INPUT_QUERY), rows) &&
           same_rows(cpu_value(plan, node, PLN_ATTENTION_INPUT_KEY), rows);
}

static bool joins(const struct pln_plan *plan, const struct node *first)
{
    const struct node *next = first + first->chain;
    return next < plan->nodes + plan->n_nodes && works_by_rows(plan, first) &&
           is_of_own_rows(plan, next, cpu_value(plan, first, 0)) && continues(plan, first, first->chain);
}

void cpu_find_chains(struct pln_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_nodes; i += plan->nodes[i].chain) {
        struct node *first = &plan->nodes[i];
        first->chain = chain_of(plan, first);
        first->joined = joins(plan, first);
    }
}
