/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a segment, gives a plan: lowers the nodes into steps, allocates what the plan itself needs, binds each step's
 * buffers once, and lets record.c write the command buffers. A run only writes the dims and submits.
 */
#include "backends/vulkan/vulkan.h"

#include <string.h>

enum {
    RECORD_MULTIPLE = 4, /* words */
    OPS_PER_BYTE = 4,    /* a byte moved takes about as long as so many operations, for cutting submissions */
    MIN_BINDING = 16,    /* bytes; a descriptor may not be empty */
};

/* ---- lowering ---- */

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
    steps->words += (launch->n_words + RECORD_MULTIPLE - 1) / RECORD_MULTIPLE * RECORD_MULTIPLE;
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

static void release_steps(const pln_host *host, struct vkb_steps *steps)
{
    host->release(host->context, steps->steps);
    *steps = (struct vkb_steps){0};
}

static uint64_t record_bytes(const struct vkb_steps *steps)
{
    return steps->words * sizeof(uint32_t);
}

/* After the records, each step has a place of its own in the plan buffer for outputs that are absent: nothing is
 * written there, but the validation layer believes what a kernel declares. Place n is the end. */
static uint64_t spare_place(const pln_device *device, const struct vkb_steps *steps, uint32_t step)
{
    const uint64_t alignment = device->limits.offset_alignment;
    return (record_bytes(steps) + alignment - 1) / alignment * alignment + step * alignment;
}

static uint64_t words_bytes(const pln_device *device, const struct vkb_steps *steps)
{
    return spare_place(device, steps, steps->n);
}

static uint64_t control_bytes(const struct vkb_steps *steps)
{
    return (GPU_DIMS + steps->n_submissions) * sizeof(uint32_t);
}

static uint64_t own_bytes(const pln_device *device, const struct vkb_steps *steps)
{
    uint64_t scratch = steps->scratch_bytes ? vkb_buffer_round(steps->scratch_bytes) : 0;
    return vkb_buffer_round(words_bytes(device, steps)) + vkb_buffer_round(control_bytes(steps)) + scratch;
}

static pln_status lower(pln_device *device, const pln_segment *segment, struct vkb_steps *steps, pln_error *error)
{
    *steps = (struct vkb_steps){.words = GPU_DIMS};
    if (segment->n_symbols > GPU_DIMS)
        return pln_fail(error, PLN_UNSUPPORTED, "%u symbols, a Vulkan plan takes %d", segment->n_symbols, GPU_DIMS);
    struct lowering lowering = {.device = device, .segment = segment, .steps = steps};
    pln_status status = PLN_OK;
    for (; lowering.node < segment->n_nodes && status == PLN_OK; lowering.node++)
        status = gpu_lower(&device->limits, segment, lowering.node, add_step, &lowering, error);
    if (status == PLN_OK && record_bytes(steps) > device->limits.max_range)
        status = pln_fail(error, PLN_UNSUPPORTED, "the records of %u launches exceed the buffer range of %llu bytes",
                          steps->n, (unsigned long long)device->limits.max_range);
    if (status != PLN_OK)
        release_steps(device->host, steps);
    else
        cut_submissions(device, steps);
    return status;
}

/* ---- making a plan ---- */

static pln_status allocate_buffers(pln_plan *plan, const struct vkb_steps *steps, pln_error *error)
{
    pln_device *device = plan->device;
    pln_status status = vkb_buffer_create(device, words_bytes(device, steps), VKB_MEMORY_VALUES, &plan->words, error);
    if (status == PLN_OK && steps->scratch_bytes)
        status = vkb_buffer_create(device, steps->scratch_bytes, VKB_MEMORY_VALUES, &plan->scratch, error);
    if (status == PLN_OK)
        status = vkb_buffer_create(device, control_bytes(steps), VKB_MEMORY_HOST, &plan->control, error);
    if (status == PLN_OK)
        memset(plan->control->mapped, 0, control_bytes(steps));
    plan->own_bytes = own_bytes(device, steps);
    return status;
}

