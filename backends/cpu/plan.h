/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan as it is made (plan.c), parted into chains (chain.c) and run (run.c).
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
    bool passes;                        /* in a chain, leaves output 0 packed for input 0 of the next node */
};

struct value {
    void *data;
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
 * members need not wait for each other in between. */
void cpu_find_chains(struct pln_plan *plan);
#endif
