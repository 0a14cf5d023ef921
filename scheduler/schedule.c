/* SPDX-License-Identifier: Apache-2.0
 *
 * A graph and devices in, a schedule out: placement, copies, uses of constants.
 */
#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "scheduler/scheduler.h"

enum { DEFAULT_PLANS = 8 };

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

pln_status sched_check_rules(const pln_schedule_options *options, pln_error *error)
{
    for (uint32_t i = 0; i < options->n_place; i++)
        if (!options->place || !options->place[i])
            return pln_fail(error, PLN_INVALID, "rule %u of place is NULL", i);
    if (options->on_loss > PLN_ON_LOSS_FAILOVER)
        return pln_fail(error, PLN_INVALID, "there is no way %u to go on after the loss of a device",
                        (unsigned)options->on_loss);
    return PLN_OK;
}

pln_status pln_schedule_create(pln_graph *graph, pln_devices *devices, const pln_schedule_options *options,
                               pln_schedule **schedule, pln_error *error)
{
    pln_schedule_options o = {.size = sizeof o};
    NEED(error, schedule);
    *schedule = NULL;
    NEED(error, graph, devices);
    TAKE(error, pln_schedule_options, o, options);
    const pln_status rules = sched_check_rules(&o, error);
    if (rules != PLN_OK)
        return rules;
    if (o.states && o.states->devices != devices)
        return pln_fail(error, PLN_INVALID, "the states of graph %s are of another list of devices", graph->name);
    if (!graph->finished || graph->error.status != PLN_OK)
        return pln_fail(error, PLN_INVALID, "graph %s is not finished", graph->name);
    pln_schedule *s = calloc(1, sizeof *s);
    if (!s)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a schedule");
    s->graph = graph;
    s->devices = devices;
    s->timed = o.timed;
    s->cover = o.cover;
    s->steady = o.steady;
    s->no_fallback = o.no_fallback;
    s->on_loss = o.on_loss;
    s->workers = arena_allocate(&s->arena, devices->n * sizeof(struct sched_worker *));
    s->gone = arena_allocate(&s->arena, devices->n * sizeof *s->gone);
    s->max_plans = o.plans ? o.plans : DEFAULT_PLANS;
    s->states = o.states;
    s->inputs = arena_allocate(&s->arena, (graph->n_values + 1) * sizeof *s->inputs);
    s->outputs = arena_allocate(&s->arena, (graph->n_outputs + 1) * sizeof *s->outputs);
    pln_status status = s->inputs && s->outputs && s->gone && s->workers
                            ? PLN_OK
                            : pln_fail(error, PLN_NO_MEMORY, "no memory for a schedule");
    if (status == PLN_OK && !s->states) {
        status = pln_states_create(devices, &s->own_states, error);
        s->states = s->own_states;
    }
    if (status == PLN_OK)
        status = sched_take_rules(s, &o, error);
    if (status == PLN_OK)
        status = sched_place_nodes(s, error);
    if (status == PLN_OK)
        status = sched_connect(s, error);
    if (status == PLN_DEVICE_LOST && s->on_loss != PLN_ON_LOSS_FAIL)
        status = sched_recover(s, error);
    if (status != PLN_OK)
        pln_schedule_destroy(&s);
    *schedule = s;
    return status;
}

void pln_schedule_destroy(pln_schedule **schedule)
{
    pln_schedule *s = schedule ? *schedule : NULL;
    if (!s)
        return;
    *schedule = NULL;
    for (struct sched_plan *plan = s->plans, *next; plan; plan = next) {
        next = plan->next;
        sched_plan_destroy(s, &plan);
    }
    for (uint32_t i = 0; i < s->n_uses; i++)
        sched_constant_release(s->devices, &s->uses[i].constant);
    pln_states_destroy(&s->own_states);
    sched_workers_stop(s);
    arena_finish(&s->arena);
    free(s);
}
