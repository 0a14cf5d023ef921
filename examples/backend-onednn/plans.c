/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans: the primitives of each node, and runs cut into them.
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "onednn.h"

#include <omp.h>
#include <time.h>

static struct matrix operand(const pln_segment *segment, const int32_t *list, uint32_t n, uint32_t i)
{
    const pln_value_info *v = i < n ? pln_segment_value(segment, list[i]) : NULL;
    if (!v)
        return (struct matrix){0};
    if (v->constant) {
        const pln_constant *c = v->constant;
        return (struct matrix){(char *)(uintptr_t)c->rows, v->rows, v->width, v->width, c};
    }
    return (struct matrix){v->data, v->rows, v->width, v->row_stride, NULL};
}

static void take_node(struct node *n, const pln_segment *segment, const pln_node_info *info)
{
    n->op = info->op;
    n->x = operand(segment, info->inputs, info->n_inputs, 0);
    n->weight = operand(segment, info->inputs, info->n_inputs, 1);
    n->bias = operand(segment, info->inputs, info->n_inputs, 2);
    n->y = operand(segment, info->outputs, info->n_outputs, 0);
    if (n->op == PLN_OP_LAYER_NORM) {
        n->eps = ((const pln_layer_norm_params *)info->params)->eps;
        return;
    }
    n->activation = ((const pln_linear_params *)info->params)->activation;
    n->residual = operand(segment, info->inputs, info->n_inputs, PLN_LINEAR_INPUT_RESIDUAL);
    if (n->weight.constant)
        n->weight.data = n->weight.constant->packed;
}

/* The capacity, then powers of two, largest first. */
static int add_primitives(pln_plan *p, struct node *n, uint32_t capacity)
{
    uint32_t size = 1;
    while (size <= capacity / 2)
        size *= 2;
    int done = capacity == 0 || add_primitive(p, n, capacity);
    for (; done && capacity && size; size /= 2)
        if (size != capacity)
            done = add_primitive(p, n, size);
    return done;
}

/* Memory that the primitives share, since they run one after the other. */
static int give_memory(pln_plan *p)
{
    const pln_host *host = p->device->host;
    p->scratch = host->allocate(host->context, p->scratch_bytes + 1);
    p->halves = host->allocate(host->context, p->half_bytes + 1);
    if (!p->scratch || !p->halves)
        return 0;
    for (uint32_t i = 0; i < p->n_nodes; i++)
        for (uint32_t j = 0; j < p->nodes[i].n_primitives; j++) {
            struct primitive *v = &p->nodes[i].primitives[j];
            dnnl_memory_set_data_handle(v->arguments[v->n - 1].memory, p->scratch);
            if (v->half)
                dnnl_memory_set_data_handle(v->half, p->halves);
        }
    return 1;
}

void plan_destroy(pln_plan **plan)
{
    pln_plan *p = *plan;
    *plan = NULL;
    if (!p)
        return;
    const pln_host *host = p->device->host;
    for (uint32_t i = 0; i < p->n_nodes; i++)
        for (uint32_t j = 0; j < p->nodes[i].n_primitives; j++)
            destroy_primitive(&p->nodes[i].primitives[j]);
    host->release(host->context, p->scratch);
    host->release(host->context, p->halves);
    host->release(host->context, p);
}

pln_status plan_create(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *failure)
{
    const pln_host *host = device->host;
    for (uint32_t i = 0; i < segment->n_nodes; i++)
        if (refusal(segment, i))
            return pln_failed(failure, PLN_UNSUPPORTED, (int32_t)i, "onednn: %s", refusal(segment, i));
    pln_plan *p = host->allocate(host->context, sizeof *p + segment->n_nodes * sizeof *p->nodes);
    if (!p)
        return pln_failed(failure, PLN_NO_MEMORY, -1, "onednn: no memory for a plan");
    p->device = device;
    p->n_nodes = segment->n_nodes;
    p->timed = segment->flags & PLN_SEGMENT_TIMED;
    omp_set_num_threads((int)host->team_size(host->context));
    for (uint32_t i = 0; i < p->n_nodes; i++) {
        const pln_node_info *info = pln_segment_node(segment, i);
        take_node(&p->nodes[i], segment, info);
        if (!add_primitives(p, &p->nodes[i], pln_dim_rows(p->nodes[i].y.rows, segment->capacity))) {
            plan_destroy(&p);
            return pln_failed(failure, PLN_FAILED, (int32_t)i, "onednn: no primitive for %s", info->name);
        }
    }
    if (!give_memory(p)) {
        plan_destroy(&p);
        return pln_failed(failure, PLN_NO_MEMORY, -1, "onednn: no memory for the scratch of a plan");
    }
    *plan = p;
    return PLN_OK;
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int run_node(const pln_device *device, const struct node *node, uint32_t rows)
{
    uint32_t first = 0;
    for (uint32_t i = 0; i < node->n_primitives; i++)
        for (const struct primitive *p = &node->primitives[i]; rows - first >= p->rows; first += p->rows)
            if (!run_primitive(device, node, p, first))
                return 0;
    return 1;
}

pln_status plan_run(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    for (uint32_t i = 0; i < plan->n_nodes; i++) {
        struct node *node = &plan->nodes[i];
        const uint64_t begin = plan->timed ? now() : 0;
        if (!run_node(plan->device, node, pln_dim_rows(node->y.rows, run->dims)))
            return pln_failed(failure, PLN_FAILED, (int32_t)i, "onednn: a primitive failed");
        node->ns = plan->timed ? now() - begin : 0;
    }
    if (dnnl_stream_wait(plan->device->stream) != dnnl_success)
        return pln_failed(failure, PLN_FAILED, -1, "onednn: the stream failed");
    return PLN_OK;
}

pln_status plan_timing(pln_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_failure *failure)
{
    (void)failure;
    for (uint32_t i = 0; i < n_nodes && i < plan->n_nodes; i++)
        node_ns[i] = plan->nodes[i].ns;
    return PLN_OK;
}
