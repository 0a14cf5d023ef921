/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes bytes of the host, gives them to buffers, and back; and all submissions with their waits. Memory that is mapped
 * is copied by the processor, other memory travels through two halves of a staging buffer.
 */
#include "backends/vulkan/vulkan.h"

#include <string.h>

enum {
    STAGING_HALF = 4u << 20,
    SMALL_READ = 4096, /* reading so little from uncached memory is faster than a submission */
};
static const uint64_t wait_step_ns = 1000000000;
enum { WARN_AFTER_STEPS = 10 };

/* ---- submissions */

pln_status vkb_submit(pln_device *device, VkCommandBuffer commands, uint32_t fence, pln_failure *error)
{
    if (device->physical.compiles_only)
        return pln_failed(error, PLN_FAILED, -1, "%s compiles kernels but runs none", device->physical.info.name);
    VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &commands};
    VkResult result = device->instance.vk.QueueSubmit(device->queue, 1, &submit, device->fences[fence]);
    return result == VK_SUCCESS ? PLN_OK : vkb_fail(device, result, "vkQueueSubmit", error);
}

/* A driver under a debugger or a loaded machine can be slow for any time, and a hung device is reported as lost by its
 * driver: so there is no last timeout, only warnings. */
pln_status vkb_wait_for(pln_device *device, VkFence fence, uint64_t limit_ns, pln_failure *error)
{
    const struct vkb_functions *vk = &device->instance.vk;
    VkResult result;
    uint32_t steps = 0;
    for (;;) {
        const uint64_t step = limit_ns < wait_step_ns ? limit_ns : wait_step_ns;
        result = vk->WaitForFences(device->handle, 1, &fence, VK_TRUE, step);
        limit_ns -= limit_ns == UINT64_MAX ? 0 : step;
        if (result != VK_TIMEOUT)
            break;
        if (!limit_ns)
            return PLN_TIMED_OUT;
        if (++steps % WARN_AFTER_STEPS != 0)
            continue;
        char message[200];
        snprintf(message, sizeof message, "%.100s has been busy with one submission for %u s",
                 device->physical.info.name, steps);
        device->host->log(device->host->context, PLN_LOG_LEVEL_WARNING, message);
    }
    return result == VK_SUCCESS ? PLN_OK : vkb_fail(device, result, "vkWaitForFences", error);
}

pln_status vkb_wait(pln_device *device, uint32_t fence, pln_failure *error)
{
    const pln_status status = vkb_wait_for(device, device->fences[fence], UINT64_MAX, error);
    if (status != PLN_OK)
        return status;
    const VkResult result = device->instance.vk.ResetFences(device->handle, 1, &device->fences[fence]);
    return result == VK_SUCCESS ? PLN_OK : vkb_fail(device, result, "vkResetFences", error);
}

void vkb_barrier_all(const pln_device *device, VkCommandBuffer commands)
{
    const VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT |
                         VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_HOST_READ_BIT,
    };
    const VkPipelineStageFlags work = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    device->instance.vk.CmdPipelineBarrier(commands, work, work | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL,
                                           0, NULL);
}

/* ---- staging */

pln_status vkb_staging_init(pln_device *device, pln_failure *error)
{
    const struct vkb_functions *vk = &device->instance.vk;
    struct vkb_staging *staging = &device->staging;
    uint64_t half = device->block_bytes / 2 < STAGING_HALF ? device->block_bytes / 2 : STAGING_HALF;
    staging->half = vkb_buffer_round(half);
    pln_status status = vkb_buffer_create(device, staging->half * 2, VKB_MEMORY_HOST, &staging->buffer, error);
    if (status != PLN_OK)
        return status;
    VkCommandBufferAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = device->commands,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 2,
    };
    VkResult result = vk->AllocateCommandBuffers(device->handle, &allocate, staging->commands);
    return result == VK_SUCCESS ? PLN_OK : vkb_fail(device, result, "vkAllocateCommandBuffers", error);
}

void vkb_staging_finish(pln_device *device)
{
    vkb_buffer_destroy(device, &device->staging.buffer);
}

static pln_status wait_half(pln_device *device, uint32_t half, pln_failure *error)
{
    if (!device->staging.busy[half])
        return PLN_OK;
    device->staging.busy[half] = false;
    return vkb_wait(device, half, error);
}

static pln_status wait_halves(pln_device *device, pln_status status, pln_failure *error)
{
    for (uint32_t half = 0; half < 2; half++) {
        pln_status waited = wait_half(device, half, status == PLN_OK ? error : NULL);
        status = status == PLN_OK ? waited : status;
    }
    return status;
}

