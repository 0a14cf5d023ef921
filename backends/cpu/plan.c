/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans: a copy of the segment with its scratch.
 */
#include <string.h>

#include "backends/cpu/plan.h"
#include "common/uses.h"

/* ---- nodes at capacity */

static struct cpu_operand capacity_of(const pln_segment *segment, int32_t at)
{
    const pln_value_info *v = pln_segment_value(segment, at);
    if (!v)
        return (struct cpu_operand){0};
    return (struct cpu_operand){.rows = pln_dim_rows(v->rows, segment->capacity),
                                .width = v->width,
                                .stride = v->row_stride,
                                .constant = v->kind == PLN_VALUE_CONSTANT};
}

/* As many as both sides know; what is behind them is zero. */
static void copy_params(uint32_t *params, const pln_node_info *node, uint32_t row)
{
    const uint32_t known = cpu_rows[row].params_size;
    const uint32_t bytes = node->params_size < known ? node->params_size : known;
    if (bytes)
        memcpy(params, node->params, bytes);
}

struct capacity {
    struct cpu_operand in[CPU_OPERANDS];
    uint32_t params[CPU_PARAMS];
    struct cpu_call call;
    const struct cpu_math *math;
};

/* Products of a weight that is packed in each run: kept in bf16 it would only be rounded, and widened again. */
static bool packs_in_run(uint32_t row, const struct cpu_call *call)
{
    return row == CPU_ROW_LINEAR_BACKWARD_X || row == CPU_ROW_LINEAR_BACKWARD_WEIGHT ||
           (row == CPU_ROW_LINEAR && !call->in[PLN_LINEAR_INPUT_WEIGHT].constant);
}

/* A node of a known op, as many operands and params as both sides know. */
static void take_capacity(struct capacity *c, const pln_device *device, const pln_segment *segment,
                          const pln_node_info *node)
{
    const uint32_t row = cpu_row_find(node->op);
    *c = (struct capacity){0};
    for (uint32_t j = 0; j < node->n_inputs && j < cpu_rows[row].n_inputs; j++)
        c->in[j] = capacity_of(segment, node->inputs[j]);
    copy_params(c->params, node, row);
    c->call = (struct cpu_call){.in = c->in, .params = c->params};
    const uint32_t n = row == CPU_ROW_LINEAR ? c->in[PLN_LINEAR_INPUT_WEIGHT].rows : UINT32_MAX;
    c->math = cpu_math_of(device, n, cpu_product_depth(row, &c->call));
    if (c->math->gemm.kernel.wide && packs_in_run(row, &c->call))
        c->math = &device->shallow;
    c->call.gemm = &c->math->gemm;
}

static const struct cpu_math *math_of(const pln_device *device, const pln_segment *segment, const pln_node_info *node)
{
    struct capacity c;
    if (cpu_row_find(node->op) == CPU_OPS)
        return &device->deep;
    take_capacity(&c, device, segment, node);
    return c.math;
}

/* ---- time, of one core: estimates */

static uint64_t arithmetic_ns(const pln_node_info *node)
{
    return node->flops / 40;
}

static uint64_t memory_ns(const pln_node_info *node)
{
    return node->bytes / 10;
}

/* Waking the team and a barrier after each node cost more than the team saves. Measured on eight products in a row,
 * AVX-512, two members: of 64x64 on 16 rows (estimated 4 us each) they take 11 us alone and 22 at best together. */
static bool is_small(const pln_segment *segment)
{
    enum { SMALL_NODE_NS = 5000 };
    uint64_t ns = 0;
    for (uint32_t i = 0; i < segment->n_nodes; i++)
        ns += arithmetic_ns(pln_segment_node(segment, i)) + memory_ns(pln_segment_node(segment, i));
    return ns < (uint64_t)SMALL_NODE_NS * segment->n_nodes;
}

/* ---- verdicts */

/* NULL if the node is taken, else why not. */
static const char *refusal(const pln_device *device, const pln_segment *segment, const pln_node_info *node)
{
    const uint32_t at = cpu_row_find(node->op);
    if (at == CPU_OPS)
        return "an op that this build does not know";
    const struct cpu_row *row = &cpu_rows[at];
    if (!pln_node_fits(segment, node, row->version, row->params_size, row->n_inputs, row->n_outputs))
        return "it uses more of the op than this build knows";
    if (device->deep.gemm.kernel.x_row_bytes &&
        (at == CPU_ROW_LINEAR_BACKWARD_X || at == CPU_ROW_LINEAR_BACKWARD_WEIGHT))
        return "math=int8 has no gradients";
    return NULL;
}

