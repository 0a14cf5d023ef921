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

struct lowering {
    pln_device *device;
    const pln_segment *segment;
    struct vkb_steps *steps;
    uint32_t node;
};

static pln_status grow(const pln_host *host, struct vkb_steps *steps, pln_error *error)
{
    if (steps->n < steps->room)
        return PLN_OK;
    uint32_t room = steps->room ? steps->room * 2 : 64;
    struct vkb_step *larger = host->allocate(host->context, room * sizeof *larger);
    if (!larger)
        return pln_fail(error, PLN_NO_MEMORY, "no host memory for a plan of %u launches", room);
    if (steps->n)
        memcpy(larger, steps->steps, steps->n * sizeof *larger);
    host->release(host->context, steps->steps);
    steps->steps = larger;
    steps->room = room;
    return PLN_OK;
}

static pln_status add_step(void *context, const struct gpu_launch *launch, pln_error *error)
{
    struct lowering *lowering = context;
    struct vkb_steps *steps = lowering->steps;
    uint64_t groups = gpu_launch_groups(launch, lowering->segment->capacity);
    uint64_t most = lowering->device->max_groups;
    if (groups > most * most)
        return pln_fail_node(error, PLN_UNSUPPORTED, (int32_t)lowering->node,
                             "kernel %s needs %llu work-groups, the device allows %llu", launch->kernel,
                             (unsigned long long)groups, (unsigned long long)(most * most));
    pln_status status = grow(lowering->device->host, steps, error);
    if (status != PLN_OK)
        return status;
    steps->steps[steps->n++] = (struct vkb_step){
        .launch = *launch, .node = lowering->node, .groups = (uint32_t)groups, .record = steps->words};
    steps->words += (uint32_t)round_up(launch->n_words, RECORD_MULTIPLE);
    if (launch->scratch_bytes > steps->scratch_bytes)
        steps->scratch_bytes = launch->scratch_bytes;
    return PLN_OK;
}

/* A cut comes before the step that would exceed the budget, never after it. */
static void cut_submissions(const pln_device *device, struct vkb_steps *steps)
{
    uint64_t sum = 0;
    uint32_t submission = 0;
    for (uint32_t i = 0; i < steps->n; i++) {
        const struct gpu_launch *launch = &steps->steps[i].launch;
        uint64_t cost = launch->flops + launch->bytes * OPS_PER_BYTE;
        if (sum && sum + cost > device->submit_flops) {
            submission++;
            sum = 0;
        }
        sum += cost;
        steps->steps[i].submission = submission;
    }
    steps->n_submissions = submission + 1;
}

void vkb_steps_release(const pln_host *host, struct vkb_steps *steps)
{
    host->release(host->context, steps->steps);
    *steps = (struct vkb_steps){0};
}

uint64_t vkb_record_bytes(const struct vkb_steps *steps)
{
    return steps->words * sizeof(uint32_t);
}

uint64_t vkb_spare_place(const pln_device *device, const struct vkb_steps *steps, uint32_t step)
{
    const uint64_t alignment = device->limits.offset_alignment;
    return round_up(vkb_record_bytes(steps), alignment) + step * alignment;
}

uint64_t vkb_words_bytes(const pln_device *device, const struct vkb_steps *steps)
{
    return vkb_spare_place(device, steps, steps->n);
}

uint64_t vkb_control_bytes(const struct vkb_steps *steps)
{
    return (GPU_DIMS + steps->n_submissions) * sizeof(uint32_t);
}

uint64_t vkb_own_bytes(const pln_device *device, const struct vkb_steps *steps)
{
    uint64_t scratch = steps->scratch_bytes ? vkb_buffer_round(steps->scratch_bytes) : 0;
    return vkb_buffer_round(vkb_words_bytes(device, steps)) + vkb_buffer_round(vkb_control_bytes(steps)) + scratch;
}

pln_status vkb_steps_create(pln_device *device, const pln_segment *segment, struct vkb_steps *steps, pln_error *error)
{
    *steps = (struct vkb_steps){.words = GPU_DIMS};
    if (segment->n_symbols > GPU_DIMS)
        return pln_fail(error, PLN_UNSUPPORTED, "%u symbols, a Vulkan plan takes %d", segment->n_symbols, GPU_DIMS);
    struct lowering lowering = {.device = device, .segment = segment, .steps = steps};
    pln_status status = PLN_OK;
    for (; lowering.node < segment->n_nodes && status == PLN_OK; lowering.node++)
        status = gpu_lower(&device->limits, segment, lowering.node, add_step, &lowering, error);
    if (status == PLN_OK && vkb_record_bytes(steps) > device->limits.max_range)
        status = pln_fail(error, PLN_UNSUPPORTED, "the records of %u launches exceed the buffer range of %llu bytes",
                          steps->n, (unsigned long long)device->limits.max_range);
    if (status != PLN_OK)
        vkb_steps_release(device->host, steps);
    else
        cut_submissions(device, steps);
    return status;
}

pln_status vkb_steps_tell(pln_device *device, const pln_segment *segment, pln_plan_info *info, pln_error *error)
{
    const uint32_t given = info->n_kernels, room = info->kernels ? given : 0;
    struct vkb_steps steps;
    pln_status status = vkb_steps_create(device, segment, &steps, error);
    if (status != PLN_OK)
        return status;
    info->n_kernels = steps.n;
    info->scratch_bytes = vkb_own_bytes(device, &steps);
    for (uint32_t i = 0; i < steps.n && i < room; i++) {
        const struct gpu_launch *launch = &steps.steps[i].launch;
        info->kernels[i] = (pln_kernel_info){0};
        vkb_kernel_name(launch->kernel, launch->n_specs, launch->specs, info->kernels[i].name);
    }
    for (uint32_t i = 0; i < steps.n && pln_plan_program(info, given, i); i++)
        *pln_plan_program(info, given, i) =
            gpu_program(&steps.steps[i].launch, steps.steps[i].node, PLN_LANGUAGE_SPIRV);
    vkb_steps_release(device->host, &steps);
    return gpu_constants_bytes(&device->limits, device->host, segment, vkb_buffer_round, &info->constant_bytes, error);
}
