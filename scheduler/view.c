/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes of a graph as a backend sees them.
 */
#include <string.h>

#include "common/fail.h"
#include "scheduler/scheduler.h"

/* Which values the nodes use, in the order of first use. */
struct value_set {
    int32_t *index; /* [values of the graph], SCHED_NONE: not used */
    const pln_value **values;
    bool *outside; /* [values of the graph], bases: others read them too */
    uint32_t n;
};

/* Bases that nodes of the graph which are not among these read, or the host. inside: [nodes of the graph] */
static void find_outside(const pln_graph *graph, const bool *inside, bool *outside)
{
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        for (uint32_t j = 0; !inside[i] && j < graph->nodes[i]->n_inputs; j++)
            if (graph->nodes[i]->inputs[j])
                outside[graph->nodes[i]->inputs[j]->base->id] = true;
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        outside[graph->outputs[i].value->base->id] = true;
}

static int32_t add_value(struct value_set *set, const pln_value *value)
{
    if (!value)
        return PLN_ABSENT;
    if (set->index[value->id] == SCHED_NONE) {
        set->index[value->id] = (int32_t)set->n;
        set->values[set->n++] = value;
    }
    return set->index[value->id];
}

static bool view_node(struct arena *arena, const struct graph_node *node, struct value_set *set,
                      const uint32_t *capacity, pln_node_info *out)
{
    const struct graph_op *op = graph_op(node->op);
    *out = (pln_node_info){
        .size = sizeof *out,
        .op = node->op,
        .version = op->version,
        .name = node->name,
        .params = node->params,
        .params_size = op->params_size,
        .n_inputs = node->n_inputs,
        .n_outputs = node->n_outputs,
        .flops = graph_node_flops(node, capacity),
        .bytes = graph_node_bytes(node, capacity),
    };
    int32_t *index = arena_allocate(arena, (out->n_inputs + out->n_outputs) * sizeof *index);
    if (!index)
        return false;
    for (uint32_t i = 0; i < out->n_inputs; i++)
        index[i] = add_value(set, node->inputs[i]);
    for (uint32_t i = 0; i < out->n_outputs; i++)
        index[out->n_inputs + i] = add_value(set, node->outputs[i]);
    out->inputs = index;
    out->outputs = index + out->n_inputs;
    return true;
}

static pln_constant *find_constant(const pln_schedule *schedule, const pln_value *value, uint32_t device)
{
    for (uint32_t i = 0; i < schedule->n_uses; i++)
        if (schedule->uses[i].value == value && schedule->uses[i].device == device)
            return schedule->uses[i].constant ? sched_constant_handle(schedule->uses[i].constant) : NULL;
    return NULL;
}

static pln_status view_value(pln_schedule *schedule, const struct sched_plan *plan, uint32_t device,
                             const pln_value *value, bool outside, pln_value_info *out, pln_error *error)
{
    const bool temporary = value->kind == PLN_VALUE_TEMPORARY;
    *out = (pln_value_info){.size = sizeof *out,
                            .kind = (uint32_t)value->kind,
                            .dtype = (uint32_t)value->dtype,
                            .layout = PLN_LAYOUT_ROWS,
                            .flags = (temporary && outside ? PLN_VALUE_READ_OUTSIDE : 0u) |
                                     (temporary && value->base == value ? PLN_VALUE_SPARE_ROWS : 0u),
                            .rows = value->rows,
                            .width = value->width,
                            .row_stride = value->row_stride,
                            .name = value->name};
    if (!plan)
        return PLN_OK;
    if (value->kind == PLN_VALUE_CONSTANT) {
        out->constant = find_constant(schedule, value, device);
        return PLN_OK;
    }
    const struct sched_device *d = &schedule->devices->devices[device];
    struct sched_location at;
    const pln_status status = sched_locate(schedule, plan, value, d->domain, &at, error);
    if (status != PLN_OK)
        return status;
    out->data = at.data;
    out->buffer = at.data ? NULL : at.buffer;
    out->offset = at.data ? 0 : at.offset;
    return PLN_OK;
}

static pln_status view_nodes(pln_schedule *schedule, const struct sched_plan *plan, uint32_t device,
                             struct graph_node *const *listed, uint32_t n, const uint32_t *capacity,
                             struct arena *arena, pln_segment *view, pln_error *error)
{
    const pln_graph *graph = schedule->graph;
    pln_node_info *nodes = arena_allocate(arena, (n + 1) * sizeof *nodes);
    struct value_set set = {.index = arena_allocate(arena, (graph->n_values + 1) * sizeof *set.index),
                            .values = arena_allocate(arena, (graph->n_values + 1) * sizeof *set.values),
                            .outside = arena_allocate(arena, graph->n_values + 1)};
    bool *inside = arena_allocate(arena, graph->n_nodes + 1);
    bool fits = nodes && set.index && set.values && set.outside && inside;
    if (fits)
        memset(set.index, 0xff, graph->n_values * sizeof *set.index); /* SCHED_NONE */
    for (uint32_t i = 0; fits && i < n; i++) {
        inside[listed[i]->id] = true;
        fits = view_node(arena, listed[i], &set, capacity, &nodes[i]);
    }
    if (fits)
        find_outside(graph, inside, set.outside);
    pln_value_info *values = fits ? arena_allocate(arena, (set.n + 1) * sizeof *values) : NULL;
    if (!values)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a view of %u nodes", n);
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < set.n; i++)
        status =
            view_value(schedule, plan, device, set.values[i], set.outside[set.values[i]->base->id], &values[i], error);
    *view = (pln_segment){.size = sizeof *view,
                          .flags =
                              (schedule->timed ? PLN_SEGMENT_TIMED : 0u) | (schedule->steady ? PLN_SEGMENT_STEADY : 0u),
                          .n_nodes = n,
                          .node_stride = sizeof *nodes,
                          .nodes = nodes,
                          .n_values = set.n,
                          .value_stride = sizeof *values,
                          .values = values,
                          .n_symbols = graph->n_symbols,
                          .capacity = capacity};
    return status;
}

pln_status sched_view(pln_schedule *schedule, const struct sched_plan *plan, uint32_t device, uint32_t first,
                      uint32_t n, const uint32_t *capacity, struct arena *arena, pln_segment *view, pln_error *error)
{
    return view_nodes(schedule, plan, device, schedule->graph->nodes + first, n, capacity, arena, view, error);
}

pln_status sched_view_device(pln_schedule *schedule, uint32_t device, const uint32_t *capacity, struct arena *arena,
                             pln_segment *view, pln_error *error)
{
    const pln_graph *graph = schedule->graph;
    struct graph_node **nodes = arena_allocate(arena, (graph->n_nodes + 1) * sizeof *nodes);
    uint32_t n = 0;
    if (!nodes)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a view of %u nodes", graph->n_nodes);
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        if (schedule->places[i].device == device)
            nodes[n++] = graph->nodes[i];
    return view_nodes(schedule, NULL, device, nodes, n, capacity, arena, view, error);
}
