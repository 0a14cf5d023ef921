/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of kind state: by name, zero at first, alive until their pln_states ends.
 */
#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "scheduler/scheduler.h"

pln_status pln_states_create(pln_devices *devices, pln_states **states, pln_error *error)
{
    NEED(error, states);
    *states = NULL;
    NEED(error, devices);
    *states = calloc(1, sizeof **states);
    if (!*states)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for states");
    (*states)->devices = devices;
    return PLN_OK;
}

static void destroy_state(pln_runtime *runtime, struct sched_state *state)
{
    if (state->buffer)
        sched_buffer_destroy(state->open, &state->buffer);
    sched_open_release(&state->open);
    runtime->host.release(runtime, state->data);
    free(state->name);
    free(state);
}

void sched_states_forget(pln_states *states)
{
    for (struct sched_state *state = states->list, *next; state; state = next) {
        next = state->next;
        destroy_state(states->devices->runtime, state);
    }
    states->list = NULL;
}

void pln_states_destroy(pln_states **states)
{
    if (!states || !*states)
        return;
    sched_states_forget(*states);
    free(*states);
    *states = NULL;
}

static pln_status zero_buffer(struct sched_state *state, pln_error *error)
{
    const uint64_t n = (uint64_t)state->rows * state->row_stride;
    float *zeros = calloc(n, sizeof *zeros);
    if (!zeros)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for state %s", state->name);
    const struct sched_location at = {.open = state->open, .buffer = state->buffer};
    const pln_status status = sched_write(&at, PLN_F32, n, zeros, error);
    free(zeros);
    return status;
}

static pln_status create_state(pln_states *states, const pln_value *value, const struct sched_device *device,
                               struct sched_state **out, pln_error *error)
{
    pln_runtime *runtime = states->devices->runtime;
    const uint64_t bytes =
        (uint64_t)value->rows.offset * value->row_stride * graph_element_bytes(PLN_F32, device->entry.info.f32_bytes);
    struct sched_state *state = calloc(1, sizeof *state);
    if (!state || !(state->name = strdup(value->name))) {
        free(state);
        return pln_fail(error, PLN_NO_MEMORY, "no memory for state %s", value->name);
    }
    state->rows = value->rows.offset;
    state->width = value->width;
    state->row_stride = value->row_stride;
    state->domain = device->domain;
    state->device = device;
    pln_status status = PLN_OK;
    if (sched_on_host(device)) {
        state->data = runtime->host.allocate(runtime, bytes);
        if (!state->data)
            status = pln_fail(error, PLN_NO_MEMORY, "no memory for %llu bytes of state %s", (unsigned long long)bytes,
                              value->name);
    } else {
        state->open = sched_open_acquire(states->devices, (uint32_t)(device - states->devices->devices));
        sched_enter(state->open);
        status = seam_buffer_create(&state->open->seam, bytes, &state->buffer, error);
        sched_leave(state->open);
        if (status == PLN_OK)
            status = zero_buffer(state, error);
    }
    if (status != PLN_OK) {
        destroy_state(runtime, state);
        return status;
    }
    state->next = states->list;
    states->list = state;
    *out = state;
    return PLN_OK;
}

/* NULL if no plan has met it yet. */
static struct sched_state *known_state(const pln_states *states, const char *name)
{
    struct sched_state *s = states->list;
    while (s && strcmp(s->name, name) != 0)
        s = s->next;
    return s;
}

pln_status sched_state_get(pln_states *states, const pln_value *value, const struct sched_device *device,
                           struct sched_state **state, pln_error *error)
{
    struct sched_state *s = known_state(states, value->name);
    if (!s)
        return create_state(states, value, device, state, error);
    if (s->rows != value->rows.offset || s->width != value->width)
        return pln_fail(error, PLN_INVALID, "state %s is [%u, %u], expected [%u, %u]", s->name, s->rows, s->width,
                        value->rows.offset, value->width);
    if (s->open && sched_is_lost(s->open))
        return pln_fail(error, PLN_DEVICE_LOST, "state %s was lost with device %s", s->name, s->device->entry.name);
    if (s->domain != device->domain)
        return pln_fail(error, PLN_INVALID, "state %s lies on device %s, not on %s", s->name, s->device->entry.name,
                        device->entry.name);
    *state = s;
    return PLN_OK;
}

