/* SPDX-License-Identifier: Apache-2.0
 *
 * A graph as text, one line a node, and as Graphviz.
 */
#define _GNU_SOURCE /* fopencookie */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "graph/graph.h"

struct text { /* open_memstream goes on without a word when it has no memory, this remembers it */
    char *bytes;
    size_t n, room;
    bool failed;
};

static ssize_t append(void *cookie, const char *bytes, size_t n)
{
    struct text *text = cookie;
    char *larger = array_reserve(text->bytes, &text->room, text->n + n + 1, 1);
    text->failed = text->failed || !larger;
    if (text->failed)
        return 0;
    text->bytes = larger;
    memcpy(larger + text->n, bytes, n);
    text->n += n;
    larger[text->n] = '\0';
    return (ssize_t)n;
}

static FILE *begin_text(struct text *text)
{
    *text = (struct text){0};
    return fopencookie(text, "w", (cookie_io_functions_t){.write = append});
}

static void print_rows(FILE *out, const pln_graph *graph, pln_dim rows)
{
    if (!rows.symbol)
        fprintf(out, "%u", rows.offset);
    else if (rows.scale != 1)
        fprintf(out, "%u*%s", rows.scale, graph->symbols[rows.symbol]);
    else
        fputs(graph->symbols[rows.symbol], out);
    if (rows.symbol && rows.offset)
        fprintf(out, "+%u", rows.offset);
}

/* %12 = f32 [tokens,256]; a window also says of what. */
static void print_value(FILE *out, const pln_value *value)
{
    fprintf(out, "%%%u", value->id);
    if (value->base != value)
        fprintf(out, "(%%%u+%llu/%u)", value->base->id, (unsigned long long)value->first, value->row_stride);
}

static void print_shape(FILE *out, const pln_graph *graph, const pln_value *value)
{
    fprintf(out, "%s [", pln_dtype_string(value->dtype));
    print_rows(out, graph, value->rows);
    fprintf(out, ",%u]", value->width);
}

static const char *kind_name(pln_value_kind kind)
{
    static const char *const names[] = {[PLN_VALUE_INPUT] = "input",
                                        [PLN_VALUE_CONSTANT] = "constant",
                                        [PLN_VALUE_STATE] = "state",
                                        [PLN_VALUE_TEMPORARY] = "temporary"};
    return names[kind];
}

static void print_params(FILE *out, const struct graph_node *node)
{
    const char *field = graph_op(node->op)->params;
    for (uint32_t i = 0; *field; i++) {
        const int length = (int)strcspn(field, " ");
        float real;
        memcpy(&real, &node->params[i], sizeof real);
        fprintf(out, " %.*s=", length - 1, field + 1);
        if (*field == 'F')
            fprintf(out, "%g", (double)real);
        else if (*field == 'I')
            fprintf(out, "%d", (int)node->params[i]);
        else
            fprintf(out, "%u", node->params[i]);
        field += length + 1;
    }
}

static void print_node(FILE *out, const pln_graph *graph, const struct graph_node *node)
{
    const struct graph_op *op = graph_op(node->op);
    print_value(out, graph_node_value(node));
    fputs(" = ", out);
    print_shape(out, graph, graph_node_value(node));
    fprintf(out, " %s(", op->name);
    const char *comma = "";
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        if (!node->inputs[i])
            continue;
        fprintf(out, "%s%s ", comma, op->input_names[i]);
        print_value(out, node->inputs[i]);
        comma = ", ";
    }
    fputc(')', out);
    for (uint32_t i = 1; i < node->n_outputs; i++)
        if (node->outputs[i] && node->outputs[i] != graph_node_value(node))
            fprintf(out, " %s %%%u", op->output_names[i], node->outputs[i]->id);
    print_params(out, node);
    fprintf(out, "  # %s\n", node->name);
}

/* All that was written, or NULL: there was no memory for it. */
static char *end_text(FILE *out, struct text *text)
{
    if (fclose(out) == 0 && !text->failed)
        return text->bytes;
    free(text->bytes);
    return NULL;
}

char *pln_graph_text(const pln_graph *graph)
{
    struct text text;
    FILE *out = graph ? begin_text(&text) : NULL;
    if (!out)
        return NULL;
    fprintf(out, "graph %s\n", graph->name);
    for (uint32_t i = 0; i < graph->n_values; i++) {
        const pln_value *value = graph->values[i];
        if (value->producer || value->base != value)
            continue;
        fprintf(out, "%%%u = ", value->id);
        print_shape(out, graph, value);
        fprintf(out, " %s  # %s\n", kind_name(value->kind), value->name);
    }
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        print_node(out, graph, graph->nodes[i]);
    for (uint32_t i = 0; i < graph->n_outputs; i++) {
        fputs("output ", out);
        print_value(out, graph->outputs[i].value);
        fprintf(out, "  # %s\n", graph->outputs[i].name);
    }
    return end_text(out, &text);
}

static void print_edges(FILE *out, const struct graph_node *node)
{
    const struct graph_op *op = graph_op(node->op);
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const pln_value *value = node->inputs[i];
        if (!value)
            continue;
        if (value->producer && value->producer != node)
            fprintf(out, "  n%u -> n%u [label=\"%s\"];\n", value->producer->id, node->id, op->input_names[i]);
        else if (!value->producer)
            fprintf(out, "  v%u -> n%u [label=\"%s\"];\n", value->base->id, node->id, op->input_names[i]);
    }
}

char *pln_graph_dot(const pln_graph *graph)
{
    struct text text;
    FILE *out = graph ? begin_text(&text) : NULL;
    if (!out)
        return NULL;
    fprintf(out, "digraph \"%s\" {\n  node [shape=box];\n", graph->name);
    for (uint32_t i = 0; i < graph->n_values; i++) {
        const pln_value *value = graph->values[i];
        if (value->producer || value->base != value)
            continue;
        fprintf(out, "  v%u [shape=ellipse, label=\"%s\\n", value->id, value->name);
        print_shape(out, graph, value);
        fprintf(out, "\\n%s\"];\n", kind_name(value->kind));
    }
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const struct graph_node *node = graph->nodes[i];
        fprintf(out, "  n%u [label=\"%s\\n%s ", node->id, node->name, graph_op(node->op)->name);
        print_shape(out, graph, graph_node_value(node));
        fputs("\"];\n", out);
        print_edges(out, node);
    }
    for (uint32_t i = 0; i < graph->n_outputs; i++) {
        const struct graph_node *from = graph->outputs[i].value->producer;
        fprintf(out, "  o%u [shape=ellipse, label=\"%s\"];\n", i, graph->outputs[i].name);
        if (from)
            fprintf(out, "  n%u -> o%u;\n", from->id, i);
    }
    fputs("}\n", out);
    return end_text(out, &text);
}
