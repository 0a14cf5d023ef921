/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a segment, gives a plan: allocates what the plan itself needs, binds the buffers of each step once, and lets
 * record.c write the command buffers.
 */
#include "backends/vulkan/vulkan.h"

#include <string.h>

enum { MIN_BINDING = 16 }; /* bytes; a descriptor may not be empty */

static pln_status allocate_buffers(pln_plan *plan, const struct vkb_steps *steps, pln_failure *error)
{
    pln_device *device = plan->device;
    pln_status status =
        vkb_buffer_create(device, vkb_words_bytes(device, steps), VKB_MEMORY_VALUES, &plan->words, error);
    if (status == PLN_OK && steps->all.scratch_bytes)
        status = vkb_buffer_create(device, steps->all.scratch_bytes, VKB_MEMORY_VALUES, &plan->scratch, error);
    if (status == PLN_OK)
        status = vkb_buffer_create(device, vkb_control_bytes(steps), VKB_MEMORY_HOST, &plan->control, error);
    if (status == PLN_OK)
        memset(plan->control->mapped, 0, vkb_control_bytes(steps));
    plan->own_bytes = vkb_own_bytes(device, steps);
    return status;
}

static pln_status write_records(pln_plan *plan, const struct vkb_steps *steps, pln_failure *error)
{
    const pln_host *host = plan->device->host;
    uint32_t *words = host->allocate(host->context, gpu_steps_bytes(&steps->all));
    if (!words)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for the records of a plan");
    for (uint32_t i = 0; i < steps->all.n; i++) {
        const struct gpu_step *step = gpu_step_at(&steps->all, i);
        memcpy(words + step->record, step->launch.record, step->launch.n_words * sizeof *words);
    }
    pln_status status = vkb_buffer_write(plan->device, plan->words, 0, gpu_steps_bytes(&steps->all), words, error);
    host->release(host->context, words);
    return status;
}

/* Where a binding of a launch lies. What no step writes (constants, records) takes no part in barriers. */
static struct vkb_binding find_binding(const pln_plan *plan, const pln_segment *segment,
                                       const struct gpu_binding *binding, uint64_t spare)
{
    if (binding->value == GPU_BIND_NONE)
        return (struct vkb_binding){
            .buffer = plan->words, .offset = binding->written ? spare : 0, .bytes = MIN_BINDING};
    struct vkb_binding found = {
        .offset = binding->offset,
        .bytes = binding->bytes > MIN_BINDING ? binding->bytes : MIN_BINDING,
        .shared = true,
        .written = binding->written,
    };
    const pln_value_info *value = pln_segment_value(segment, binding->value);
    if (!value) {
        found.buffer = plan->scratch;
    } else if (value->kind == PLN_VALUE_CONSTANT) {
        found.buffer = value->constant->buffer;
        found.shared = false;
    } else {
        found.buffer = value->buffer;
    }
    return found;
}

static pln_status find_bindings(const pln_plan *plan, const pln_segment *segment, const struct vkb_steps *steps,
                                uint32_t index, pln_failure *error)
{
    const struct gpu_limits *limits = &plan->device->limits;
    const uint64_t spare = vkb_spare_place(plan->device, steps, index);
    struct vkb_step *step = gpu_step_at(&steps->all, index);
    step->bindings[0] = (struct vkb_binding){.buffer = plan->words, .bytes = gpu_steps_bytes(&steps->all)};
    for (uint32_t i = 0; i < step->step.launch.n_bindings; i++) {
        struct vkb_binding found = find_binding(plan, segment, &step->step.launch.bindings[i], spare);
        uint64_t size = found.buffer ? vkb_buffer_round(found.buffer->bytes) : 0;
        if (found.offset % limits->offset_alignment || found.bytes > size || found.offset > size - found.bytes ||
            found.bytes > limits->max_range)
            return pln_failed(error, PLN_FAILED, (int32_t)step->step.node,
                              "kernel %s: binding %u (%llu bytes at %llu) does not fit its buffer of %llu bytes",
                              step->step.launch.kernel, i + 1, (unsigned long long)found.bytes,
                              (unsigned long long)found.offset, (unsigned long long)size);
        step->bindings[i + 1] = found;
    }
    return PLN_OK;
}