pln_status cpu_supports(pln_device *device, const pln_segment *segment, pln_verdict *verdicts, uint32_t verdict_stride,
                        pln_failure *error)
{
    (void)error;
    const uint32_t members = device->host->team_size(device->host->context);
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const pln_node_info *node = pln_segment_node(segment, i);
        const char *reason = refusal(device, segment, node);
        pln_verdict *verdict = (pln_verdict *)(void *)((char *)verdicts + (size_t)i * verdict_stride);
        verdict->supported = !reason;
        verdict->estimated_ns = arithmetic_ns(node) / (members ? members : 1) + memory_ns(node);
        if (!reason)
            cpu_math_name(math_of(device, segment, node), cpu_row_find(node->op), verdict->kernel,
                          sizeof verdict->kernel);
        snprintf(verdict->reason, sizeof verdict->reason, "%s", reason ? reason : "");
    }
    return PLN_OK;
}

/* ---- scratch */

/* What a member may pass packed from node i to the next, whether or not memory will allow it. */
static uint64_t passed_bytes(const pln_device *device, const pln_segment *segment, uint32_t i, const struct capacity *c)
{
    const pln_node_info *node = pln_segment_node(segment, i);
    if (node->op != PLN_OP_LINEAR || i + 1 == segment->n_nodes)
        return 0;
    const pln_node_info *next = pln_segment_node(segment, i + 1);
    if (next->op != PLN_OP_LINEAR || next->inputs[PLN_LINEAR_INPUT_X] != node->outputs[PLN_LINEAR_OUTPUT_Y])
        return 0;
    struct capacity next_c;
    take_capacity(&next_c, device, segment, next);
    const struct cpu_operand *weight = &c->in[PLN_LINEAR_INPUT_WEIGHT], *x = &c->in[PLN_LINEAR_INPUT_X];
    return weight->constant && next_c.in[PLN_LINEAR_INPUT_WEIGHT].constant && c->math == next_c.math
               ? cpu_gemm_passed_bytes(&c->math->gemm, cpu_gemm_block_rows(&device->deep.gemm), x->width, weight->rows)
               : 0;
}

/* The most that any node needs. */
static struct scratch scratch_of(const pln_device *device, const pln_segment *segment)
{
    struct scratch most = {0};
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const pln_node_info *node = pln_segment_node(segment, i);
        const uint32_t row = cpu_row_find(node->op);
        if (refusal(device, segment, node))
            continue;
        struct capacity c;
        take_capacity(&c, device, segment, node);
        const uint64_t member = cpu_member_bytes(row, &c.call), shared = cpu_shared_bytes(row, &c.call);
        const uint64_t passed = passed_bytes(device, segment, i, &c);
        most.member = member > most.member ? member : most.member;
        most.shared = shared > most.shared ? shared : most.shared;
        most.passed = passed > most.passed ? passed : most.passed;
    }
    return most;
}

static uint64_t all_bytes(const struct scratch *scratch, uint32_t members)
{
    return scratch->shared + members * (scratch->member + scratch->passed);
}

/* ---- life of a plan */

static void copy_segment(pln_plan *plan, const pln_segment *segment)
{
    for (uint32_t i = 0; i < segment->n_values; i++) {
        const pln_value_info *v = pln_segment_value(segment, (int32_t)i);
        plan->values[i] = (struct value){.data = v->data,
                                         .rows = v->rows,
                                         .capacity = pln_dim_rows(v->rows, segment->capacity),
                                         .width = v->width,
                                         .stride = v->row_stride};
        if (v->constant) {
            plan->values[i].data = (void *)(uintptr_t)v->constant->rows;
            plan->values[i].panels = v->constant->panels;
            plan->values[i].stride = v->width;
        }
    }
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const pln_node_info *n = pln_segment_node(segment, i);
        struct node *node = &plan->nodes[i];
        node->row = cpu_row_find(n->op);
        node->math = math_of(plan->device, segment, n);
        copy_params(node->params, n, node->row);
        const struct cpu_row *row = &cpu_rows[node->row];
        for (uint32_t j = 0; j < CPU_OPERANDS; j++) {
            node->operands[j] = j < n->n_inputs && j < row->n_inputs ? n->inputs[j] : PLN_ABSENT;
            node->operands[CPU_OPERANDS + j] = j < n->n_outputs && j < row->n_outputs ? n->outputs[j] : PLN_ABSENT;
        }
    }
}

void cpu_plan_destroy(pln_plan **plan)
{
    pln_plan *p = *plan;
    *plan = NULL;
    if (!p)
        return;
    const pln_host *host = p->device->host;
    host->release(host->context, p->nodes);
    host->release(host->context, p->values);
    host->release(host->context, p->ns);
    host->release(host->context, p->scratch);
    host->release(host->context, p);
}