/* Starts a copy between one half of the staging buffer and the other buffer. */
static pln_status start_copy(pln_device *device, uint32_t half, pln_buffer *buffer, uint64_t offset, uint64_t bytes,
                             bool upload, pln_failure *error)
{
    const struct vkb_functions *vk = &device->instance.vk;
    struct vkb_staging *staging = &device->staging;
    VkCommandBuffer commands = staging->commands[half];
    VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                      .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
    uint64_t place = (uint64_t)half * staging->half;
    VkBufferCopy copy = {.srcOffset = offset, .dstOffset = place, .size = bytes};
    if (upload)
        copy = (VkBufferCopy){.srcOffset = place, .dstOffset = offset, .size = bytes};
    VkBuffer from = upload ? staging->buffer->handle : buffer->handle;
    VkBuffer to = upload ? buffer->handle : staging->buffer->handle;
    VkResult result = vk->BeginCommandBuffer(commands, &begin);
    if (result == VK_SUCCESS) {
        vk->CmdCopyBuffer(commands, from, to, 1, &copy);
        vkb_barrier_all(device, commands);
        result = vk->EndCommandBuffer(commands);
    }
    if (result != VK_SUCCESS)
        return vkb_fail(device, result, "vkEndCommandBuffer", error);
    pln_status status = vkb_submit(device, commands, half, error);
    staging->busy[half] = status == PLN_OK;
    return status;
}

static uint64_t chunk_of(const pln_device *device, uint64_t left)
{
    return left < device->staging.half ? left : device->staging.half;
}

static pln_status write_staged(pln_device *device, pln_buffer *buffer, uint64_t offset, uint64_t bytes,
                               const char *data, pln_failure *error)
{
    pln_status status = PLN_OK;
    uint32_t half = 0;
    for (uint64_t done = 0; done < bytes && status == PLN_OK; half = !half) {
        uint64_t chunk = chunk_of(device, bytes - done);
        status = wait_half(device, half, error);
        if (status == PLN_OK) {
            memcpy(device->staging.buffer->mapped + (uint64_t)half * device->staging.half, data + done, chunk);
            status = start_copy(device, half, buffer, offset + done, chunk, true, error);
        }
        done += chunk;
    }
    return wait_halves(device, status, error);
}

static pln_status read_staged(pln_device *device, pln_buffer *buffer, uint64_t offset, uint64_t bytes, char *data,
                              pln_failure *error)
{
    pln_status status = start_copy(device, 0, buffer, offset, chunk_of(device, bytes), false, error);
    uint32_t half = 0;
    for (uint64_t done = 0; done < bytes && status == PLN_OK; half = !half) {
        uint64_t chunk = chunk_of(device, bytes - done), next = done + chunk;
        if (next < bytes)
            status = start_copy(device, !half, buffer, offset + next, chunk_of(device, bytes - next), false, error);
        if (status == PLN_OK)
            status = wait_half(device, half, error);
        if (status == PLN_OK)
            memcpy(data + done, device->staging.buffer->mapped + (uint64_t)half * device->staging.half, chunk);
        done = next;
    }
    return wait_halves(device, status, error);
}

pln_status vkb_buffer_write(pln_device *device, pln_buffer *buffer, uint64_t offset, uint64_t bytes, const void *data,
                            pln_failure *error)
{
    if (!buffer->mapped)
        return write_staged(device, buffer, offset, bytes, data, error);
    memcpy(buffer->mapped + offset, data, bytes);
    return PLN_OK;
}

pln_status vkb_buffer_read(pln_device *device, pln_buffer *buffer, uint64_t offset, uint64_t bytes, void *data,
                           pln_failure *error)
{
    if (bytes && !device->cached && (!buffer->mapped || bytes > SMALL_READ))
        return read_staged(device, buffer, offset, bytes, data, error);
    memcpy(data, buffer->mapped + offset, bytes);
    return PLN_OK;
}

/* ---- constants */

/* Memory that is not mapped gets the constant by way of host memory of the same size. */
static pln_status pack_staged(pln_device *device, const pln_constant_info *info, const pln_constant *constant,
                              pln_failure *error)
{
    const pln_host *host = device->host;
    uint64_t bytes = constant->buffer->bytes;
    float *packed = host->allocate(host->context, bytes);
    if (!packed)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory (%llu bytes) to pack %s", (unsigned long long)bytes,
                          info->name);
    pln_status status = gpu_constant_pack(host, info, &constant->layout, packed, error);
    if (status == PLN_OK)
        status = vkb_buffer_write(device, constant->buffer, 0, bytes, packed, error);
    host->release(host->context, packed);
    return status;
}

pln_status vkb_constant_create(pln_device *device, const pln_constant_info *info, pln_constant **out,
                               pln_failure *error)
{
    const pln_host *host = device->host;
    *out = NULL;
    pln_constant *constant = host->allocate(host->context, sizeof *constant);
    if (!constant)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for constant %s", info->name);
    constant->layout = gpu_constant_layout(&device->limits, info);
    pln_status status =
        vkb_buffer_create(device, gpu_constant_bytes(&constant->layout), VKB_MEMORY_VALUES, &constant->buffer, error);
    if (status == PLN_OK && constant->buffer->mapped)
        status = gpu_constant_pack(host, info, &constant->layout, constant->buffer->mapped, error);
    else if (status == PLN_OK)
        status = pack_staged(device, info, constant, error);
    if (status != PLN_OK)
        vkb_constant_destroy(device, &constant);
    *out = constant;
    return status;
}

void vkb_constant_destroy(pln_device *device, pln_constant **constant)
{
    if (!*constant)
        return;
    vkb_buffer_destroy(device, &(*constant)->buffer);
    device->host->release(device->host->context, *constant);
    *constant = NULL;
}