/* One set per step, written once, with the exact ranges: the validation layer then sees tensors, not arenas. */
static pln_status write_set(pln_plan *plan, struct vkb_step *step, pln_failure *error)
{
    const struct vkb_functions *vk = &plan->device->instance.vk;
    const uint32_t n = step->pipeline->n_bindings;
    VkDescriptorSetAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = plan->sets,
        .descriptorSetCount = 1,
        .pSetLayouts = &plan->device->set_layouts[n],
    };
    VkResult result = vk->AllocateDescriptorSets(plan->device->handle, &allocate, &step->set);
    if (result != VK_SUCCESS)
        return vkb_fail(plan->device, result, "vkAllocateDescriptorSets", error);
    VkDescriptorBufferInfo buffers[GPU_SLOTS + 1];
    for (uint32_t i = 0; i < n; i++)
        buffers[i] = (VkDescriptorBufferInfo){step->bindings[i].buffer->handle, step->bindings[i].offset,
                                              step->bindings[i].bytes};
    VkWriteDescriptorSet write = {
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstSet = step->set,
        .descriptorCount = n, /* runs on through the bindings that follow */
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .pBufferInfo = buffers,
    };
    vk->UpdateDescriptorSets(plan->device->handle, 1, &write, 0, NULL);
    return PLN_OK;
}

static pln_status bind_steps(pln_plan *plan, const pln_segment *segment, struct vkb_steps *steps, pln_failure *error)
{
    pln_device *device = plan->device;
    VkDescriptorPoolSize size = {.type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .descriptorCount = 1};
    for (uint32_t i = 0; i < steps->all.n; i++)
        size.descriptorCount += ((struct gpu_step *)gpu_step_at(&steps->all, i))->launch.n_bindings + 1;
    VkDescriptorPoolCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = steps->all.n ? steps->all.n : 1,
        .poolSizeCount = 1,
        .pPoolSizes = &size,
    };
    VkResult result = device->instance.vk.CreateDescriptorPool(device->handle, &create, NULL, &plan->sets);
    if (result != VK_SUCCESS)
        return vkb_fail(device, result, "vkCreateDescriptorPool", error);
    for (uint32_t i = 0; i < steps->all.n; i++) {
        struct vkb_step *step = gpu_step_at(&steps->all, i);
        if (!pln_host_goes_on(device->host, "compiling", i, steps->all.n))
            return pln_failed(error, PLN_CANCELLED, -1, "cancelled while compiling, after %u kernels of %u", i,
                              steps->all.n);
        pln_status status = find_bindings(plan, segment, steps, i, error);
        if (status == PLN_OK)
            status = vkb_pipeline_get(device, &step->step.launch, &step->pipeline, error);
        if (status == PLN_OK)
            status = write_set(plan, step, error);
        if (status != PLN_OK) {
            if (error)
                error->node = (int32_t)step->step.node;
            return status;
        }
        plan->pipelines[i] = step->pipeline;
    }
    return PLN_OK;
}

static pln_status create_command_objects(pln_plan *plan, pln_failure *error)
{
    const struct vkb_functions *vk = &plan->device->instance.vk;
    VkDevice handle = plan->device->handle;
    VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                    .queueFamilyIndex = plan->device->physical.family};
    VkResult result = vk->CreateCommandPool(handle, &pool, NULL, &plan->pool);
    if (result == VK_SUCCESS) {
        VkCommandBufferAllocateInfo allocate = {
            .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
            .commandPool = plan->pool,
            .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
            .commandBufferCount = plan->n_submissions,
        };
        result = vk->AllocateCommandBuffers(handle, &allocate, plan->commands);
    }
    if (result == VK_SUCCESS && plan->timed) {
        VkQueryPoolCreateInfo queries = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                         .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                         .queryCount = plan->n_nodes * 2};
        result = vk->CreateQueryPool(handle, &queries, NULL, &plan->queries);
    }
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    if (result == VK_SUCCESS)
        result = vk->CreateFence(handle, &fence, NULL, &plan->fence);
    return result == VK_SUCCESS ? PLN_OK : vkb_fail(plan->device, result, "creating the objects of a plan", error);
}

