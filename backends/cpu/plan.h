/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan as it is made (plan.c), parted into chains (chain.c), with results in the shape their readers want (result.c),
 * and run (run.c).
 */
#ifndef BACKENDS_CPU_PLAN_H
#define BACKENDS_CPU_PLAN_H

#include <stdatomic.h>

#include "backends/cpu/cpu.h"

struct node {
    uint32_t row;
    const struct cpu_math *math;
    uint32_t params[CPU_PARAMS];
    int32_t operands[2 * CPU_OPERANDS]; /* values; inputs, then outputs from CPU_OPERANDS */
    uint32_t chain;                     /* nodes from this one on that may run a few rows at a time: 1 at least */
    bool joined;                        /* attention behind the chain takes the same rows, whole sequences at a time */
    bool passes;                        /* in a chain, leaves output 0 packed for input 0 of the next node */
};

struct value {
    void *data;
    uint16_t *halves; /* what lies there is in bf16: its first element; or NULL */
    const void *panels;
    pln_dim rows;
    uint32_t capacity, width, stride; /* rows at most; elements */
};

struct scratch {
    uint64_t member, shared; /* bytes */
    uint64_t passed;         /* of a member: what a node of a chain leaves packed for the next */
};

struct pln_plan {
    pln_device *device;
    bool timed;
    bool steady; /* a row has the same bits whatever else is in the run */
    bool alone;  /* too little work for a team: it runs on the caller */
    uint32_t n_nodes, members;
    struct node *nodes;
    struct value *values;
    uint64_t *ns;
    struct scratch bytes;
    char *scratch; /* shared, then each member's, then what each member passes */
    const pln_run *run;
    atomic_bool cancelled; /* the run: kernels are passed over, barriers are not */
};

/* Parts the nodes of a plan into chains: neighbours that work row by row on the same rows, and whose memory allows that
 * some rows are through the last node before others enter the first. Rows then stay in cache from node to node, and
 * members need not wait for each other in between. Attention behind a chain may join it. */
void cpu_find_chains(struct pln_plan *plan);

/* Whether a node may leave its result packed for the next one, if that is in its chain: then it is not in memory. */
bool cpu_passes(const struct pln_plan *plan, const struct node *node);

/* Marks the results that are kept in bf16, of a plan that is parted into chains. */
void cpu_find_halves(struct pln_plan *plan);

/* Operand 0 .. 15 is an input, from CPU_OPERANDS on an output. NULL: absent. */
static inline struct value *cpu_value(const struct pln_plan *plan, const struct node *node, uint32_t i)
{
    return node->operands[i] == PLN_ABSENT ? NULL : &plan->values[node->operands[i]];
}

/* Whether they share memory; whether a is b or some columns of it. */
bool cpu_overlap(const struct value *a, const struct value *b);
bool cpu_is_window(const struct value *a, const struct value *b);

/* Query, key or value. */
static inline bool cpu_is_head_rows(uint32_t input)
{
    return input == PLN_ATTENTION_INPUT_QUERY || input == PLN_ATTENTION_INPUT_KEY || input == PLN_ATTENTION_INPUT_VALUE;
}
#endif
