/* SPDX-License-Identifier: Apache-2.0
 *
 * In which domain a node works and a value comes to be.
 */
#include "scheduler/scheduler.h"

uint32_t sched_domain_of(const pln_schedule *s, uint32_t node)
{
    return s->devices->devices[s->places[node].device].domain;
}

uint32_t sched_home(const pln_schedule *schedule, const pln_value *base)
{
    uint32_t first = 0;
    while (schedule->gone[first] && first + 1 < schedule->devices->n)
        first++;
    if (base->kind == PLN_VALUE_STATE)
        return schedule->devices->devices[first].domain;
    if (base->producer)
        return sched_domain_of(schedule, base->producer->id);
    for (uint32_t i = 0; i < schedule->graph->n_nodes; i++) {
        const struct graph_node *node = schedule->graph->nodes[i];
        for (uint32_t j = 0; j < node->n_inputs; j++)
            if (node->inputs[j] && node->inputs[j]->base == base)
                return sched_domain_of(schedule, i);
    }
    return 0;
}

const struct sched_device *sched_device_of(const pln_devices *devices, uint32_t domain)
{
    for (uint32_t i = 0; i < devices->n; i++)
        if (devices->devices[i].domain == domain)
            return &devices->devices[i];
    return NULL;
}