/* A state that no plan has met yet is created here. */
static pln_status find_state(pln_schedule *schedule, const char *name, struct sched_state **state, pln_error *error)
{
    *state = known_state(schedule->states, name);
    if (*state)
        return PLN_OK;
    for (uint32_t i = 0; i < schedule->graph->n_values; i++) {
        const pln_value *value = schedule->graph->values[i];
        if (value->kind == PLN_VALUE_STATE && value->base == value && strcmp(value->name, name) == 0)
            return sched_state_get(schedule->states, value,
                                   sched_device_of(schedule->devices, sched_home(schedule, value)), state, error);
    }
    return pln_fail(error, PLN_INVALID, "graph %s has no state %s, and no other has used it", schedule->graph->name,
                    name);
}

const float *sched_state_view(const pln_schedule *schedule, const char *name)
{
    const struct sched_state *s = known_state(schedule->states, name);
    return s && s->row_stride == s->width ? s->data : NULL;
}

/* n elements from element `first` of the state on, to or from host memory. */
static pln_status move_elements(const struct sched_state *s, uint64_t first, uint64_t n, float *out, const float *in,
                                pln_error *error)
{
    const struct sched_location at = {
        .open = s->open,
        .buffer = s->buffer,
        .offset = first * graph_element_bytes(PLN_F32, s->device->entry.info.f32_bytes),
    };
    if (s->data) {
        float *host = (float *)s->data + first;
        if (out)
            memcpy(out, host, n * sizeof *host);
        else if (in)
            memcpy(host, in, n * sizeof *host);
        return PLN_OK;
    }
    return out ? sched_read(&at, PLN_F32, n, out, error) : sched_write(&at, PLN_F32, n, in, error);
}

/* Between dense rows and rows that may be padded: then one at a time. */
static pln_status move_rows(const struct sched_state *s, float *out, const float *in, pln_error *error)
{
    const bool dense = s->row_stride == s->width;
    const uint64_t n = dense ? (uint64_t)s->rows * s->width : s->width;
    pln_status status = PLN_OK;
    for (uint32_t r = 0; status == PLN_OK && r < (dense ? 1 : s->rows); r++) {
        status = move_elements(s, (uint64_t)r * s->row_stride, n, out, in, error);
        out = out ? out + n : NULL;
        in = in ? in + n : NULL;
    }
    return status;
}

/* Through host memory: the two may lie on different devices. */
static pln_status take_over(const struct sched_state *from, const struct sched_state *to, pln_error *error)
{
    const uint64_t n = (uint64_t)from->rows * from->row_stride;
    float *elements = malloc(n * sizeof *elements);
    if (!elements)
        return pln_fail(error, PLN_NO_MEMORY, "no memory to move state %s", from->name);
    pln_status status = move_elements(from, 0, n, elements, NULL, error);
    if (status == PLN_OK)
        status = move_elements(to, 0, n, NULL, elements, error);
    free(elements);
    return status;
}

pln_status sched_states_take_over(pln_schedule *schedule, const pln_states *from, pln_error *error)
{
    pln_status status = sched_begin(schedule, error);
    if (status != PLN_OK)
        return status;
    for (uint32_t i = 0; status == PLN_OK && i < schedule->graph->n_values; i++) {
        const pln_value *value = schedule->graph->values[i];
        const bool whole = value->kind == PLN_VALUE_STATE && value->base == value && !value->producer;
        const struct sched_state *old = whole ? known_state(from, value->name) : NULL;
        struct sched_state *state = NULL;
        if (!old)
            continue;
        status = find_state(schedule, value->name, &state, error);
        if (status == PLN_OK && (old->width != state->width || old->rows > state->rows))
            status = pln_fail(error, PLN_INVALID, "state %s is [%u, %u], it does not fit into [%u, %u]", old->name,
                              old->rows, old->width, state->rows, state->width);
        if (status == PLN_OK)
            status = take_over(old, state, error);
    }
    sched_end(schedule);
    return status;
}

static pln_status move_state(pln_schedule *schedule, const char *name, float *out, const float *in, pln_error *error)
{
    struct sched_state *state = NULL;
    pln_status status = sched_begin(schedule, error);
    if (status != PLN_OK)
        return status;
    status = find_state(schedule, name, &state, error);
    if (status == PLN_OK)
        status = move_rows(state, out, in, error);
    sched_end(schedule);
    return status;
}

pln_status pln_schedule_state_read(pln_schedule *schedule, const char *name, float *data, pln_error *error)
{
    NEED(error, schedule, name, data);
    return move_state(schedule, name, data, NULL, error);
}

pln_status pln_schedule_state_write(pln_schedule *schedule, const char *name, const float *data, pln_error *error)
{
    NEED(error, schedule, name, data);
    return move_state(schedule, name, NULL, data, error);
}