static pln_plan *allocate_plan(pln_device *device, const pln_segment *segment)
{
    const pln_host *host = device->host;
    pln_plan *p = host->allocate(host->context, sizeof *p);
    if (!p)
        return NULL;
    *p = (pln_plan){.device = device,
                    .timed = segment->flags & PLN_SEGMENT_TIMED,
                    .steady = segment->flags & PLN_SEGMENT_STEADY,
                    .alone = is_small(segment),
                    .n_nodes = segment->n_nodes,
                    .members = host->team_size(host->context),
                    .bytes = scratch_of(device, segment)};
    const uint64_t bytes = all_bytes(&p->bytes, p->members);
    p->nodes = host->allocate(host->context, segment->n_nodes * sizeof *p->nodes);
    p->values = host->allocate(host->context, segment->n_values * sizeof *p->values);
    p->ns = p->timed ? host->allocate(host->context, segment->n_nodes * sizeof *p->ns) : NULL;
    p->scratch = bytes ? host->allocate(host->context, bytes) : NULL;
    if (!p->nodes || !p->values || (p->timed && !p->ns) || (bytes && !p->scratch))
        cpu_plan_destroy(&p);
    return p;
}

pln_status cpu_plan_create(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *error)
{
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const char *reason = refusal(device, segment, pln_segment_node(segment, i));
        if (reason)
            return pln_failed(error, PLN_UNSUPPORTED, (int32_t)i, "cpu refuses %s: %s",
                              pln_segment_node(segment, i)->name, reason);
    }
    *plan = allocate_plan(device, segment);
    if (!*plan)
        return pln_failed(error, PLN_NO_MEMORY, -1, "cpu: no memory for a plan of %u nodes", segment->n_nodes);
    copy_segment(*plan, segment);
    cpu_find_chains(*plan);
    cpu_find_halves(*plan);
    return PLN_OK;
}

/* ---- what is told of a plan */

pln_status cpu_plan_timing(pln_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_failure *error)
{
    if (!plan->timed || n_nodes != plan->n_nodes)
        return pln_failed(error, PLN_INVALID, -1, "cpu: the plan was not made to be timed for %u nodes", n_nodes);
    memcpy(node_ns, plan->ns, n_nodes * sizeof *node_ns);
    return PLN_OK;
}

/* Bytes of the constants as all nodes of the segment together use them. */
static pln_status add_constants(const pln_device *device, const pln_segment *segment, uint64_t *total,
                                pln_failure *error)
{
    struct uses *uses = uses_create(device->host, segment);
    if (!uses)
        return pln_failed(error, PLN_NO_MEMORY, -1, "cpu: no memory for the uses of constants");
    for (uint32_t i = 0; i < segment->n_values; i++) {
        const pln_value_info *value = pln_segment_value(segment, (int32_t)i);
        if (value->kind != PLN_VALUE_CONSTANT || !uses[i].n)
            continue;
        const pln_constant_info info = {.size = sizeof info,
                                        .rows = pln_dim_rows(value->rows, segment->capacity),
                                        .width = value->width,
                                        .n_uses = uses[i].n,
                                        .use_stride = sizeof *uses[i].list,
                                        .uses = uses[i].list};
        const struct cpu_constant_bytes bytes = cpu_constant_bytes(device, &info);
        *total += bytes.rows + bytes.panels;
    }
    uses_release(device->host, uses);
    return PLN_OK;
}

static void list_kernels(const pln_device *device, const pln_segment *segment, const pln_plan *plan,
                         pln_plan_info *info)
{
    const uint32_t room = info->n_kernels;
    info->n_kernels = plan ? plan->n_nodes : segment->n_nodes;
    for (uint32_t i = 0; i < info->n_kernels && i < room; i++) {
        const uint32_t row = plan ? plan->nodes[i].row : cpu_row_find(pln_segment_node(segment, i)->op);
        const struct cpu_math *math =
            plan ? plan->nodes[i].math : math_of(device, segment, pln_segment_node(segment, i));
        pln_launch_info kernel = {.size = sizeof kernel};
        cpu_math_name(math, row, kernel.name, sizeof kernel.name);
        pln_plan_give_kernel(info, room, i, &kernel);
    }
}

pln_status cpu_plan_info(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                         pln_failure *error)
{
    const struct scratch bytes = plan ? plan->bytes : scratch_of(device, segment);
    list_kernels(device, segment, plan, info);
    info->scratch_bytes = all_bytes(&bytes, device->host->team_size(device->host->context));
    info->constant_bytes = 0;
    for (uint32_t i = 0; plan && segment && i < segment->n_values; i++)
        if (pln_segment_value(segment, (int32_t)i)->kind == PLN_VALUE_CONSTANT)
            info->constant_bytes += pln_segment_value(segment, (int32_t)i)->constant->bytes;
    return plan ? PLN_OK : add_constants(device, segment, &info->constant_bytes, error);
}
