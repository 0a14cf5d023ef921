/* SPDX-License-Identifier: Apache-2.0
 *
 * A graph and devices in, a schedule out.
 */
#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "scheduler/scheduler.h"

enum { DEFAULT_PLANS = 8 };

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
        status = sched_meet_earlier(s, error);
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
