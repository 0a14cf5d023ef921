/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers of i32 inputs that kernels take for places: listed when a graph is placed, looked at before each run. What an
 * operand holds is what was bound to its base; what a node made is followed to where it came from.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "scheduler/scheduler.h"

/* ---- the list */

_Static_assert(PLN_ATTENTION_INPUT_SOURCE_STARTS == PLN_ATTENTION_INPUT_STARTS + 1 &&
                   PLN_ATTENTION_BACKWARD_INPUT_SOURCE_STARTS == PLN_ATTENTION_BACKWARD_INPUT_STARTS + 1 &&
                   PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_SOURCE_STARTS ==
                       PLN_ATTENTION_BACKWARD_DISTANCE_INPUT_STARTS + 1,
               "source_starts is the operand behind starts");

static bool same_range(const struct sched_range *a, const struct sched_range *b)
{
    const bool same_rule = a->value == b->value && a->index->rule == b->index->rule && a->param == b->param &&
                           !a->index->param == !b->index->param;
    if (a->index->rule == GRAPH_INDEX_PAIRS)
        return same_rule && a->other == b->other && a->source_starts == b->source_starts;
    return same_rule && graph_same_rows(a->other->rows, b->other->rows) && a->other->width == b->other->width;
}

static void add_range(pln_schedule *s, const struct graph_node *node, const struct graph_index *index,
                      const pln_value *value)
{
    const pln_value *other = node->inputs[index->other];
    const struct sched_range range = {
        .value = value,
        .node = node,
        .index = index,
        .other = other,
        .source_starts = index->rule == GRAPH_INDEX_PAIRS ? node->inputs[index->other + 1] : NULL,
        .param = index->param ? node->params[index->param - 1] : 0,
        .pairs = index->rule == GRAPH_INDEX_PAIRS ? graph_pairs_symbol(s->graph, value) : 0,
    };
    for (uint32_t i = 0; i < s->n_ranges; i++)
        if (same_range(&s->ranges[i], &range))
            return;
    s->ranges[s->n_ranges++] = range;
}

/* Of a drawn column the table is known, and so is that it has as many rows. */
static pln_status check_drawn(const struct graph_node *node, const struct graph_index *index,
                              const struct graph_node *drawn, pln_error *error)
{
    const pln_value *other = node->inputs[index->other];
    const uint32_t columns = drawn->inputs[PLN_SAMPLE_INPUT_LOGITS]->width;
    const uint32_t limit = index->rule == GRAPH_INDEX_CLASSES ? other->width : other->rows.offset;
    return limit >= columns ? PLN_OK
                            : pln_fail_node(error, PLN_INVALID, (int32_t)node->id,
                                            "node %s draws one of %u, but %s of node %s has %u", drawn->name, columns,
                                            graph_op(node->op)->input_names[index->other], node->name, limit);
}

/* The range of an operand, on the inputs that its numbers come from. */
static pln_status follow(pln_schedule *s, const struct graph_node *node, const struct graph_index *index,
                         const pln_value *value, pln_error *error)
{
    const struct graph_node *maker = value->base->producer;
    const bool places = index->rule == GRAPH_INDEX_ROWS || index->rule == GRAPH_INDEX_CLASSES;
    if (!maker) {
        add_range(s, node, index, value);
        return PLN_OK;
    }
    if (places && maker->op == PLN_OP_SAMPLE)
        return check_drawn(node, index, maker, error);
    if (places && maker->op == PLN_OP_SUBSTITUTE) {
        const pln_status status = follow(s, node, index, maker->inputs[PLN_SUBSTITUTE_INPUT_IDS], error);
        return status == PLN_OK ? follow(s, node, index, maker->inputs[PLN_SUBSTITUTE_INPUT_REPLACED], error) : status;
    }
    return pln_fail_node(error, PLN_INVALID, (int32_t)node->id, "%s of node %s is made by node %s: it must be an input",
                         graph_op(node->op)->input_names[index->input], node->name, maker->name);
}

