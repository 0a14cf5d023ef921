/* SPDX-License-Identifier: Apache-2.0
 *
 * The backward pass: nodes are walked from the last to the first, and the rule of each op adds the nodes of its
 * gradient.
 */
#include "graph/gradients.h"

#include <stdio.h>
#include <string.h>

/* The base whose gradient a value has; of what is computed again, that of the first time. */
static pln_value *owner(const pln_value *value)
{
    return value->base->original ? value->base->original : value->base;
}

bool graph_needs(const pln_value *value)
{
    return value && value->dtype == PLN_F32 && owner(value)->differentiated;
}

pln_value *graph_adjoint(const struct graph_node *node)
{
    return node->outputs[0] ? owner(node->outputs[0])->adjoint : NULL;
}

void graph_refuse(pln_graph *graph, const struct graph_node *node, uint32_t input)
{
    const struct graph_op *op = graph_op(node->op);
    if (graph_needs(node->inputs[input]))
        graph_fail(graph, node->name, PLN_UNSUPPORTED, "%s has no gradient by %s", op->name, op->input_names[input]);
}

const char *graph_backward_name(pln_graph *graph, const struct graph_node *node, const char *suffix)
{
    static const char again[] = "recompute.";
    const bool copied = node->outputs[0] && node->outputs[0]->base->original;
    const char *name = copied ? node->name + sizeof again - 1 : node->name;
    const size_t bytes = strlen(name) + strlen(suffix) + 2;
    char *text = graph_allocate(graph, bytes);
    if (text)
        snprintf(text, bytes, "%s.%s", name, suffix);
    return text ? text : "backward";
}

pln_value *graph_parameter_gradient(pln_graph *graph, const pln_value *value)
{
    if (!value || !graph->parameters || value->base != graph->parameters)
        return NULL;
    return graph_add_window(graph, graph->gradients, value->first, value->rows, value->width, value->row_stride);
}

/* ---- places */

static bool is_whole(const pln_value *value)
{
    return value->base == value;
}

/* Whether two windows of a base are the same rows and no common column. */
static bool side_by_side(const pln_value *a, const pln_value *b)
{
    return a->base == b->base && graph_same_rows(a->rows, b->rows) && a->row_stride == b->row_stride &&
           (a->first + a->width <= b->first || b->first + b->width <= a->first);
}

/* Whether windows of `width` columns together are the base: its columns, or all of it in another shape. */
static bool covers(const pln_value *window, uint32_t width)
{
    const pln_value *base = window->base;
    if (graph_same_rows(window->rows, base->rows) && window->row_stride == base->row_stride)
        return width == base->width;
    return !window->first && window->row_stride == window->width && base->row_stride == base->width;
}

static pln_value *add_base(pln_graph *graph, const struct graph_node *node, const pln_value *like)
{
    pln_value value = {.kind = PLN_VALUE_TEMPORARY,
                       .dtype = PLN_F32,
                       .rows = like->rows,
                       .width = like->width,
                       .name = graph_backward_name(graph, node, "backward_windows"),
                       .row_stride = like->row_stride};
    return graph_add_value(graph, &value);
}

/* Value i and those after it that lie beside it in their base get windows of a new one. */
static void place_group(pln_graph *graph, const struct graph_node *node, pln_value *const *values, uint32_t n,
                        uint32_t i, pln_value **places)
{
    bool member[GRAPH_OPERANDS] = {[0] = false};
    uint32_t width = 0;
    for (uint32_t j = i; j < n; j++) {
        bool fits = graph_needs(values[j]) && !places[j] && values[j]->base == values[i]->base;
        for (uint32_t k = i; k < j; k++)
            fits &= !member[k] || side_by_side(values[j], values[k]);
        member[j] = fits;
        width += fits ? values[j]->width : 0;
    }
    if (!covers(values[i], width))
        graph_fail(graph, node->name, PLN_UNSUPPORTED, "there is no gradient by a part of %s alone", values[i]->name);
    pln_value *base = graph->error.status == PLN_OK ? add_base(graph, node, values[i]->base) : NULL;
    for (uint32_t j = i; base && j < n; j++)
        if (member[j])
            places[j] = graph_add_window(graph, base, values[j]->first, values[j]->rows, values[j]->width,
                                         values[j]->row_stride);
}

