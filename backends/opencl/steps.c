/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a segment, gives steps, and the exact bytes that a plan of them takes. Nothing of the API is called, so that it
 * can be asked before anything is allocated.
 */
#include "backends/opencl/opencl.h"

uint64_t clb_own_bytes(const struct gpu_steps *steps)
{
    return gpu_steps_bytes(steps) + steps->scratch_bytes;
}

pln_status clb_steps_create(pln_device *device, const pln_segment *segment, struct gpu_steps *steps, pln_failure *error)
{
    const struct gpu_steps_rules rules = {
        .host = device->host, .limits = &device->limits, .step_bytes = sizeof(struct clb_step), .record_multiple = 1};
    return gpu_steps_create(&rules, segment, steps, error);
}

pln_status clb_steps_tell(pln_device *device, const pln_segment *segment, pln_plan_info *info, pln_failure *error)
{
    const uint32_t room = info->n_kernels;
    struct gpu_steps steps;
    pln_status status = clb_steps_create(device, segment, &steps, error);
    if (status != PLN_OK)
        return status;
    info->n_kernels = steps.n;
    info->scratch_bytes = clb_own_bytes(&steps);
    for (uint32_t i = 0; i < steps.n && i < room; i++) {
        const struct gpu_step *step = gpu_step_at(&steps, i);
        pln_launch_info kernel = {.size = sizeof kernel};
        snprintf(kernel.name, sizeof kernel.name, "%s", step->launch.kernel);
        pln_plan_give_kernel(info, room, i, &kernel);
    }
    gpu_steps_programs(&steps, PLN_LANGUAGE_OPENCL_C, room, info);
    gpu_steps_release(device->host, &steps);
    return gpu_constants_bytes(&device->limits, device->host, segment, NULL, &info->constant_bytes, error);
}