/* Inputs that the i32 operands of all nodes come from: a substitution has two. */
static uint32_t count_operands(const pln_graph *graph)
{
    uint32_t n = 0, substitutions = 0;
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        substitutions += graph->nodes[i]->op == PLN_OP_SUBSTITUTE;
        for (uint32_t j = 0; j < graph->nodes[i]->n_inputs; j++)
            n += graph->nodes[i]->inputs[j] && graph->nodes[i]->inputs[j]->dtype == PLN_I32;
    }
    return n * (substitutions + 1);
}

pln_status sched_find_ranges(pln_schedule *s, pln_error *error)
{
    s->ranges = arena_allocate(&s->arena, (count_operands(s->graph) + 1) * sizeof *s->ranges);
    if (!s->ranges)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the ranges of inputs");
    for (uint32_t i = 0; i < s->graph->n_nodes; i++) {
        const struct graph_node *node = s->graph->nodes[i];
        for (uint32_t j = 0; j < node->n_inputs; j++) {
            if (!node->inputs[j] || node->inputs[j]->dtype != PLN_I32)
                continue;
            const struct graph_index *index = graph_index(node, j);
            if (!index)
                return pln_fail_node(error, PLN_FAILED, (int32_t)i, "indices.def does not say what %s of %s may hold",
                                     graph_op(node->op)->input_names[j], graph_op(node->op)->name);
            const pln_status status =
                index->rule == GRAPH_INDEX_ANY ? PLN_OK : follow(s, node, index, node->inputs[j], error);
            if (status != PLN_OK)
                return status;
        }
    }
    return PLN_OK;
}

/* ---- the look */

/* A range with the numbers of a run. */
struct look {
    const pln_schedule *schedule;
    const struct sched_range *range;
    const uint32_t *dims;
    const void *const *inputs; /* by id */
    pln_error *error;
};

/* A value of width 1 as it was bound: an input lies dense in host memory, so a window of it has another stride there.
 */
struct column {
    const pln_value *value;
    const char *data; /* of the input */
};

static struct column open_column(const struct look *look, const pln_value *value)
{
    return (struct column){value, look->inputs[value->base->id]};
}

static int32_t read_element(struct column column, uint64_t r)
{
    const pln_value *value = column.value, *base = value->base;
    uint64_t at = value->first + r * value->row_stride;
    if (base->row_stride != base->width)
        at = at / base->row_stride * base->width + at % base->row_stride;
    int32_t element;
    memcpy(&element, column.data + 4 * at, sizeof element);
    return element;
}

static const char *operand(const struct look *look, uint32_t input)
{
    return graph_op(look->range->node->op)->input_names[input];
}

static pln_status check_places(const struct look *look, uint32_t limit, const char *unit)
{
    const struct sched_range *range = look->range;
    const pln_value *value = range->value;
    const struct column column = open_column(look, value);
    const uint32_t rows = pln_dim_rows(value->rows, look->dims);
    for (uint32_t r = 0; r < rows; r++) {
        const int32_t x = read_element(column, r);
        if ((x < 0 || (uint32_t)x >= limit) && !(range->index->param && (uint32_t)x == range->param))
            return pln_fail(look->error, PLN_INVALID,
                            "input %s of graph %s is %d in row %u, but %s of node %s has %u %s, from 0 on", value->name,
                            look->schedule->graph->name, x, r, operand(look, range->index->other), range->node->name,
                            limit, unit);
    }
    return PLN_OK;
}