static pln_status write_records(pln_plan *plan, const struct vkb_steps *steps, pln_error *error)
{
    const pln_host *host = plan->device->host;
    uint32_t *words = host->allocate(host->context, record_bytes(steps));
    if (!words)
        return pln_fail(error, PLN_NO_MEMORY, "no host memory for the records of a plan");
    for (uint32_t i = 0; i < steps->n; i++) {
        const struct vkb_step *step = &steps->steps[i];
        memcpy(words + step->record, step->launch.record, step->launch.n_words * sizeof *words);
    }
    pln_status status = vkb_buffer_write(plan->device, plan->words, 0, record_bytes(steps), words, error);
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
                                uint32_t index, pln_error *error)
{
    const struct gpu_limits *limits = &plan->device->limits;
    const uint64_t spare = spare_place(plan->device, steps, index);
    struct vkb_step *step = &steps->steps[index];
    step->bindings[0] = (struct vkb_binding){.buffer = plan->words, .bytes = record_bytes(steps)};
    for (uint32_t i = 0; i < step->launch.n_bindings; i++) {
        struct vkb_binding found = find_binding(plan, segment, &step->launch.bindings[i], spare);
        uint64_t size = found.buffer ? vkb_buffer_round(found.buffer->bytes) : 0;
        if (found.offset % limits->offset_alignment || found.bytes > size || found.offset > size - found.bytes ||
            found.bytes > limits->max_range)
            return pln_fail_node(error, PLN_FAILED, (int32_t)step->node,
                                 "kernel %s: binding %u (%llu bytes at %llu) does not fit its buffer of %llu bytes",
                                 step->launch.kernel, i + 1, (unsigned long long)found.bytes,
                                 (unsigned long long)found.offset, (unsigned long long)size);
        step->bindings[i + 1] = found;
    }
    return PLN_OK;
}

/* One set per step, written once, with the exact ranges: the validation layer then sees tensors, not arenas. */
static pln_status write_set(pln_plan *plan, struct vkb_step *step, pln_error *error)
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

static pln_status bind_steps(pln_plan *plan, const pln_segment *segment, struct vkb_steps *steps, pln_error *error)
{
    pln_device *device = plan->device;
    VkDescriptorPoolSize size = {.type = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, .descriptorCount = 1};
    for (uint32_t i = 0; i < steps->n; i++)
        size.descriptorCount += steps->steps[i].launch.n_bindings + 1;
    VkDescriptorPoolCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = steps->n ? steps->n : 1,
        .poolSizeCount = 1,
        .pPoolSizes = &size,
    };
    VkResult result = device->instance.vk.CreateDescriptorPool(device->handle, &create, NULL, &plan->sets);
    if (result != VK_SUCCESS)
        return vkb_fail(device, result, "vkCreateDescriptorPool", error);
    for (uint32_t i = 0; i < steps->n; i++) {
        struct vkb_step *step = &steps->steps[i];
        pln_status status = find_bindings(plan, segment, steps, i, error);
        if (status == PLN_OK)
            status = vkb_pipeline_get(device, &step->launch, &step->pipeline, error);
        if (status == PLN_OK)
            status = write_set(plan, step, error);
        if (status != PLN_OK) {
            if (error)
                error->node = (int32_t)step->node;
            return status;
        }
        plan->pipelines[i] = step->pipeline;
    }
    return PLN_OK;
}

static pln_status create_command_objects(pln_plan *plan, pln_error *error)
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
    return result == VK_SUCCESS ? PLN_OK : vkb_fail(plan->device, result, "creating the objects of a plan", error);
}

