/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of kind state: by name, zero at first, alive until their pln_states ends.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "scheduler/scheduler.h"

pln_status pln_states_create(pln_devices *devices, pln_states **states, pln_error *error)
{
    *states = calloc(1, sizeof **states);
    if (!*states)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for states");
    (*states)->devices = devices;
    return PLN_OK;
}

static void destroy_state(pln_runtime *runtime, struct sched_state *state)
{
    if (state->buffer)
        state->device->backend->buffer_destroy(state->device->device, &state->buffer);
    runtime->host.release(runtime, state->data);
    free(state->name);
    free(state);
}

void pln_states_destroy(pln_states **states)
{
    if (!*states)
        return;
    for (struct sched_state *state = (*states)->list, *next; state; state = next) {
        next = state->next;
        destroy_state((*states)->devices->runtime, state);
    }
    free(*states);
    *states = NULL;
}

static pln_status zero_buffer(struct sched_state *state, pln_error *error)
{
    const uint64_t n = (uint64_t)state->rows * state->row_stride;
    float *zeros = calloc(n, sizeof *zeros);
    if (!zeros)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for state %s", state->name);
    const pln_status status =
        state->device->backend->buffer_write(state->device->device, state->buffer, 0, PLN_F32, n, zeros, error);
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
        status = device->backend->buffer_create(device->device, bytes, &state->buffer, error);
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

pln_status sched_state_get(pln_states *states, const pln_value *value, const struct sched_device *device,
                           struct sched_state **state, pln_error *error)
{
    for (struct sched_state *s = states->list; s; s = s->next) {
        if (strcmp(s->name, value->name) != 0)
            continue;
        if (s->rows != value->rows.offset || s->width != value->width)
            return pln_fail(error, PLN_INVALID, "state %s is [%u, %u], expected [%u, %u]", s->name, s->rows, s->width,
                            value->rows.offset, value->width);
        if (s->domain != device->domain)
            return pln_fail(error, PLN_INVALID, "state %s lies on device %s, not on %s", s->name, s->device->entry.name,
                            device->entry.name);
        *state = s;
        return PLN_OK;
    }
    return create_state(states, value, device, state, error);
}

static pln_status find_state(pln_schedule *schedule, const char *name, struct sched_state **state, pln_error *error)
{
    for (struct sched_state *s = schedule->states->list; s; s = s->next)
        if (strcmp(s->name, name) == 0) {
            *state = s;
            return PLN_OK;
        }
    return pln_fail(error, PLN_INVALID, "no state %s was used by a run", name);
}

/* Between dense rows and rows with padding, one row at a time: states are read and written rarely. */
static pln_status move_rows(const struct sched_state *s, float *out, const float *in, pln_error *error)
{
    const pln_backend *backend = s->device->backend;
    pln_device *device = s->device->device;
    const uint64_t row_bytes = (uint64_t)s->row_stride * graph_element_bytes(PLN_F32, s->device->entry.info.f32_bytes);
    pln_status status = PLN_OK;
    for (uint32_t r = 0; status == PLN_OK && r < s->rows; r++) {
        float *host = s->data ? (float *)s->data + (size_t)r * s->row_stride : NULL;
        const size_t at = (size_t)r * s->width, bytes = s->width * sizeof(float);
        if (host && out)
            memcpy(out + at, host, bytes);
        else if (host)
            memcpy(host, in + at, bytes);
        else if (out)
            status = backend->buffer_read(device, s->buffer, r * row_bytes, PLN_F32, s->width, out + at, error);
        else
            status = backend->buffer_write(device, s->buffer, r * row_bytes, PLN_F32, s->width, in + at, error);
    }
    return status;
}

pln_status pln_schedule_state_read(pln_schedule *schedule, const char *name, float *data, pln_error *error)
{
    struct sched_state *state = NULL;
    const pln_status status = find_state(schedule, name, &state, error);
    return status == PLN_OK ? move_rows(state, data, NULL, error) : status;
}

pln_status pln_schedule_state_write(pln_schedule *schedule, const char *name, const float *data, pln_error *error)
{
    struct sched_state *state = NULL;
    const pln_status status = find_state(schedule, name, &state, error);
    return status == PLN_OK ? move_rows(state, NULL, data, error) : status;
}