/* Rows that kernels write side by side. */
static pln_status check_distinct(const struct look *look, uint32_t limit)
{
    const struct sched_range *range = look->range;
    const struct column column = open_column(look, range->value);
    const uint32_t rows = pln_dim_rows(range->value->rows, look->dims);
    const pln_status status = check_places(look, limit, "rows");
    uint32_t twice = rows;
    if (status != PLN_OK || rows < 2)
        return status;
    unsigned char *met = calloc(limit / 8 + 1, 1);
    if (!met)
        return pln_fail(look->error, PLN_NO_MEMORY, "no memory to look at the input %s", range->value->name);
    for (uint32_t r = 0; r < rows && twice == rows; r++) {
        const uint32_t x = (uint32_t)read_element(column, r);
        twice = met[x / 8] >> x % 8 & 1 ? r : rows;
        met[x / 8] |= (unsigned char)(1u << x % 8);
    }
    free(met);
    return twice == rows
               ? PLN_OK
               : pln_fail(look->error, PLN_INVALID,
                          "input %s of graph %s is %d in row %u as in one before, but node %s writes a row of %s once",
                          range->value->name, look->schedule->graph->name, read_element(column, twice), twice,
                          range->node->name, operand(look, range->index->other));
}

static pln_status check_starts(const struct look *look, uint32_t limit)
{
    const struct sched_range *range = look->range;
    const pln_value *value = range->value;
    const struct column column = open_column(look, value);
    const uint32_t rows = pln_dim_rows(value->rows, look->dims);
    int64_t before = 0;
    for (uint32_t r = 0; r < rows; r++) {
        const int32_t x = read_element(column, r);
        const bool last = r + 1 == rows;
        if ((!r && x) || x < before || (uint32_t)x > limit || (last && (uint32_t)x != limit))
            return pln_fail(
                look->error, PLN_INVALID,
                "input %s of graph %s is %d in row %u, but it rises from 0 to the %u rows that %s of node %s has",
                value->name, look->schedule->graph->name, x, r, limit, operand(look, range->index->other),
                range->node->name);
        if (range->param && x - before > range->param)
            return pln_fail(look->error, PLN_INVALID,
                            "input %s of graph %s: sequence %u has %lld rows, node %s takes at most %u", value->name,
                            look->schedule->graph->name, r - 1, (long long)(x - before), range->node->name,
                            range->param);
        before = x;
    }
    return PLN_OK;
}

static int64_t length_of(struct column starts, uint32_t sequence)
{
    return (int64_t)read_element(starts, sequence + 1) - read_element(starts, sequence);
}

static pln_status check_pairs(const struct look *look, uint32_t total)
{
    const struct sched_range *range = look->range;
    const pln_value *value = range->value;
    const struct column column = open_column(look, value), starts = open_column(look, range->other);
    const struct column source = range->source_starts ? open_column(look, range->source_starts) : starts;
    const uint32_t rows = pln_dim_rows(value->rows, look->dims);
    int64_t expected = 0;
    for (uint32_t r = 0; r < rows; r++) {
        if (r)
            expected += length_of(starts, r - 1) * length_of(source, r - 1);
        const int32_t x = read_element(column, r);
        if (x != expected || (r + 1 == rows && (uint32_t)x != total))
            return pln_fail(look->error, PLN_INVALID,
                            "input %s of graph %s is %d in row %u, but there are %lld pairs before it and %u in all",
                            value->name, look->schedule->graph->name, x, r, (long long)expected, total);
    }
    return PLN_OK;
}

static pln_status check_range(const struct look *look)
{
    const struct sched_range *range = look->range;
    const uint32_t rows = pln_dim_rows(range->other->rows, look->dims);
    switch (range->index->rule) {
    case GRAPH_INDEX_ROWS:
        return check_places(look, rows, "rows");
    case GRAPH_INDEX_DISTINCT:
        return check_distinct(look, rows);
    case GRAPH_INDEX_CLASSES:
        return check_places(look, range->other->width, "columns");
    case GRAPH_INDEX_STARTS:
        return check_starts(look, rows);
    case GRAPH_INDEX_PAIRS:
        return check_pairs(look, look->dims[range->pairs]);
    case GRAPH_INDEX_ANY:
        break;
    }
    return PLN_OK;
}

pln_status sched_check_ranges(const pln_schedule *schedule, const uint32_t *dims, const void *const *inputs,
                              pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < schedule->n_ranges; i++)
        status = check_range(&(struct look){schedule, &schedule->ranges[i], dims, inputs, error});
    return status;
}
