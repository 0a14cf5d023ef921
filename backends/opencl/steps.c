/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a segment, gives steps: the launches of its nodes in order, and the exact bytes that a plan of them takes.
 * Nothing of the API is called, so that it can be asked before anything is allocated.
 */
#include "backends/opencl/opencl.h"

#include <string.h>

struct lowering {
    pln_device *device;
    const pln_segment *segment;
    struct clb_steps *steps;
    uint32_t node;
};

static pln_status grow(const pln_host *host, struct clb_steps *steps, pln_error *error)
{
    if (steps->n < steps->room)
        return PLN_OK;
    uint32_t room = steps->room ? steps->room * 2 : 64;
    struct clb_step *larger = host->allocate(host->context, room * sizeof *larger);
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
    struct clb_steps *steps = lowering->steps;
    pln_status status = grow(lowering->device->host, steps, error);
    if (status != PLN_OK)
        return status;
    steps->steps[steps->n++] = (struct clb_step){.launch = *launch, .node = lowering->node, .record = steps->words};
    steps->words += launch->n_words;
    if (launch->scratch_bytes > steps->scratch_bytes)
        steps->scratch_bytes = launch->scratch_bytes;
    return PLN_OK;
}

void clb_steps_release(const pln_host *host, struct clb_steps *steps)
{
    host->release(host->context, steps->steps);
    *steps = (struct clb_steps){0};
}

uint64_t clb_words_bytes(const struct clb_steps *steps)
{
    return steps->words * sizeof(uint32_t);
}

uint64_t clb_own_bytes(const struct clb_steps *steps)
{
    return clb_words_bytes(steps) + steps->scratch_bytes;
}

pln_status clb_steps_create(pln_device *device, const pln_segment *segment, struct clb_steps *steps, pln_error *error)
{
    *steps = (struct clb_steps){.words = GPU_DIMS};
    if (segment->n_symbols > GPU_DIMS)
        return pln_fail(error, PLN_UNSUPPORTED, "opencl: %u symbols, a plan holds %d", segment->n_symbols, GPU_DIMS);
    struct lowering lowering = {.device = device, .segment = segment, .steps = steps};
    pln_status status = PLN_OK;
    for (; lowering.node < segment->n_nodes && status == PLN_OK; lowering.node++)
        status = gpu_lower(&device->limits, segment, lowering.node, add_step, &lowering, error);
    if (status == PLN_OK)
        return PLN_OK;
    if (error)
        error->node = (int32_t)lowering.node - 1;
    clb_steps_release(device->host, steps);
    return status;
}

pln_status clb_steps_tell(pln_device *device, const pln_segment *segment, pln_plan_info *info, pln_error *error)
{
    const uint32_t given = info->n_kernels, room = info->kernels ? given : 0;
    struct clb_steps steps;
    pln_status status = clb_steps_create(device, segment, &steps, error);
    if (status != PLN_OK)
        return status;
    info->n_kernels = steps.n;
    info->scratch_bytes = clb_own_bytes(&steps);
    for (uint32_t i = 0; i < steps.n && i < room; i++) {
        info->kernels[i] = (pln_kernel_info){0};
        snprintf(info->kernels[i].name, sizeof info->kernels[i].name, "%s", steps.steps[i].launch.kernel);
    }
    for (uint32_t i = 0; i < steps.n && pln_plan_program(info, given, i); i++)
        *pln_plan_program(info, given, i) =
            gpu_program(&steps.steps[i].launch, steps.steps[i].node, PLN_LANGUAGE_OPENCL_C);
    clb_steps_release(device->host, &steps);
    return gpu_constants_bytes(&device->limits, device->host, segment, NULL, &info->constant_bytes, error);
}
