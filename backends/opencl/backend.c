/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of the plugin, and the devices that it lists.
 */
#include "backends/opencl/opencl.h"

#include <string.h>

pln_status clb_device_count(uint32_t *count, pln_failure *error)
{
    const struct clb_system *machine = clb_system();
    *count = machine->n_entries;
    return machine->n_entries ? PLN_OK : pln_failed(error, PLN_NO_DEVICE, -1, "%s", machine->reason);
}

pln_status clb_device_info(uint32_t index, const pln_device *device, pln_device_description *info, pln_failure *error)
{
    const struct clb_entry *entry = device ? device->entry : NULL;
    if (!entry) {
        pln_status status = clb_entry_find(index, &entry, error);
        if (status != PLN_OK)
            return status;
    }
    pln_device_description full = entry->info;
    full.free_bytes = clb_free_bytes(entry);
    if (device)
        full.block_bytes = device->block_bytes;
    settings_describe(clb_option_infos, device ? &device->settings : NULL, &full);
    pln_give(info, &full);
    return PLN_OK;
}

static pln_status supports(pln_device *device, const pln_segment *segment, pln_verdict *verdicts,
                           uint32_t verdict_stride, pln_failure *error)
{
    (void)error;
    for (uint32_t i = 0; i < segment->n_nodes; i++)
        gpu_supports(&device->limits, segment, i,
                     (pln_verdict *)(void *)((char *)(void *)verdicts + (size_t)i * verdict_stride));
    return PLN_OK;
}

static pln_status device_health(pln_device *device, pln_failure *error)
{
    const pln_status status = clb_begin(device, error);
    const cl_int code = status == PLN_OK ? clb.Finish(device->queue) : CL_SUCCESS;
    return code == CL_SUCCESS ? status : clb_fail(device, code, "clFinish", error);
}

static const pln_backend backend = {
    .size = sizeof backend,
    .abi = PLN_ABI_VERSION,
    .name = "opencl",
    .version = PLEIONE_VERSION,
    .device_count = clb_device_count,
    .device_info = clb_device_info,
    .device_open = clb_device_open,
    .device_close = clb_device_close,
    .buffer_create = clb_buffer_create,
    .buffer_destroy = clb_buffer_destroy,
    .buffer_write = clb_buffer_write,
    .buffer_read = clb_buffer_read,
    .supports = supports,
    .constant_create = clb_constant_create,
    .constant_destroy = clb_constant_destroy,
    .plan_create = clb_plan_create,
    .plan_run = clb_plan_run,
    .plan_destroy = clb_plan_destroy,
    .plan_timing = clb_plan_timing,
    .plan_info = clb_plan_info,
    .plan_submit = clb_plan_submit,
    .plan_wait = clb_plan_wait,
    .device_health = device_health,
};

PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{
    return abi_min <= PLN_ABI_VERSION && PLN_ABI_VERSION <= abi_max ? &backend : NULL;
}
