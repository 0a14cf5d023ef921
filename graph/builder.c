/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes graphs: symbols, scopes, the leaves (input, constant, state). Errors stick to the graph.
 */
#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "graph/graph.h"

struct graph_scope {
    struct graph_scope *outer;
    const char *prefix; /* with all outer ones, ends with a dot */
};

void graph_fail(pln_graph *graph, const char *node, pln_status status, const char *format, ...)
{
    if (graph->error.status != PLN_OK)
        return;
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pln_fail(&graph->error, status, "graph %s, %s: %s", graph->name, node ? node : "description", text);
}

bool graph_usable(pln_graph *graph, const char *what)
{
    if (!graph || graph->error.status != PLN_OK)
        return false;
    if (graph->finished)
        graph_fail(graph, what, PLN_INVALID, "the graph is finished");
    return !graph->finished;
}

bool graph_owns(pln_graph *graph, const pln_value *value, const char *what)
{
    if (!value)
        graph_fail(graph, what, PLN_INVALID, "the value is NULL");
    else if (value->graph != graph)
        graph_fail(graph, what, PLN_INVALID, "%s is a value of another graph", value->name);
    return graph->error.status == PLN_OK;
}

bool graph_named(pln_graph *graph, const char *name, const char *what)
{
    if (!name)
        graph_fail(graph, what, PLN_INVALID, "the name is NULL");
    return name;
}

bool graph_take(pln_graph *graph, const char *what, const char *type, void *taken, size_t size, size_t least,
                const void *options)
{
    pln_error error;
    if (!graph || graph->error.status != PLN_OK)
        return false;
    const pln_status status = door_take(what ? what : "options", type, taken, size, least, options, &error);
    if (status != PLN_OK)
        graph_fail(graph, what, status, "%s", error.message);
    return status == PLN_OK;
}

bool graph_fits(const pln_graph *graph, pln_dim rows, uint32_t width)
{
    return width && width <= GRAPH_MOST_SIDE && rows.symbol < graph->n_symbols && rows.scale <= GRAPH_MOST_SIDE &&
           rows.offset <= GRAPH_MOST_SIDE && (uint64_t)rows.offset * graph_row_stride(width) <= GRAPH_MOST_ELEMENTS;
}

void *graph_allocate(pln_graph *graph, size_t bytes)
{
    void *memory = arena_allocate(&graph->arena, bytes);
    if (!memory)
        graph_fail(graph, "description", PLN_NO_MEMORY, "no memory for %zu bytes", bytes);
    return memory;
}

static const char *copy_text(pln_graph *graph, const char *text)
{
    const char *copy = arena_copy(&graph->arena, text);
    if (!copy)
        graph_fail(graph, text, PLN_NO_MEMORY, "no memory for its name");
    return copy;
}

/* Pointers move to a larger array; the old one stays in the arena until the graph ends. */
void *graph_grow(pln_graph *graph, void *old, uint32_t n, uint32_t *room, size_t size)
{
    if (n < *room)
        return old;
    const uint32_t wanted = *room ? 2 * *room : 32;
    void *memory = graph_allocate(graph, wanted * size);
    if (!memory)
        return NULL;
    if (n)
        memcpy(memory, old, n * size);
    *room = wanted;
    return memory;
}

pln_graph *pln_graph_create(const char *name)
{
    pln_graph *graph = calloc(1, sizeof *graph);
    if (!graph)
        return NULL;
    graph->name = arena_copy(&graph->arena, name ? name : "graph");
    if (!graph->name) {
        free(graph);
        return NULL;
    }
    graph->symbols[0] = "";
    graph->n_symbols = 1;
    return graph;
}

void pln_graph_destroy(pln_graph **graph)
{
    if (!graph || !*graph)
        return;
    arena_finish(&(*graph)->arena);
    free(*graph);
    *graph = NULL;
}

pln_status pln_graph_finish(pln_graph *graph, pln_error *error)
{
    if (!graph)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a graph");
    if (graph->scope)
        graph_fail(graph, graph->scope->prefix, PLN_INVALID, "pln_graph_begin without pln_graph_end");
    if (!graph->n_outputs)
        graph_fail(graph, "description", PLN_INVALID, "it has no output");
    graph->finished = true;
    if (graph->error.status != PLN_OK && error)
        *error = graph->error;
    return graph->error.status;
}

