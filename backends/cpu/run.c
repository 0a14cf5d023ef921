/* SPDX-License-Identifier: Apache-2.0
 *
 * A run of a plan is one run of the team. With many rows each member takes its own through a whole chain of nodes, a
 * block at a time, and through attention behind it, where the rows of its sequences are as many as those of others; else
 * all members share each node. There is a barrier after each of either.
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

/* Whose work it is: a node is shared by the team, or rows or sequences of it belong to this member alone. */
struct work {
    const pln_plan *plan;
    uint32_t member, members;
    const struct cpu_share *rows;      /* NULL: all, shared */
    const struct cpu_share *sequences; /* of attention; NULL: all, shared */
};

static struct cpu_operand whole_operand(const pln_plan *p, const struct node *node, uint32_t i)
{
    const struct value *v = &p->values[node->operands[i]];
    return (struct cpu_operand){.data = v->data,
                                .halves = v->halves,
                                .panels = v->panels,
                                .rows = pln_dim_rows(v->rows, p->run->dims),
                                .width = v->width,
                                .stride = v->stride};
}

static struct cpu_operand operand(const struct work *work, const struct node *node, uint32_t i)
{
    struct cpu_operand operand = whole_operand(work->plan, node, i);
    if (work->rows && cpu_is_by_rows(node->row, i)) {
        operand.halves = operand.halves ? cpu_halves(&operand, work->rows->first) : NULL;
        operand.data = cpu_vector(&operand, work->rows->first);
        operand.rows = work->rows->last - work->rows->first;
    }
    if (work->sequences && (i == PLN_ATTENTION_INPUT_STARTS || i == PLN_ATTENTION_INPUT_PAIR_STARTS)) {
        operand.data = cpu_vector(&operand, work->sequences->first);
        operand.rows = work->sequences->last - work->sequences->first + 1;
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
        .member = work->rows || work->sequences ? 0 : work->member,
        .members = work->rows || work->sequences ? 1 : work->members,
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

/* n nodes on rows of this member, a block at a time: of whole panels of x, all as even as can be. */
static void run_by_rows(struct work work, uint32_t first, uint32_t n, struct cpu_share own)
{
    const uint32_t unit = work.plan->device->deep.gemm.kernel.rows, rows = own.last - own.first;
    const uint32_t panels = ceil_div32(rows, unit), blocks = ceil_div32(panels, block_rows(work.plan) / unit);
    for (uint32_t b = 0; b < blocks; b++) {
        const struct cpu_share share = cpu_share(panels, b, blocks);
        const struct cpu_share block = {own.first + cpu_share(rows, share.first, panels).first,
                                        own.first + cpu_share(rows, share.last - 1, panels).last};
        work.rows = &block;
        run_nodes(&work, first, n);
    }
}

/* ---- sequences */

/* The number of the sequence that begins nearest to a row. */
static uint32_t sequence_at(const struct cpu_operand *starts, uint32_t row)
{
    uint32_t s = 0;
    while (s + 1 < starts->rows && (uint32_t)cpu_index(starts, s + 1) <= row)
        s++;
    const bool nearer_next =
        s + 1 < starts->rows && (uint32_t)cpu_index(starts, s + 1) - row < row - (uint32_t)cpu_index(starts, s);
    return s + nearer_next;
}

/* The sequences of a member. False: they do not take all rows, or cannot be parted so evenly that nobody waits for
 * longer than at a barrier. */
static bool part_sequences(const struct cpu_operand *starts, uint32_t rows, uint32_t member, uint32_t members,
                           struct cpu_share *own)
{
    enum { EVEN = 64 };
    uint32_t before = 0;
    for (uint32_t m = 0; starts->rows && m < members; m++) {
        const uint32_t end = sequence_at(starts, cpu_share(rows, m, members).last);
        const uint32_t taken = (uint32_t)(cpu_index(starts, end) - cpu_index(starts, before));
        if (taken > rows / members + rows / members / EVEN)
            return false;
        if (m == member)
            *own = (struct cpu_share){before, end};
        before = end;
    }
    return before + 1 == starts->rows && (uint32_t)cpu_index(starts, before) == rows;
}

/* A chain and the attention behind it, as many sequences at a time as have queries, keys and values that stay in cache
 * from one to the other. False, and nothing is done: they cannot be parted. */
static bool run_by_sequences(struct work work, uint32_t first, uint32_t n, uint32_t rows)
{
    enum { TOGETHER = 256 }; /* rows */
    struct cpu_share own = {0}, sequences;
    const struct cpu_operand starts =
        whole_operand(work.plan, &work.plan->nodes[first + n], PLN_ATTENTION_INPUT_STARTS);
    if (!part_sequences(&starts, rows, work.member, work.members, &own))
        return false;
    for (uint32_t s = own.first; s < own.last; s = sequences.last) {
        const uint32_t row = (uint32_t)cpu_index(&starts, s);
        sequences = (struct cpu_share){s, s + 1};
        while (sequences.last < own.last && (uint32_t)cpu_index(&starts, sequences.last + 1) - row <= TOGETHER)
            sequences.last++;
        run_by_rows(work, first, n, (struct cpu_share){row, (uint32_t)cpu_index(&starts, sequences.last)});
        work.sequences = &sequences;
        run_nodes(&work, first + n, 1);
        work.sequences = NULL;
    }
    return true;
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
        const uint32_t rows = node->chain > 1 || node->joined ? rows_of(p, node) : 0;
        const bool many = rows >= block_rows(p) / 2 * members;
        n = many ? node->chain : 1;
        if (many && node->joined && run_by_sequences(work, i, n, rows))
            n++;
        else if (n > 1)
            run_by_rows(work, i, n, cpu_share(rows, member, members));
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