static pln_status build(pln_plan *plan, const pln_segment *segment, struct vkb_steps *steps, pln_error *error)
{
    const pln_host *host = plan->device->host;
    plan->n_nodes = segment->n_nodes;
    plan->n_symbols = segment->n_symbols;
    plan->n_launches = steps->n;
    plan->n_submissions = steps->n_submissions;
    plan->timed = (segment->flags & PLN_SEGMENT_TIMED) && segment->n_nodes && plan->device->physical.timestamp_bits;
    memcpy(plan->capacity, segment->capacity, segment->n_symbols * sizeof *plan->capacity);
    plan->pipelines = host->allocate(host->context, (steps->n + 1) * sizeof(struct vkb_pipeline *));
    plan->commands = host->allocate(host->context, steps->n_submissions * sizeof *plan->commands);
    if (!plan->pipelines || !plan->commands)
        return pln_fail(error, PLN_NO_MEMORY, "no host memory for a plan of %u launches", steps->n);
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

pln_status vkb_plan_create(pln_device *device, const pln_segment *segment, pln_plan **out, pln_error *error)
{
    const pln_host *host = device->host;
    struct vkb_steps steps;
    *out = NULL;
    pln_status status = lower(device, segment, &steps, error);
    if (status != PLN_OK)
        return status;
    pln_plan *plan = host->allocate(host->context, sizeof *plan);
    if (plan) {
        plan->device = device;
        status = build(plan, segment, &steps, error);
        if (status != PLN_OK)
            vkb_plan_destroy(&plan);
    } else {
        status = pln_fail(error, PLN_NO_MEMORY, "no host memory for a plan");
    }
    release_steps(host, &steps);
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

/* ---- telling ---- */

/* What a constant will take, from the uses that the segment shows. */
static pln_status constant_bytes(const pln_device *device, const pln_segment *segment, int32_t value, uint64_t *bytes,
                                 pln_error *error)
{
    const pln_host *host = device->host;
    const pln_value_info *constant = pln_segment_value(segment, value);
    uint32_t most = 0, n = 0;
    for (uint32_t i = 0; i < segment->n_nodes; i++)
        most += pln_segment_node(segment, i)->n_inputs;
    pln_constant_use *uses = host->allocate(host->context, (most + 1) * sizeof *uses);
    if (!uses)
        return pln_fail(error, PLN_NO_MEMORY, "no host memory for the uses of %s", constant->name);
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        const pln_node_info *node = pln_segment_node(segment, i);
        for (uint32_t j = 0; j < node->n_inputs; j++)
            if (node->inputs[j] == value)
                uses[n++] = (pln_constant_use){.op = node->op, .input = j};
    }
    pln_constant_info info = {
        .size = sizeof info,
        .rows = pln_dim_rows(constant->rows, segment->capacity),
        .width = constant->width,
        .n_uses = n,
        .uses = uses,
        .name = constant->name,
    };
    struct gpu_constant_layout layout = gpu_constant_layout(&device->limits, &info);
    *bytes += vkb_buffer_round(gpu_constant_bytes(&layout));
    host->release(host->context, uses);
    return PLN_OK;
}

static pln_status tell_dry(pln_device *device, const pln_segment *segment, pln_plan_info *info, pln_error *error)
{
    const uint32_t room = info->kernels ? info->n_kernels : 0;
    struct vkb_steps steps;
    pln_status status = lower(device, segment, &steps, error);
    if (status != PLN_OK)
        return status;
    info->n_kernels = steps.n;
    info->scratch_bytes = own_bytes(device, &steps);
    info->constant_bytes = 0;
    for (uint32_t i = 0; i < steps.n && i < room; i++) {
        const struct gpu_launch *launch = &steps.steps[i].launch;
        info->kernels[i] = (pln_kernel_info){0};
        vkb_kernel_name(launch->kernel, launch->n_specs, launch->specs, info->kernels[i].name);
    }
    release_steps(device->host, &steps);
    for (uint32_t i = 0; i < segment->n_values && status == PLN_OK; i++)
        if (pln_segment_value(segment, (int32_t)i)->kind == PLN_VALUE_CONSTANT)
            status = constant_bytes(device, segment, (int32_t)i, &info->constant_bytes, error);
    return status;
}

pln_status vkb_plan_info(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                         pln_error *error)
{
    if (!plan)
        return tell_dry(device, segment, info, error);
    const uint32_t room = info->kernels ? info->n_kernels : 0;
    info->n_kernels = plan->n_launches;
    info->scratch_bytes = plan->own_bytes;
    info->constant_bytes = 0;
    for (uint32_t i = 0; i < plan->n_launches && i < room; i++)
        vkb_pipeline_describe(device, plan->pipelines[i], &info->kernels[i]);
    return PLN_OK;
}