uint32_t pln_graph_symbol(pln_graph *graph, const char *name)
{
    if (!graph_usable(graph, name) || !graph_named(graph, name, "symbol"))
        return 0;
    for (uint32_t i = 1; i < graph->n_symbols; i++)
        if (strcmp(graph->symbols[i], name) == 0)
            return i;
    if (graph->n_symbols == GRAPH_SYMBOLS) {
        graph_fail(graph, name, PLN_INVALID, "more than %d symbols", GRAPH_SYMBOLS - 1);
        return 0;
    }
    const char *copy = copy_text(graph, name);
    if (!copy)
        return 0;
    graph->symbols[graph->n_symbols] = copy;
    return graph->n_symbols++;
}

void pln_graph_begin(pln_graph *graph, const char *format, ...)
{
    if (!graph_usable(graph, "scope") || !graph_named(graph, format, "scope"))
        return;
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *outer = graph->scope ? graph->scope->prefix : "";
    const size_t bytes = strlen(outer) + strlen(text) + 2;
    struct graph_scope *scope = graph_allocate(graph, sizeof *scope);
    char *prefix = graph_allocate(graph, bytes);
    if (!scope || !prefix)
        return;
    snprintf(prefix, bytes, "%s%s.", outer, text);
    *scope = (struct graph_scope){graph->scope, prefix};
    graph->scope = scope;
}

void pln_graph_end(pln_graph *graph)
{
    if (!graph_usable(graph, "scope"))
        return;
    if (!graph->scope)
        graph_fail(graph, "scope", PLN_INVALID, "pln_graph_end without pln_graph_begin");
    else
        graph->scope = graph->scope->outer;
}

const char *graph_scoped_name(pln_graph *graph, const char *name)
{
    const char *prefix = graph->scope ? graph->scope->prefix : "";
    const size_t bytes = strlen(prefix) + strlen(name) + 1;
    char *text = graph_allocate(graph, bytes);
    if (text)
        snprintf(text, bytes, "%s%s", prefix, name);
    return text;
}

/* Rows of four or more elements begin at multiples of four: kernels load 16 bytes at once. */
uint32_t graph_row_stride(uint32_t width)
{
    return width < 4 ? width : (width + 3) & ~3u;
}

pln_value *graph_add_value(pln_graph *graph, const pln_value *value)
{
    pln_value **values = graph_grow(graph, graph->values, graph->n_values, &graph->room_values, sizeof *values);
    pln_value *copy = graph_allocate(graph, sizeof *copy);
    if (!values || !copy)
        return NULL;
    *copy = *value;
    copy->graph = graph;
    copy->id = graph->n_values;
    if (!copy->base)
        copy->base = copy;
    graph->values = values;
    graph->values[graph->n_values++] = copy;
    return copy;
}

static pln_value *add_leaf(pln_graph *graph, const char *name, pln_value_kind kind, pln_dtype dtype, pln_dim rows,
                           uint32_t width)
{
    if (!graph_usable(graph, name) || !graph_named(graph, name, "input or state"))
        return NULL;
    for (uint32_t i = 0; i < graph->n_values; i++)
        if (graph->values[i]->kind == kind && kind != PLN_VALUE_CONSTANT && strcmp(graph->values[i]->name, name) == 0)
            graph_fail(graph, name, PLN_INVALID, "this name was given already");
    if (dtype != PLN_F32 && dtype != PLN_I32)
        graph_fail(graph, name, PLN_INVALID, "values are f32 or i32, not %s", pln_dtype_string(dtype));
    if (!graph_fits(graph, rows, width))
        graph_fail(graph, name, PLN_INVALID, "width %u, symbol %u, %u rows: no such shape", width, rows.symbol,
                   rows.offset);
    const char *copy = copy_text(graph, name);
    if (!copy || graph->error.status != PLN_OK)
        return NULL;
    const pln_value value = {.kind = kind,
                             .dtype = dtype,
                             .rows = rows,
                             .width = width,
                             .name = copy,
                             .row_stride = graph_row_stride(width)};
    return graph_add_value(graph, &value);
}

pln_value *pln_graph_input(pln_graph *graph, const char *name, pln_dtype dtype, pln_dim rows, uint32_t width)
{
    return add_leaf(graph, name, PLN_VALUE_INPUT, dtype, rows, width);
}

pln_value *pln_graph_state(pln_graph *graph, const char *name, uint32_t rows, uint32_t width)
{
    return add_leaf(graph, name, PLN_VALUE_STATE, PLN_F32, pln_rows_fixed(rows), width);
}

