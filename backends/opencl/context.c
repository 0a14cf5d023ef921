/* SPDX-License-Identifier: Apache-2.0
 *
 * One open device: its context and queues.
 */
#include "backends/opencl/opencl.h"

static pln_status open_queue(pln_device *device, pln_failure *error)
{
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)device->entry->platform, 0};
    cl_device_id id = device->entry->id;
    cl_int code = CL_SUCCESS;
    device->context = clb.CreateContext(properties, 1, &id, NULL, NULL, &code);
    if (code != CL_SUCCESS)
        return clb_fail(device, code, "clCreateContext", error);
    device->queue = clb.CreateCommandQueue(device->context, id, 0, &code);
    return code == CL_SUCCESS ? PLN_OK : clb_fail(device, code, "clCreateCommandQueue", error);
}

pln_status clb_device_open(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *error)
{
    const pln_host *host = opening->host;
    pln_option options[SETTINGS_MOST];
    const uint32_t n_options = settings_take(opening, options);
    const struct clb_entry *entry = NULL;
    *device = NULL;
    pln_status status = clb_entry_find(index, &entry, error);
    if (status != PLN_OK)
        return status;
    if (entry->info.flags & PLN_DEVICE_FLAG_UNUSABLE)
        return pln_failed(error, PLN_NO_DEVICE, -1, "%s cannot be used: %s", entry->info.name, entry->info.reason);
    pln_device *opened = host->allocate(host->context, sizeof *opened);
    if (!opened)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for a device, %zu bytes", sizeof *opened);
    opened->host = host;
    opened->entry = entry;
    opened->limits = entry->limits;
    opened->block_bytes = entry->info.block_bytes;
    status = clb_options_apply(opened, options, n_options, error);
    settings_show(&opened->settings, clb_option_infos, options, n_options);
    if (status == PLN_OK)
        status = open_queue(opened, error);
    *device = opened;
    if (status != PLN_OK)
        clb_device_close(device);
    return status;
}

void clb_device_close(pln_device **device)
{
    pln_device *d = *device;
    if (!d)
        return;
    clb_programs_destroy(d);
    if (d->timed_queue)
        clb.ReleaseCommandQueue(d->timed_queue);
    if (d->queue)
        clb.ReleaseCommandQueue(d->queue);
    if (d->context)
        clb.ReleaseContext(d->context);
    d->host->release(d->host->context, d);
    *device = NULL;
}
