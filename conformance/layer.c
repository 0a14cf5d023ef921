/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of the table as calls of the seam.
 */
#include "conformance/layer.h"

#include <stdlib.h>

#include "common/seam.h"

static struct seam seam;

void conf_layer_use(struct faults *faults)
{
    seam.faults = faults;
}

/* Handles that cross are the seam's own. */
static struct seam_device *device_of(const pln_device *device)
{
    return (struct seam_device *)(uintptr_t)device;
}

static struct seam_plan *plan_of(pln_plan *plan)
{
    return (struct seam_plan *)(void *)plan;
}

static pln_status pass(pln_status status, const pln_error *error, pln_failure *failure)
{
    return status == PLN_OK || status == PLN_TIMED_OUT ? status
                                                       : pln_failed(failure, status, error->node, "%s", error->message);
}

static pln_status count_devices(uint32_t *count, pln_failure *failure)
{
    pln_error error = {.node = -1};
    return pass(seam_device_count(&seam, count, &error), &error, failure);
}

static pln_status tell_info(uint32_t index, const pln_device *device, pln_device_description *info,
                            pln_failure *failure)
{
    pln_error error = {.node = -1};
    return pass(seam_device_info(&seam, index, device ? device_of(device) : NULL, info, &error), &error, failure);
}

static pln_status open_device(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *failure)
{
    pln_error error = {.node = -1};
    struct seam_device *d = calloc(1, sizeof *d);
    if (!d)
        return pln_failed(failure, PLN_NO_MEMORY, -1, "no memory for a device");
    const pln_status status = seam_device_open(&seam, index, seam.table.name, opening, d, &error);
    if (status != PLN_OK)
        free(d);
    else
        *device = (pln_device *)(void *)d;
    return pass(status, &error, failure);
}

static void close_device(pln_device **device)
{
    struct seam_device *d = device_of(*device);
    seam_device_close(d);
    free(d);
    *device = NULL;
}

static pln_status ask_support(pln_device *device, const pln_segment *segment, pln_verdict *verdicts, uint32_t stride,
                              pln_failure *failure)
{
    pln_error error = {.node = -1};
    return stride == sizeof *verdicts
               ? pass(seam_supports(device_of(device), segment, verdicts, &error), &error, failure)
               : pln_failed(failure, PLN_INVALID, -1, "the seam has verdicts of its own size");
}

static pln_status create_constant(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                                  pln_failure *failure)
{
    pln_error error = {.node = -1};
    return pass(seam_constant_create(device_of(device), info, constant, &error), &error, failure);
}

static void destroy_constant(pln_device *device, pln_constant **constant)
{
    seam_constant_destroy(device_of(device), constant);
}

static pln_status create_buffer(pln_device *device, uint64_t bytes, pln_buffer **buffer, pln_failure *failure)
{
    pln_error error = {.node = -1};
    return pass(seam_buffer_create(device_of(device), bytes, buffer, &error), &error, failure);
}

static void destroy_buffer(pln_device *device, pln_buffer **buffer)
{
    seam_buffer_destroy(device_of(device), buffer);
}

static pln_status write_buffer(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                               const void *data, pln_failure *failure)
{
    pln_error error = {.node = -1};
    return pass(seam_buffer_write(device_of(device), buffer, offset, dtype, count, data, &error), &error, failure);
}

static pln_status read_buffer(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                              void *data, pln_failure *failure)
{
    pln_error error = {.node = -1};
    return pass(seam_buffer_read(device_of(device), buffer, offset, dtype, count, data, &error), &error, failure);
}

static pln_status create_plan(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *failure)
{
    pln_error error = {.node = -1};
    struct seam_plan *made = NULL;
    const pln_status status = seam_plan_create(device_of(device), segment, &made, &error);
    *plan = (pln_plan *)(void *)made;
    return pass(status, &error, failure);
}

static void destroy_plan(pln_plan **plan)
{
    struct seam_plan *p = plan_of(*plan);
    seam_plan_destroy(&p);
    *plan = NULL;
}

static pln_status run_plan(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    pln_error error = {.node = -1};
    return pass(seam_plan_run(plan_of(plan), run, &error), &error, failure);
}

static pln_status submit_plan(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    pln_error error = {.node = -1};
    return pass(seam_plan_submit(plan_of(plan), run, &error), &error, failure);
}

static pln_status wait_for_plan(pln_plan *plan, uint64_t timeout_ns, pln_failure *failure)
{
    pln_error error = {.node = -1};
    return pass(seam_plan_wait(plan_of(plan), timeout_ns, &error), &error, failure);
}

const pln_backend *conf_layer(const pln_backend *backend, const char **why)
{
    static char reason[256];
    static pln_backend table;
    *why = reason;
    if (!seam_accept(&seam, backend, reason, sizeof reason))
        return NULL;
    const bool buffers = backend->buffer_create, submits = backend->plan_submit;
    table = (pln_backend){.size = sizeof table,
                          .abi = PLN_ABI_VERSION,
                          .name = backend->name,
                          .version = backend->version,
                          .device_count = count_devices,
                          .device_info = tell_info,
                          .device_open = open_device,
                          .device_close = close_device,
                          .supports = ask_support,
                          .constant_create = create_constant,
                          .constant_destroy = destroy_constant,
                          .plan_create = create_plan,
                          .plan_run = run_plan,
                          .plan_destroy = destroy_plan,
                          .buffer_create = buffers ? create_buffer : NULL,
                          .buffer_destroy = buffers ? destroy_buffer : NULL,
                          .buffer_write = buffers ? write_buffer : NULL,
                          .buffer_read = buffers ? read_buffer : NULL,
                          .plan_submit = submits ? submit_plan : NULL,
                          .plan_wait = submits ? wait_for_plan : NULL};
    return &table;
}
