/* SPDX-License-Identifier: Apache-2.0
 *
 * A run of a plan is one run of the team. With many rows each member takes its own through a whole chain of nodes, a
 * block at a time; else all members share each node. There is a barrier after each of either.
 */
#include <string.h>

#include "backends/cpu/plan.h"
#include "common/clock.h"
#include "common/round.h"

/* Through a chain at a time: what they have between two nodes fits the caches. With less than half of them for each,
 * members share the weights of each product. */
static uint32_t block_rows(const pln_plan *p)
{
    return cpu_gemm_block_rows(&p->device->deep.gemm);
}

/* Whose work it is: a node is shared by the team, or rows of it belong to this member alone. */
struct work {
    const pln_plan *plan;
    uint32_t member, members;
    const struct cpu_share *rows; /* NULL: all, shared */
};

static struct cpu_operand operand(const struct work *work, const struct node *node, uint32_t i)
{
    const struct value *v = &work->plan->values[node->operands[i]];
    struct cpu_operand operand = {.data = v->data,
                                  .panels = v->panels,
                                  .rows = pln_dim_rows(v->rows, work->plan->run->dims),
                                  .width = v->width,
                                  .stride = v->stride};
    if (work->rows && cpu_is_by_rows(node->row, i)) {
        operand.data = cpu_vector(&operand, work->rows->first);
        operand.rows = work->rows->last - work->rows->first;
    }
    return operand;
}

/* Rows of input 0 now. */
static uint32_t rows_of(const pln_plan *p, const struct node *node)
{
    return node->operands[0] == PLN_ABSENT ? 0 : pln_dim_rows(p->values[node->operands[0]].rows, p->run->dims);
}

static void run_node(const struct work *work, const struct node *node)
{
    const pln_plan *p = work->plan;
    if (atomic_load_explicit(&p->cancelled, memory_order_relaxed))
        return;
    char *members = p->scratch + p->bytes.shared;
    char *passed = members + work->members * p->bytes.member + work->member * p->bytes.passed;
    struct cpu_operand operands[2 * CPU_OPERANDS] = {{0}};
    for (uint32_t j = 0; j < 2 * CPU_OPERANDS; j++)
        if (node->operands[j] != PLN_ABSENT)
            operands[j] = operand(work, node, j);
    node->math->kernels[node->row](&(struct cpu_call){
        .in = operands,
        .out = operands + CPU_OPERANDS,
        .params = node->params,
        .gemm = &node->math->gemm,
        .host = p->device->host,
        .passed_x = work->rows && node > p->nodes && node[-1].passes ? passed : NULL,
        .passed_y = work->rows && node->passes ? passed : NULL,
        .run_rows = p->steady ? UINT32_MAX : rows_of(p, node),
        .scratch = members + work->member * p->bytes.member,
        .shared = p->scratch,
        .member = work->rows ? 0 : work->member,
        .members = work->rows ? 1 : work->members,
    });
}

/* Adds to the time of each node, by the watch of member 0. */
static void run_nodes(const struct work *work, uint32_t first, uint32_t n)
{
    const pln_plan *p = work->plan;
    const bool timed = p->timed && !work->member;
    for (uint32_t i = first; i < first + n; i++) {
        const uint64_t begin = timed ? clock_ns() : 0;
        run_node(work, &p->nodes[i]);
        if (timed)
            p->ns[i] += clock_ns() - begin;
    }
}

static void run_by_rows(struct work work, uint32_t first, uint32_t n, uint32_t rows)
{
    const struct cpu_share own = cpu_share(rows, work.member, work.members);
    const uint32_t blocks = ceil_div32(own.last - own.first, block_rows(work.plan));
    for (uint32_t b = 0; b < blocks; b++) {
        const struct cpu_share share = cpu_share(own.last - own.first, b, blocks);
        const struct cpu_share block = {own.first + share.first, own.first + share.last};
        work.rows = &block;
        run_nodes(&work, first, n);
    }
}

static void wait_for_others(const struct work *work, uint32_t node)
{
    const pln_plan *p = work->plan;
    const bool timed = p->timed && !work->member;
    const uint64_t begin = timed ? clock_ns() : 0;
    if (work->members > 1)
        p->device->host->team_barrier(p->device->host->context);
    if (timed)
        p->ns[node] += clock_ns() - begin;
}

static void run_member(void *argument, uint32_t member, uint32_t members)
{
    const pln_plan *p = argument;
    const struct work work = {.plan = p, .member = member, .members = members};
    for (uint32_t i = 0, n; i < p->n_nodes; i += n) {
        const struct node *node = &p->nodes[i];
        const uint32_t rows = node->chain > 1 ? rows_of(p, node) : 0;
        n = rows >= block_rows(p) / 2 * members ? node->chain : 1;
        if (n > 1)
            run_by_rows(work, i, n, rows);
        else
            run_nodes(&work, i, 1);
        wait_for_others(&work, i + n - 1);
    }
}

pln_status cpu_plan_run(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    plan->run = run;
    atomic_store(&plan->cancelled, false);
    if (plan->timed)
        memset(plan->ns, 0, plan->n_nodes * sizeof *plan->ns);
    if (plan->alone)
        run_member(plan, 0, 1);
    else
        plan->device->host->team_run(plan->device->host->context, run_member, plan);
    plan->run = NULL;
    return atomic_load(&plan->cancelled) ? pln_failed(error, PLN_CANCELLED, -1, "cpu: the run was cancelled") : PLN_OK;
}

void cpu_plan_cancel(pln_plan *plan)
{
    atomic_store(&plan->cancelled, true);
}