/* Rows and width of the parts together; false if they do not fit. */
static bool sum_parts(const struct weight *const *parts, uint32_t n_parts, uint32_t *rows, uint32_t *width)
{
    uint64_t r = 0, w = 0;
    for (uint32_t i = 0; i < n_parts; i++) {
        const struct weight *part = parts[i];
        if (part->rank != parts[0]->rank || part->rank < 1 || part->rank > 2 || part->shape[0] > GRAPH_MOST_SIDE ||
            (part->rank == 2 && part->shape[1] > GRAPH_MOST_SIDE))
            return false;
        if (part->rank == 1) {
            r = 1;
            w += part->shape[0];
        } else {
            r += part->shape[0];
            if (w && w != part->shape[1])
                return false;
            w = part->shape[1];
        }
    }
    *rows = (uint32_t)r;
    *width = (uint32_t)w;
    return r && w && r <= GRAPH_MOST_SIDE && w <= GRAPH_MOST_SIDE && r * w <= GRAPH_MOST_ELEMENTS;
}

const struct weight *const *graph_take_parts(pln_graph *graph, const char *name, const pln_tensor *const *parts,
                                             uint32_t n_parts)
{
    for (uint32_t i = 0; i < n_parts; i++) {
        const char *fault = parts && parts[i] ? door_tensor_fault(parts[i]) : "it is NULL";
        if (fault)
            graph_fail(graph, name, PLN_INVALID, "part %u: %s", i, fault);
    }
    if (graph->error.status != PLN_OK)
        return NULL;
    const struct weight **list = graph_allocate(graph, (n_parts + 1ul) * sizeof *list);
    struct weight *weights = graph_allocate(graph, (n_parts + 1ul) * sizeof *weights);
    for (uint32_t i = 0; list && weights && i < n_parts; i++) {
        weights[i] = weight_of(parts[i], false);
        list[i] = &weights[i];
    }
    return weights ? list : NULL;
}

const struct weight *const *graph_join_parts(pln_graph *graph, const char *name, const struct weight *const *parts,
                                             uint32_t n_parts, uint32_t *rows, uint32_t *width)
{
    if (!parts)
        return NULL;
    if (!n_parts || !sum_parts(parts, n_parts, rows, width)) {
        graph_fail(graph, name, PLN_INVALID, "its parts have rank 1 or 2 and must fit together");
        return NULL;
    }
    for (uint32_t i = 0; i < n_parts; i++)
        if (parts[i]->dtype != PLN_F32 && parts[i]->dtype != PLN_F16 && parts[i]->dtype != PLN_BF16 &&
            parts[i]->dtype != PLN_F64)
            graph_fail(graph, name, PLN_INVALID, "weights are f32, f16, bf16 or f64, not %s",
                       pln_dtype_string(parts[i]->dtype));
    const struct weight **copy = graph_allocate(graph, n_parts * sizeof *copy);
    if (copy)
        memcpy(copy, parts, n_parts * sizeof *copy);
    return copy;
}

pln_value *graph_constant(pln_graph *graph, const char *name, const struct weight *const *parts, uint32_t n_parts)
{
    if (!graph_usable(graph, name) || !graph_named(graph, name, "constant"))
        return NULL;
    uint32_t rows, width;
    parts = graph_join_parts(graph, name, parts, n_parts, &rows, &width);
    pln_value *value = parts ? add_leaf(graph, name, PLN_VALUE_CONSTANT, PLN_F32, pln_rows_fixed(rows), width) : NULL;
    if (!value)
        return NULL;
    value->parts = parts;
    value->n_parts = n_parts;
    value->row_stride = width;
    return value;
}

pln_value *pln_graph_constant(pln_graph *graph, const char *name, const pln_tensor *const *parts, uint32_t n_parts)
{
    if (!graph_usable(graph, name) || !graph_named(graph, name, "constant"))
        return NULL;
    return graph_constant(graph, name, graph_take_parts(graph, name, parts, n_parts), n_parts);
}

void pln_graph_output(pln_graph *graph, const char *name, pln_value *value)
{
    if (!graph_usable(graph, name) || !graph_named(graph, name, "output") || !graph_owns(graph, value, name))
        return;
    if (value->kind == PLN_VALUE_CONSTANT)
        graph_fail(graph, name, PLN_INVALID, "a constant is no output");
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        if (strcmp(graph->outputs[i].name, name) == 0)
            graph_fail(graph, name, PLN_INVALID, "an output of this name was given already");
    struct graph_output *outputs =
        graph_grow(graph, graph->outputs, graph->n_outputs, &graph->room_outputs, sizeof *outputs);
    const char *copy = copy_text(graph, name);
    if (!outputs || !copy)
        return;
    graph->outputs = outputs;
    graph->outputs[graph->n_outputs++] = (struct graph_output){copy, value};
}