static pln_status build(pln_plan *plan, const pln_segment *segment, struct vkb_steps *steps, pln_failure *error)
{
    const pln_host *host = plan->device->host;
    plan->n_nodes = segment->n_nodes;
    plan->n_symbols = segment->n_symbols;
    plan->n_launches = steps->all.n;
    plan->n_submissions = steps->n_submissions;
    plan->timed = (segment->flags & PLN_SEGMENT_TIMED) && segment->n_nodes && plan->device->physical.timestamp_bits;
    memcpy(plan->capacity, segment->capacity, segment->n_symbols * sizeof *plan->capacity);
    plan->pipelines = host->allocate(host->context, (steps->all.n + 1) * sizeof(struct vkb_pipeline *));
    plan->commands = host->allocate(host->context, steps->n_submissions * sizeof *plan->commands);
    if (!plan->pipelines || !plan->commands)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for a plan of %u launches", steps->all.n);
    pln_status status = allocate_buffers(plan, steps, error);
    if (status == PLN_OK)
        status = write_records(plan, steps, error);
    if (status == PLN_OK)
        status = bind_steps(plan, segment, steps, error);
    if (status != PLN_OK || plan->device->physical.compiles_only)
        return status;
    status = create_command_objects(plan, error);
    return status == PLN_OK ? vkb_record(plan, steps, error) : status;
}

pln_status vkb_plan_create(pln_device *device, const pln_segment *segment, pln_plan **out, pln_failure *error)
{
    const pln_host *host = device->host;
    struct vkb_steps steps;
    *out = NULL;
    pln_status status = vkb_steps_create(device, segment, &steps, error);
    if (status != PLN_OK)
        return status;
    pln_plan *plan = host->allocate(host->context, sizeof *plan);
    if (plan) {
        plan->device = device;
        status = build(plan, segment, &steps, error);
        if (status != PLN_OK)
            vkb_plan_destroy(&plan);
    } else {
        status = pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for a plan");
    }
    gpu_steps_release(host, &steps.all);
    *out = plan;
    return status;
}

void vkb_plan_destroy(pln_plan **out)
{
    pln_plan *plan = *out;
    if (!plan)
        return;
    pln_device *device = plan->device;
    const struct vkb_functions *vk = &device->instance.vk;
    vk->DestroyFence(device->handle, plan->fence, NULL);
    vk->DestroyQueryPool(device->handle, plan->queries, NULL);
    vk->DestroyCommandPool(device->handle, plan->pool, NULL);
    vk->DestroyDescriptorPool(device->handle, plan->sets, NULL);
    vkb_buffer_destroy(device, &plan->control);
    vkb_buffer_destroy(device, &plan->scratch);
    vkb_buffer_destroy(device, &plan->words);
    device->host->release(device->host->context, plan->commands);
    device->host->release(device->host->context, (void *)plan->pipelines);
    device->host->release(device->host->context, plan);
    *out = NULL;
}

pln_status vkb_plan_info(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                         pln_failure *error)
{
    if (!plan)
        return vkb_steps_tell(device, segment, info, error);
    const uint32_t room = info->n_kernels;
    info->n_kernels = plan->n_launches;
    info->scratch_bytes = plan->own_bytes;
    info->constant_bytes = 0;
    for (uint32_t i = 0; segment && i < segment->n_values; i++)
        if (pln_segment_value(segment, (int32_t)i)->kind == PLN_VALUE_CONSTANT)
            info->constant_bytes += pln_segment_value(segment, (int32_t)i)->constant->buffer->block_bytes;
    for (uint32_t i = 0; i < plan->n_launches && i < room; i++) {
        pln_launch_info kernel;
        vkb_pipeline_describe(device, plan->pipelines[i], &kernel);
        pln_plan_give_kernel(info, room, i, &kernel);
    }
    return PLN_OK;
}