void graph_places(pln_graph *graph, const struct graph_node *node, pln_value *const *values, uint32_t n,
                  pln_value **places)
{
    for (uint32_t i = 0; i < n; i++)
        places[i] = NULL;
    for (uint32_t i = 0; i < n && graph->error.status == PLN_OK; i++)
        if (graph_needs(values[i]) && !is_whole(values[i]) && !places[i])
            place_group(graph, node, values, n, i, places);
}

/* ---- adjoints */

static void add_adjoint(pln_graph *graph, const struct graph_node *node, uint32_t i, pln_value *value, pln_value *d)
{
    pln_value *of = owner(value);
    char suffix[32];
    snprintf(suffix, sizeof suffix, i ? "backward_sum_%u" : "backward_sum", i);
    if (of->adjoint)
        d = pln_activation(graph, d, PLN_ACTIVATION_NONE,
                           PLN_OPTIONS(pln_activation_options, .name = graph_backward_name(graph, node, suffix),
                                       .residual = of->adjoint));
    of->adjoint = d;
}

void graph_contribute(pln_graph *graph, const struct graph_node *node, pln_value *const *values, uint32_t n,
                      pln_value *const *written)
{
    for (uint32_t i = 0; i < n && graph->error.status == PLN_OK; i++) {
        bool fresh = graph_needs(values[i]) && written[i];
        for (uint32_t j = 0; fresh && j < i; j++)
            fresh = !graph_needs(values[j]) || written[j]->base != written[i]->base;
        if (fresh)
            add_adjoint(graph, node, i, values[i], written[i]->base);
    }
}

void graph_pass_on(pln_graph *graph, const struct graph_node *node, pln_value *value, pln_value *d)
{
    pln_value *place;
    if (!graph_needs(value))
        return;
    graph_places(graph, node, &value, 1, &place);
    if (place) {
        const pln_activation_params none = {0};
        graph_add_node(graph, &(struct graph_call){.op = PLN_OP_ACTIVATION,
                                                   .name = graph_backward_name(graph, node, "backward_copy"),
                                                   .inputs = {d},
                                                   .params = &none,
                                                   .into = {place}});
    }
    if (graph->error.status == PLN_OK)
        add_adjoint(graph, node, 0, value, place ? place->base : d);
}

pln_value *graph_take_adjoint(pln_value *value)
{
    pln_value *of = owner(value), *adjoint = is_whole(value) ? of->adjoint : NULL;
    if (adjoint)
        of->adjoint = NULL;
    return adjoint;
}

/* ---- the walk */

static bool is_root(const pln_graph *graph, const struct graph_node *node)
{
    for (uint32_t i = 0; i < graph->n_losses; i++)
        if (node->outputs[0] && graph->losses[i].value == node->outputs[0])
            return true;
    return false;
}

/* What hangs on a parameter or on a wanted input. A state that an op writes hangs on nothing. */
static void mark_needs(pln_graph *graph)
{
    if (graph->parameters)
        graph->parameters->differentiated = true;
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const struct graph_node *node = graph->nodes[i];
        bool needs = false;
        for (uint32_t j = 0; j < node->n_inputs; j++)
            needs |= graph_needs(node->inputs[j]);
        for (uint32_t j = graph_op(node->op)->writes; needs && j < node->n_outputs; j++)
            if (node->outputs[j])
                node->outputs[j]->base->differentiated = true;
    }
}

