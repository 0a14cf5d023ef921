/* SPDX-License-Identifier: Apache-2.0
 *
 * The door of a run, an estimate or a plan: numbers of symbols, and what is bound to inputs and outputs.
 */
#include <string.h>

#include "common/fail.h"
#include "scheduler/scheduler.h"

/* A value at the numbers of its bucket, which are the larger ones. */
static bool has_shape(const pln_value *value, const uint32_t *capacity)
{
    const uint64_t rows = (uint64_t)value->rows.scale * capacity[value->rows.symbol] + value->rows.offset;
    return rows <= UINT32_MAX && rows <= GRAPH_MOST_ELEMENTS / value->row_stride;
}

pln_status sched_check_dims(const pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims, uint32_t *taken,
                            pln_error *error)
{
    const pln_graph *graph = schedule->graph;
    const uint32_t n = graph->n_symbols;
    uint32_t capacity[GRAPH_SYMBOLS];
    if (n_dims < n)
        return pln_fail(error, PLN_INVALID, "graph %s has %u symbols, only %u numbers are given", graph->name, n,
                        n_dims);
    memset(taken, 0, GRAPH_SYMBOLS * sizeof *taken);
    for (uint32_t i = 1; i < n; i++) {
        taken[i] = dims[i];
        if (dims[i] > GRAPH_MOST_SIDE)
            return pln_fail(error, PLN_INVALID, "%s of graph %s is %u, expected at most %d", graph->symbols[i],
                            graph->name, dims[i], GRAPH_MOST_SIDE);
    }
    sched_bucket(schedule, taken, capacity);
    for (uint32_t i = 0; i < graph->n_values; i++) {
        const pln_value *value = graph->values[i];
        if (!has_shape(value, capacity))
            return pln_fail(error, PLN_INVALID,
                            "value %s of graph %s would have %u * %u + %u rows of width %u: too many", value->name,
                            graph->name, value->rows.scale, taken[value->rows.symbol], value->rows.offset,
                            value->width);
        if (!value->outer || graph_window_holds(value, taken))
            continue;
        if (value->reshaped)
            return pln_fail(error, PLN_INVALID, "value %s of graph %s is reshaped from %u x %u to %u x %u elements",
                            value->name, graph->name, pln_dim_rows(value->outer->rows, taken), value->outer->width,
                            pln_dim_rows(value->rows, taken), value->width);
        return pln_fail(error, PLN_INVALID, "row %u of value %s of graph %s is taken, but it has %u",
                        (uint32_t)((value->first - value->outer->first) / value->outer->row_stride), value->name,
                        graph->name, pln_dim_rows(value->outer->rows, taken));
    }
    return PLN_OK;
}

static pln_status check_names(const char *what, const pln_binding *bindings, uint32_t n, pln_error *error)
{
    for (uint32_t i = 0; i < n; i++)
        if (!bindings[i].name)
            return pln_fail(error, PLN_INVALID, "%s %u (without a name): its name is NULL", what, i);
        else if (!bindings[i].data)
            return pln_fail(error, PLN_INVALID, "%s %u (%s): its data is NULL", what, i, bindings[i].name);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(bindings[i].name, bindings[j].name) == 0)
                return pln_fail(error, PLN_INVALID, "%s %s is bound twice", what, bindings[i].name);
    return PLN_OK;
}

static bool has_output(const pln_graph *graph, const char *name)
{
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        if (strcmp(graph->outputs[i].name, name) == 0)
            return true;
    return false;
}

/* The memory of a name. */
static void *find_binding(const pln_binding *bindings, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(bindings[i].name, name) == 0)
            return bindings[i].data;
    return NULL;
}

pln_status sched_bind(pln_schedule *schedule, const pln_binding *inputs, uint32_t n_inputs, const pln_binding *outputs,
                      uint32_t n_outputs, pln_error *error)
{
    const pln_graph *graph = schedule->graph;
    pln_status status = check_names("input", inputs, n_inputs, error);
    if (status == PLN_OK)
        status = check_names("output", outputs, n_outputs, error);
    for (uint32_t i = 0; status == PLN_OK && i < graph->n_values; i++) {
        const pln_value *value = graph->values[i];
        if (value->kind != PLN_VALUE_INPUT || value->base != value)
            continue;
        schedule->inputs[i] = find_binding(inputs, n_inputs, value->name);
        if (!schedule->inputs[i])
            status = pln_fail(error, PLN_INVALID, "input %s of graph %s is not bound", value->name, graph->name);
    }
    for (uint32_t i = 0; status == PLN_OK && i < graph->n_outputs; i++)
        schedule->outputs[i] = find_binding(outputs, n_outputs, graph->outputs[i].name);
    for (uint32_t i = 0; status == PLN_OK && i < n_outputs; i++)
        if (!has_output(graph, outputs[i].name))
            status = pln_fail(error, PLN_INVALID, "graph %s has no output %s", graph->name, outputs[i].name);
    return status;
}
