/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a segment, gives steps: the launches of its nodes in order, cut into submissions, and the exact bytes that a
 * plan of them takes. Nothing of the API is called, so that it can be asked before anything is allocated.
 */
#include "backends/vulkan/vulkan.h"
#include "common/round.h"

#include <string.h>

enum {
    RECORD_MULTIPLE = 4, /* words */
    OPS_PER_BYTE = 4,    /* a byte moved takes about as long as so many operations, for cutting submissions */
};

/* A cut comes before the step that would exceed the budget, never after it. */
static void cut_submissions(const pln_device *device, struct vkb_steps *steps)
{
    uint64_t sum = 0;
    uint32_t submission = 0;
    for (uint32_t i = 0; i < steps->all.n; i++) {
        struct vkb_step *step = gpu_step_at(&steps->all, i);
        const struct gpu_launch *launch = &step->step.launch;
        uint64_t cost = launch->flops + launch->bytes * OPS_PER_BYTE;
        if (sum && sum + cost > device->submit_flops) {
            submission++;
            sum = 0;
        }
        sum += cost;
        step->submission = submission;
    }
    steps->n_submissions = submission + 1;
}

uint64_t vkb_spare_place(const pln_device *device, const struct vkb_steps *steps, uint32_t step)
{
    const uint64_t alignment = device->limits.offset_alignment;
    return round_up(gpu_steps_bytes(&steps->all), alignment) + step * alignment;
}

uint64_t vkb_words_bytes(const pln_device *device, const struct vkb_steps *steps)
{
    return vkb_spare_place(device, steps, steps->all.n);
}

uint64_t vkb_control_bytes(const struct vkb_steps *steps)
{
    return (GPU_DIMS + steps->n_submissions) * sizeof(uint32_t);
}

uint64_t vkb_own_bytes(const pln_device *device, const struct vkb_steps *steps)
{
    uint64_t scratch = steps->all.scratch_bytes ? vkb_buffer_round(steps->all.scratch_bytes) : 0;
    return vkb_buffer_round(vkb_words_bytes(device, steps)) + vkb_buffer_round(vkb_control_bytes(steps)) + scratch;
}

pln_status vkb_steps_create(pln_device *device, const pln_segment *segment, struct vkb_steps *steps, pln_failure *error)
{
    const uint64_t side = device->max_groups; /* a dispatch may have as many in x and in y */
    const struct gpu_steps_rules rules = {.host = device->host,
                                          .limits = &device->limits,
                                          .step_bytes = sizeof(struct vkb_step),
                                          .record_multiple = RECORD_MULTIPLE,
                                          .most_groups = side * side};
    *steps = (struct vkb_steps){0};
    const pln_status status = gpu_steps_create(&rules, segment, &steps->all, error);
    if (status != PLN_OK)
        return status;
    if (gpu_steps_bytes(&steps->all) > device->limits.max_range) {
        const uint32_t n = steps->all.n;
        gpu_steps_release(device->host, &steps->all);
        return pln_failed(error, PLN_UNSUPPORTED, -1,
                          "the records of %u launches exceed the buffer range of %llu bytes", n,
                          (unsigned long long)device->limits.max_range);
    }
    cut_submissions(device, steps);
    return PLN_OK;
}

pln_status vkb_steps_tell(pln_device *device, const pln_segment *segment, pln_plan_info *info, pln_failure *error)
{
    const uint32_t room = info->n_kernels;
    struct vkb_steps steps;
    pln_status status = vkb_steps_create(device, segment, &steps, error);
    if (status != PLN_OK)
        return status;
    info->n_kernels = steps.all.n;
    info->scratch_bytes = vkb_own_bytes(device, &steps);
    for (uint32_t i = 0; i < steps.all.n && i < room; i++) {
        const struct gpu_step *step = gpu_step_at(&steps.all, i);
        pln_launch_info kernel = {.size = sizeof kernel};
        vkb_kernel_name(step->launch.kernel, step->launch.n_specs, step->launch.specs, kernel.name);
        pln_plan_give_kernel(info, room, i, &kernel);
    }
    gpu_steps_programs(&steps.all, PLN_LANGUAGE_SPIRV, room, info);
    gpu_steps_release(device->host, &steps.all);
    return gpu_constants_bytes(&device->limits, device->host, segment, vkb_buffer_round, &info->constant_bytes, error);
}
