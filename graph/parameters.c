/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights that are trained: windows of one flat state, and the table that says which tensor lies where.
 */
#include <string.h>

#include "common/round.h"
#include "graph/graph.h"

/* A line at the end of the table; NULL: there is no memory. */
static pln_parameter *add_line(pln_graph *graph, const struct weight *weight)
{
    pln_parameter *table = graph_grow(graph, graph->table, graph->n_table, &graph->room_table, sizeof *graph->table);
    const struct weight **weights = graph_grow(graph, graph->table_weights, graph->n_table, &graph->room_table_weights,
                                               sizeof *graph->table_weights);
    if (!table || !weights)
        return NULL;
    graph->table = table;
    graph->table_weights = weights;
    weights[graph->n_table] = weight;
    return &table[graph->n_table++];
}

static const pln_tensor *describe(pln_graph *graph, const struct weight *weight)
{
    pln_tensor *tensor = graph_allocate(graph, sizeof *tensor);
    if (tensor)
        *tensor = weight_tensor(weight);
    return tensor;
}

/* Parts of rank 1 lie side by side in one row, parts of rank 2 one below the other. `given` are a caller's tensors. */
static void list_tensors(pln_graph *graph, const pln_value *value, const struct weight *const *parts,
                         const pln_tensor *const *given, uint32_t n_parts, const pln_parameter_options *options)
{
    uint64_t first = value->first;
    const uint64_t elements = (uint64_t)value->rows.offset * value->row_stride;
    for (uint32_t i = 0; i < n_parts; i++) {
        const bool vector = parts[i]->rank == 1;
        const pln_tensor *tensor = given ? given[i] : describe(graph, parts[i]);
        pln_parameter *line = add_line(graph, parts[i]);
        if (!tensor || !line)
            return;
        *line = (pln_parameter){.name = parts[i]->name,
                                .tensor = tensor,
                                .first = first,
                                .rows = vector ? 1 : (uint32_t)parts[i]->shape[0],
                                .width = (uint32_t)parts[i]->shape[vector ? 0 : 1],
                                .row_stride = value->row_stride,
                                .flat_row = (uint32_t)(value->first / PLN_PARAMETER_WIDTH),
                                .flat_rows = (uint32_t)ceil_div(elements, PLN_PARAMETER_WIDTH),
                                .weight_decay = options->weight_decay,
                                .learning_rate = options->learning_rate};
        first += vector ? line->width : (uint64_t)line->rows * line->row_stride;
    }
}

static pln_value *find_weight(pln_graph *graph, const char *name, uint32_t rows, uint32_t width)
{
    for (uint32_t i = 0; i < graph->n_weights; i++) {
        pln_value *value = graph->weights[i];
        if (strcmp(value->name, name) != 0)
            continue;
        if (value->rows.offset != rows || value->width != width)
            graph_fail(graph, name, PLN_INVALID, "parameter is [%u, %u] and now [%u, %u]", value->rows.offset,
                       value->width, rows, width);
        return value;
    }
    return NULL;
}

/* The flat state grows by whole rows, so that each of its rows belongs to one parameter. */
static pln_value *add_weight(pln_graph *graph, const char *name, uint32_t rows, uint32_t width)
{
    if (!graph->parameters)
        graph->parameters = pln_graph_state(graph, GRAPH_PARAMETERS, 0, PLN_PARAMETER_WIDTH);
    pln_value **weights =
        graph_grow(graph, graph->weights, graph->n_weights, &graph->room_weights, sizeof *graph->weights);
    const size_t bytes = strlen(name) + 1;
    char *copy = graph_allocate(graph, bytes);
    if (copy)
        memcpy(copy, name, bytes);
    if (!graph->parameters || !weights || !copy)
        return NULL;
    const uint32_t stride = graph_row_stride(width), flat_row = graph->parameters->rows.offset;
    const uint64_t flat_rows = ceil_div((uint64_t)rows * stride, PLN_PARAMETER_WIDTH);
    if (flat_row + flat_rows > UINT32_MAX) {
        graph_fail(graph, name, PLN_INVALID, "too many parameters");
        return NULL;
    }
    pln_value *value = graph_add_window(graph, graph->parameters, (uint64_t)flat_row * PLN_PARAMETER_WIDTH,
                                        pln_rows_fixed(rows), width, stride);
    if (!value)
        return NULL;
    value->name = copy;
    graph->parameters->rows.offset += (uint32_t)flat_rows;
    graph->weights = weights;
    return graph->weights[graph->n_weights++] = value;
}

