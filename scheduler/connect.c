/* SPDX-License-Identifier: Apache-2.0
 *
 * What follows from a placement: copies between segments, and the uses of constants.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "scheduler/scheduler.h"

static bool needs_copy(const pln_value *value)
{
    return value && value->producer && value->kind == PLN_VALUE_TEMPORARY;
}

/* Copies of a segment: values that come from another domain and are not there yet. `there` is [domains][values]. */
static pln_status find_copies(pln_schedule *s, struct sched_segment *segment, bool *there, pln_error *error)
{
    const uint32_t n_values = s->graph->n_values;
    const uint32_t to = s->devices->devices[segment->device].domain;
    segment->copies = arena_allocate(&s->arena, (segment->n * GRAPH_OPERANDS + 1) * sizeof *segment->copies);
    if (!segment->copies)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for copies");
    for (uint32_t i = segment->first; i < segment->first + segment->n; i++) {
        const struct graph_node *node = s->graph->nodes[i];
        for (uint32_t j = 0; j < node->n_inputs; j++) {
            if (!needs_copy(node->inputs[j]))
                continue;
            const pln_value *base = node->inputs[j]->base;
            if (there[to * n_values + base->id])
                continue;
            segment->copies[segment->n_copies++] = (struct sched_copy){base, sched_home(s, base), to};
            there[to * n_values + base->id] = true;
        }
        for (uint32_t j = 0; j < node->n_outputs; j++)
            if (node->outputs[j])
                there[to * n_values + node->outputs[j]->base->id] = true;
    }
    return PLN_OK;
}

/* The constants of a device, in the order in which they are met, and how often each is: the count is left in uses.n.
 * index: [values], 1 + the number of the use, zero. */
static void find_constants(pln_schedule *s, uint32_t device, uint32_t *index)
{
    for (uint32_t i = 0; i < s->graph->n_nodes; i++) {
        const struct graph_node *node = s->graph->nodes[i];
        for (uint32_t j = 0; s->places[i].device == device && j < node->n_inputs; j++) {
            const pln_value *value = node->inputs[j];
            if (!value || value->kind != PLN_VALUE_CONSTANT)
                continue;
            if (!index[value->id]) {
                s->uses[s->n_uses] = (struct sched_use){.value = value, .device = device};
                index[value->id] = ++s->n_uses;
            }
            s->uses[index[value->id] - 1].uses.n++;
        }
    }
}

static pln_status find_uses_on(pln_schedule *s, uint32_t device, uint32_t *index, pln_error *error)
{
    const uint32_t before = s->n_uses;
    memset(index, 0, s->graph->n_values * sizeof *index);
    find_constants(s, device, index);
    for (uint32_t i = before; i < s->n_uses; i++) {
        struct uses *uses = &s->uses[i].uses;
        uses->list = arena_allocate(&s->arena, uses->n * sizeof *uses->list);
        uses->n = 0;
        if (!uses->list)
            return pln_fail(error, PLN_NO_MEMORY, "no memory for the uses of constants");
    }
    for (uint32_t i = 0; i < s->graph->n_nodes; i++) {
        const struct graph_node *node = s->graph->nodes[i];
        for (uint32_t j = 0; s->places[i].device == device && j < node->n_inputs; j++)
            if (node->inputs[j] && node->inputs[j]->kind == PLN_VALUE_CONSTANT)
                uses_add(&s->uses[index[node->inputs[j]->id] - 1].uses, node->op, j);
    }
    return PLN_OK;
}

static pln_status find_uses(pln_schedule *s, pln_error *error)
{
    s->uses = arena_allocate(&s->arena, (size_t)s->devices->n * (s->graph->n_values + 1) * sizeof *s->uses);
    uint32_t *index = calloc(s->graph->n_values + 1, sizeof *index);
    pln_status status =
        s->uses && index ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for the uses of constants");
    for (uint32_t i = 0; status == PLN_OK && i < s->devices->n; i++)
        status = find_uses_on(s, i, index, error);
    free(index);
    return status;
}

pln_status sched_connect(pln_schedule *schedule, pln_error *error)
{
    bool *there = calloc((size_t)schedule->devices->n_domains * (schedule->graph->n_values + 1), sizeof *there);
    pln_status status = there ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for copies");
    for (uint32_t i = 0; status == PLN_OK && i < schedule->n_segments; i++)
        status = find_copies(schedule, &schedule->segments[i], there, error);
    free(there);
    for (uint32_t i = 0; status == PLN_OK && i < schedule->n_segments; i++)
        status = sched_find_windows(schedule, &schedule->segments[i], error);
    if (status == PLN_OK)
        status = sched_find_ranges(schedule, error);
    return status == PLN_OK ? find_uses(schedule, error) : status;
}
