/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the steps of a plan, gives command buffers: written once for the capacity of the plan, since kernels read the
 * real counts themselves. A barrier stands only where the ranges of two steps meet and one of them is written.
 */
#include "backends/vulkan/vulkan.h"
#include "common/round.h"

enum { PENDING = 256 };

struct recorder {
    pln_plan *plan;
    const struct vkb_functions *vk;
    VkCommandBuffer commands;
    uint32_t submission;
    uint32_t n_pending;
    struct vkb_binding pending[PENDING]; /* since the last barrier */
};

static void barrier(struct recorder *recorder)
{
    const VkMemoryBarrier memory = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT,
    };
    recorder->vk->CmdPipelineBarrier(recorder->commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                                     VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &memory, 0, NULL, 0, NULL);
    recorder->n_pending = 0;
}

static bool meet(const struct vkb_binding *a, const struct vkb_binding *b)
{
    return a->buffer == b->buffer && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes &&
           (a->written || b->written);
}

static bool must_wait(const struct recorder *recorder, const struct vkb_step *step)
{
    for (uint32_t i = 1; i < step->pipeline->n_bindings; i++)
        for (uint32_t j = 0; j < recorder->n_pending; j++)
            if (step->bindings[i].shared && meet(&step->bindings[i], &recorder->pending[j]))
                return true;
    return recorder->n_pending > PENDING - step->pipeline->n_bindings;
}

static void note_accesses(struct recorder *recorder, const struct vkb_step *step)
{
    for (uint32_t i = 1; i < step->pipeline->n_bindings; i++)
        if (step->bindings[i].shared)
            recorder->pending[recorder->n_pending++] = step->bindings[i];
}

/* A grid that is too long for one dimension is folded into two; the kernel unfolds its number and leaves out the rest.
 */
static void record_step(struct recorder *recorder, const struct vkb_step *step)
{
    const struct vkb_functions *vk = recorder->vk;
    const pln_device *device = recorder->plan->device;
    VkPipelineLayout layout = device->layouts[step->pipeline->n_bindings];
    if (step->step.groups == 0)
        return;
    if (must_wait(recorder, step))
        barrier(recorder);
    note_accesses(recorder, step);
    uint32_t high = (uint32_t)ceil_div(step->step.groups, device->max_groups);
    uint32_t wide = (uint32_t)ceil_div(step->step.groups, high);
    vk->CmdBindPipeline(recorder->commands, VK_PIPELINE_BIND_POINT_COMPUTE, step->pipeline->handle);
    vk->CmdBindDescriptorSets(recorder->commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1, &step->set, 0, NULL);
    vk->CmdPushConstants(recorder->commands, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof step->step.record,
                         &step->step.record);
    vk->CmdDispatch(recorder->commands, wide, high, 1);
}

/* All earlier work is done when the clock is read. */
static void stamp(struct recorder *recorder, uint32_t query)
{
    if (!recorder->plan->timed)
        return;
    vkb_barrier_all(recorder->plan->device, recorder->commands);
    recorder->n_pending = 0;
    recorder->vk->CmdWriteTimestamp(recorder->commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, recorder->plan->queries,
                                    query);
}

static VkResult begin_submission(struct recorder *recorder)
{
    const struct vkb_functions *vk = recorder->vk;
    pln_plan *plan = recorder->plan;
    const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    recorder->commands = plan->commands[recorder->submission];
    recorder->n_pending = 0;
    VkResult result = vk->BeginCommandBuffer(recorder->commands, &begin);
    if (result != VK_SUCCESS || recorder->submission > 0)
        return result;
    if (plan->timed)
        vk->CmdResetQueryPool(recorder->commands, plan->queries, 0, plan->n_nodes * 2);
    if (!plan->words->mapped) {
        const VkBufferCopy dims = {.size = GPU_DIMS * sizeof(uint32_t)};
        vk->CmdCopyBuffer(recorder->commands, plan->control->handle, plan->words->handle, 1, &dims);
        vkb_barrier_all(plan->device, recorder->commands);
    }
    return VK_SUCCESS;
}

/* The last command of a submission writes its number for the host: drivers have dropped work without a word. */
static VkResult end_submission(struct recorder *recorder)
{
    pln_plan *plan = recorder->plan;
    vkb_barrier_all(plan->device, recorder->commands);
    recorder->vk->CmdFillBuffer(recorder->commands, plan->control->handle,
                                (GPU_DIMS + recorder->submission) * sizeof(uint32_t), sizeof(uint32_t),
                                recorder->submission + 1);
    vkb_barrier_all(plan->device, recorder->commands);
    return recorder->vk->EndCommandBuffer(recorder->commands);
}

static VkResult advance(struct recorder *recorder, uint32_t submission)
{
    VkResult result = VK_SUCCESS;
    while (result == VK_SUCCESS && recorder->submission < submission) {
        result = end_submission(recorder);
        recorder->submission++;
        if (result == VK_SUCCESS)
            result = begin_submission(recorder);
    }
    return result;
}

pln_status vkb_record(pln_plan *plan, const struct vkb_steps *steps, pln_failure *error)
{
    struct recorder recorder = {.plan = plan, .vk = &plan->device->instance.vk};
    VkResult result = begin_submission(&recorder);
    const struct vkb_step *step = gpu_step_at(&steps->all, 0), *end = step + steps->all.n;
    for (uint32_t node = 0; node < plan->n_nodes && result == VK_SUCCESS; node++) {
        if (step < end && step->step.node == node)
            result = advance(&recorder, step->submission); /* before the clock starts */
        stamp(&recorder, node * 2);
        for (; step < end && step->step.node == node && result == VK_SUCCESS; step++) {
            result = advance(&recorder, step->submission);
            record_step(&recorder, step);
        }
        stamp(&recorder, node * 2 + 1);
    }
    if (result == VK_SUCCESS)
        result = end_submission(&recorder);
    return result == VK_SUCCESS ? PLN_OK : vkb_fail(plan->device, result, "recording a plan", error);
}