static void differentiate(pln_graph *graph, struct graph_node *node, uint32_t n_nodes,
                          const pln_gradient_options *options)
{
    const struct graph_op *op = graph_op(node->op);
    bool reached = is_root(graph, node);
    for (uint32_t i = op->writes; i < node->n_outputs; i++)
        if (node->outputs[i] && node->outputs[i]->base->adjoint) {
            reached = true;
            if (i || !op->gradient)
                graph_fail(graph, node->name, PLN_UNSUPPORTED, "%s has no gradient of %s", op->name,
                           op->output_names[i]);
        }
    if (!reached || graph->error.status != PLN_OK)
        return;
    for (uint32_t i = 0; i < options->n_recompute; i++)
        if (!node->copy && graph_in_scope(node, options->recompute[i]))
            graph_recompute(graph, options->recompute[i], n_nodes);
    if (graph->error.status == PLN_OK)
        op->gradient(graph, node->copy ? node->copy : node);
}

static bool check_call(pln_graph *graph, const pln_loss *losses, uint32_t n_losses, const pln_gradient_options *options)
{
    if (!graph_usable(graph, "gradients"))
        return false;
    if (graph->scope)
        graph_fail(graph, "gradients", PLN_INVALID, "pln_graph_gradients inside of pln_graph_begin");
    if (graph->gradients || graph->losses)
        graph_fail(graph, "gradients", PLN_INVALID, "a second pln_graph_gradients");
    if (!graph->parameters && !options->n_inputs)
        graph_fail(graph, "gradients", PLN_INVALID, "there is no parameter");
    if (!n_losses || !losses)
        graph_fail(graph, "gradients", PLN_INVALID, "there is no loss");
    if (options->n_inputs && (!options->inputs || !options->gradients))
        graph_fail(graph, "gradients", PLN_INVALID, "n_inputs is %u, but inputs or gradients is NULL",
                   options->n_inputs);
    if (options->n_recompute && !options->recompute)
        graph_fail(graph, "gradients", PLN_INVALID, "n_recompute is %u, but recompute is NULL", options->n_recompute);
    return graph->error.status == PLN_OK;
}

static bool check_values(pln_graph *graph, const pln_loss *losses, uint32_t n_losses,
                         const pln_gradient_options *options)
{
    for (uint32_t i = 0; i < n_losses && graph_owns(graph, losses[i].value, "loss"); i++) {
        const pln_value *loss = losses[i].value;
        const bool is_loss = loss->producer && loss->producer->outputs[0] == loss && loss->width == 1 &&
                             graph_same_rows(loss->rows, pln_rows_fixed(1)) && graph_op(loss->producer->op)->gradient;
        if (!is_loss)
            graph_fail(graph, loss->name, PLN_INVALID, "it is not what a loss op gives");
    }
    for (uint32_t i = 0; i < options->n_recompute; i++)
        graph_named(graph, options->recompute[i], "a scope to recompute");
    for (uint32_t i = 0; i < options->n_inputs && graph_owns(graph, options->inputs[i], "gradients"); i++)
        if (!is_whole(options->inputs[i]) || options->inputs[i]->kind != PLN_VALUE_INPUT)
            graph_fail(graph, "gradients", PLN_INVALID, "a gradient is wanted by what is no input");
    return graph->error.status == PLN_OK;
}

void pln_graph_gradients(pln_graph *graph, const pln_loss *losses, uint32_t n_losses,
                         const pln_gradient_options *options)
{
    pln_gradient_options o = {.size = sizeof o};
    if (!GRAPH_TAKE(graph, "gradients", pln_gradient_options, o, options) || !check_call(graph, losses, n_losses, &o) ||
        !check_values(graph, losses, n_losses, &o))
        return;
    if (graph->parameters)
        graph->gradients =
            pln_graph_state(graph, GRAPH_GRADIENTS, graph->parameters->rows.offset, graph->parameters->width);
    graph->losses = losses;
    graph->n_losses = n_losses;
    for (uint32_t i = 0; i < o.n_inputs; i++)
        o.inputs[i]->differentiated = true;
    mark_needs(graph);
    const uint32_t n = graph->n_nodes;
    for (uint32_t i = n; i-- > 0 && graph->error.status == PLN_OK;)
        differentiate(graph, graph->nodes[i], n, &o);
    for (uint32_t i = 0; i < o.n_inputs; i++)
        o.gradients[i] = graph->error.status == PLN_OK ? o.inputs[i]->adjoint : NULL;
}
