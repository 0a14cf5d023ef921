/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a value, window or not, begins in the memory of a domain.
 */
#include "common/fail.h"
#include "scheduler/scheduler.h"

/* Where the memory begins that the value lies in, and which element of it is the value's first. */
static pln_status locate_memory(pln_schedule *schedule, const struct sched_plan *plan, const pln_value *value,
                                uint32_t domain, struct sched_location *location, uint64_t *first, pln_error *error)
{
    const struct sched_memory *memory = &plan->memory[domain];
    const bool is_state = value->kind == PLN_VALUE_STATE, home = sched_home(schedule, value->base) == domain;
    *first = is_state && !home ? 0 : value->first;
    if (is_state && home) {
        struct sched_state *state;
        const pln_status status = sched_state_get(schedule->states, value->base, memory->device, &state, error);
        if (status == PLN_OK) {
            location->open = state->open;
            location->buffer = state->buffer;
            location->data = state->data;
        }
        return status;
    }
    const uint32_t id = is_state ? sched_window(schedule, value)->id : value->base->id;
    const int32_t i = plan->instances[domain * schedule->graph->n_values + id];
    if (i == SCHED_NONE)
        return pln_fail(error, PLN_FAILED, "value %s has no place on device %s", value->name,
                        memory->device->entry.name);
    const struct graph_memory_item *item = &memory->items[i];
    location->offset = item->offset;
    if (memory->host)
        location->data = (char *)memory->host[item->block] + item->offset;
    else
        location->buffer = memory->buffers[item->block];
    return PLN_OK;
}

pln_status sched_locate(pln_schedule *schedule, const struct sched_plan *plan, const pln_value *value, uint32_t domain,
                        struct sched_location *location, pln_error *error)
{
    const struct sched_device *device = plan->memory[domain].device;
    uint64_t first = 0;
    *location = (struct sched_location){.open = plan->memory[domain].open};
    const pln_status status = locate_memory(schedule, plan, value, domain, location, &first, error);
    first *= graph_element_bytes(value->dtype, device->entry.info.f32_bytes);
    if (location->data)
        location->data = (char *)location->data + first;
    else
        location->offset += first;
    return status;
}