static pln_value *add_parameter(pln_graph *graph, const char *name, const struct weight *const *parts,
                                const pln_tensor *const *given, uint32_t n_parts, const pln_parameter_options *options)
{
    pln_parameter_options factors = {.size = sizeof factors, .weight_decay = 1, .learning_rate = 1};
    uint32_t rows, width;
    if (!GRAPH_TAKE(graph, name, pln_parameter_options, factors, options))
        return NULL;
    if (graph->gradients)
        graph_fail(graph, name, PLN_INVALID, "a parameter after pln_graph_gradients");
    parts = graph_join_parts(graph, name, parts, n_parts, &rows, &width);
    if (!parts || graph->error.status != PLN_OK)
        return NULL;
    pln_value *value = find_weight(graph, name, rows, width);
    if (value)
        return value;
    value = add_weight(graph, name, rows, width);
    if (value)
        list_tensors(graph, value, parts, given, n_parts, &factors);
    return value;
}

pln_value *graph_parameter(pln_graph *graph, const char *name, const struct weight *const *parts, uint32_t n_parts,
                           const pln_parameter_options *options)
{
    if (!graph_usable(graph, name) || !graph_named(graph, name, "parameter"))
        return NULL;
    return add_parameter(graph, name, parts, NULL, n_parts, options);
}

pln_value *pln_graph_parameter(pln_graph *graph, const char *name, const pln_tensor *const *parts, uint32_t n_parts,
                               const pln_parameter_options *options)
{
    if (!graph_usable(graph, name) || !graph_named(graph, name, "parameter"))
        return NULL;
    return add_parameter(graph, name, graph_take_parts(graph, name, parts, n_parts), parts, n_parts, options);
}

const struct weight *graph_parameter_weight(const pln_graph *graph, uint32_t index)
{
    return graph->table_weights[index];
}

uint32_t pln_graph_parameter_count(const pln_graph *graph)
{
    return graph ? graph->n_table : 0;
}

const pln_parameter *pln_graph_parameter_at(const pln_graph *graph, uint32_t index)
{
    return graph && index < graph->n_table ? &graph->table[index] : NULL;
}

uint32_t pln_graph_parameter_rows(const pln_graph *graph)
{
    return graph && graph->parameters ? graph->parameters->rows.offset : 0;
}

void pln_graph_parameter_values(const pln_graph *graph, float *values)
{
    if (!graph || !values || !graph->parameters)
        return;
    memset(values, 0, (size_t)graph->parameters->rows.offset * PLN_PARAMETER_WIDTH * sizeof *values);
    for (uint32_t i = 0; i < graph->n_table; i++) {
        const pln_parameter *p = &graph->table[i];
        const uint32_t at_once = p->row_stride == p->width ? p->rows : 1;
        for (uint32_t r = 0; r < p->rows; r += at_once)
            weight_read(graph->table_weights[i], (uint64_t)r * p->width, (uint64_t)at_once * p->width,
                        values + p->first + (size_t)r * p->row_stride);
    }
}

void pln_graph_parameter_factors(const pln_graph *graph, float *factors)
{
    if (!graph || !factors)
        return;
    for (uint32_t i = 0; i < graph->n_table; i++) {
        const pln_parameter *p = &graph->table[i];
        for (uint32_t r = 0; r < p->flat_rows; r++) {
            float *of_row = factors + (size_t)PLN_ADAMW_FACTOR_COLUMNS * (p->flat_row + r);
            of_row[PLN_ADAMW_FACTOR_WEIGHT_DECAY] = p->weight_decay;
            of_row[PLN_ADAMW_FACTOR_LEARNING_RATE] = p->learning_rate;
        }
    }
}
