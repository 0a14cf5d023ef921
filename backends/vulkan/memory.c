/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes sizes, gives buffers: which memory types they live in, and the blocks of memory that they are cut from. A small
 * buffer shares a block with others, a large one has a block of its own.
 */
#include "backends/vulkan/vulkan.h"
#include "common/round.h"

enum {
    BUFFER_MULTIPLE = 256,    /* so that a kernel may read whole vectors at the end of a buffer */
    SHARED_BLOCK = 16u << 20, /* larger blocks would take much more than a small model needs */
    LARGEST_BLOCK = 1u << 30, /* drivers fail, or move memory to the host, somewhere above this */
    BAR_WINDOW = 256u << 20,  /* a mappable heap of this size is the small window into a GPU's memory */
};

/* One VkDeviceMemory; its buffers are in order of place. */
struct vkb_block {
    struct vkb_block *next;
    VkDeviceMemory memory;
    uint32_t type, heap;
    uint64_t bytes;
    char *mapped;
    pln_buffer *buffers;
};

/* ---- which memory */

static const VkMemoryPropertyFlags mappable =
    VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
static const VkMemoryPropertyFlags plain = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                           VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;

/* Device memory that can be mapped, then device memory, then the host's; cached where there is a choice. */
static int rate_for_values(VkMemoryPropertyFlags flags, uint64_t heap_bytes, bool discrete)
{
    bool local = flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    bool maps = (flags & mappable) == mappable;
    if (discrete)
        return 1 + local * 2 + !maps;
    if (local && maps && heap_bytes > BAR_WINDOW)
        return 6 + !!(flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
    return local ? 4 + !maps : maps;
}

/* Memory that the host reads fast, on its own side if there is a choice. */
static int rate_for_host(VkMemoryPropertyFlags flags)
{
    if ((flags & mappable) != mappable)
        return 0;
    return 1 + 2 * !!(flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT) + !(flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
}

bool vkb_memory_choose(struct vkb_physical *physical, uint32_t bits, bool discrete)
{
    const VkPhysicalDeviceMemoryProperties *memory = &physical->memory;
    int best_value = 0, best_host = 0;
    for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
        VkMemoryPropertyFlags flags = memory->memoryTypes[i].propertyFlags;
        if (!(bits & 1u << i) || (flags & ~plain))
            continue;
        int value = rate_for_values(flags, memory->memoryHeaps[memory->memoryTypes[i].heapIndex].size, discrete);
        int host = rate_for_host(flags);
        if (value > best_value) {
            best_value = value;
            physical->value_type = i;
        }
        if (host > best_host) {
            best_host = host;
            physical->host_type = i;
        }
    }
    return best_value && best_host;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t vkb_block_limit(const struct vkb_physical *physical, uint64_t option)
{
    uint64_t limit = smaller(smaller(physical->max_allocation, physical->max_buffer), LARGEST_BLOCK);
    limit -= limit % BUFFER_MULTIPLE;
    return option == VKB_UNSET ? limit : smaller(limit, vkb_buffer_round(option));
}

/* ---- blocks */

static uint32_t heap_of(const pln_device *device, uint32_t type)
{
    return device->physical.memory.memoryTypes[type].heapIndex;
}

/* What a heap still has for us: the driver's own figure where it gives one, since other programs use the heap too. */
static uint64_t heap_left(const pln_device *device, uint32_t heap)
{
    uint64_t size = device->physical.memory.memoryHeaps[heap].size, used = device->allocated[heap];
    uint64_t left = size > used ? size - used : 0;
    if (!device->physical.has[VKB_MEMORY_BUDGET])
        return left;
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
    VkPhysicalDeviceMemoryProperties2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                             .pNext = &budget};
    device->instance.vk.GetPhysicalDeviceMemoryProperties2(device->physical.handle, &all);
    uint64_t granted = budget.heapBudget[heap], usage = budget.heapUsage[heap];
    return smaller(left, granted > usage ? granted - usage : 0);
}

uint64_t vkb_memory_free(const pln_device *device)
{
    return device->physical.has[VKB_MEMORY_BUDGET] ? heap_left(device, heap_of(device, device->physical.value_type))
                                                   : 0;
}

static pln_status no_memory(const pln_device *device, uint64_t bytes, uint32_t heap, const char *why,
                            pln_failure *error)
{
    return pln_failed(error, PLN_NO_MEMORY, -1, "%s: %llu bytes asked of memory heap %u, %llu of %llu bytes free: %s",
                      device->physical.info.name, (unsigned long long)bytes, heap,
                      (unsigned long long)heap_left(device, heap),
                      (unsigned long long)device->physical.memory.memoryHeaps[heap].size, why);
}

static void destroy_block(pln_device *device, struct vkb_block *block)
{
    struct vkb_block **link = &device->blocks;
    while (*link != block)
        link = &(*link)->next;
    *link = block->next;
    device->allocated[block->heap] -= block->bytes;
    device->instance.vk.FreeMemory(device->handle, block->memory, NULL); /* unmaps */
    device->host->release(device->host->context, block);
}

static pln_status create_block(pln_device *device, uint64_t bytes, uint32_t type, bool map, struct vkb_block **out,
                               pln_failure *error)
{
    uint32_t heap = heap_of(device, type);
    if (bytes > device->physical.max_allocation)
        return no_memory(device, bytes, heap, "the driver does not give so much in one piece", error);
    if (bytes > heap_left(device, heap))
        return no_memory(device, bytes, heap, "the heap is full", error);
    struct vkb_block *block = device->host->allocate(device->host->context, sizeof *block);
    if (!block)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for a block of %s", device->physical.info.name);
    const struct vkb_functions *vk = &device->instance.vk;
    VkMemoryAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .allocationSize = bytes, .memoryTypeIndex = type};
    VkResult result = vk->AllocateMemory(device->handle, &allocate, NULL, &block->memory);
    if (result != VK_SUCCESS) {
        device->host->release(device->host->context, block);
        vkb_fail(device, result, "vkAllocateMemory", error);
        return device->lost ? PLN_DEVICE_LOST : no_memory(device, bytes, heap, vkb_result_name(result), error);
    }
    block->type = type;
    block->heap = heap;
    block->bytes = bytes;
    block->next = device->blocks;
    device->blocks = block;
    device->allocated[heap] += bytes;
    void *mapped = NULL;
    if (map && (result = vk->MapMemory(device->handle, block->memory, 0, VK_WHOLE_SIZE, 0, &mapped)) != VK_SUCCESS) {
        destroy_block(device, block);
        return vkb_fail(device, result, "vkMapMemory", error);
    }
    block->mapped = mapped;
    *out = block;
    return PLN_OK;
}

/* The first gap that is large enough; returns the link where a buffer belongs, or NULL. */
static pln_buffer **find_gap(struct vkb_block *block, uint64_t bytes, uint64_t alignment, uint64_t *place)
{
    uint64_t end = 0;
    for (pln_buffer **link = &block->buffers;; link = &(*link)->next) {
        uint64_t start = (end + alignment - 1) & ~(alignment - 1);
        uint64_t limit = *link ? (*link)->block_offset : block->bytes;
        if (start <= limit && limit - start >= bytes) {
            *place = start;
            return link;
        }
        if (!*link)
            return NULL;
        end = (*link)->block_offset + (*link)->block_bytes;
    }
}

/* Gives the buffer a place in a block that has room, or in a new one. */
static pln_status place_buffer(pln_device *device, pln_buffer *buffer, uint64_t bytes, uint64_t alignment,
                               uint32_t type, bool map, pln_failure *error)
{
    uint64_t place = 0;
    pln_buffer **link = NULL;
    struct vkb_block *block;
    for (block = device->blocks; block; block = block->next)
        if (block->type == type && !!block->mapped == map && (link = find_gap(block, bytes, alignment, &place)))
            break;
    if (!link) {
        uint64_t shared = smaller(device->block_bytes, SHARED_BLOCK);
        pln_status status = create_block(device, bytes > shared / 2 ? bytes : shared, type, map, &block, error);
        if (status != PLN_OK)
            return status;
        link = &block->buffers;
    }
    buffer->block = block;
    buffer->block_offset = place;
    buffer->block_bytes = bytes;
    buffer->mapped = block->mapped ? block->mapped + place : NULL;
    buffer->next = *link;
    *link = buffer;
    return PLN_OK;
}

/* ---- buffers */

uint64_t vkb_buffer_round(uint64_t bytes)
{
    return bytes ? round_up(bytes, BUFFER_MULTIPLE) : BUFFER_MULTIPLE;
}

static VkResult create_handle(const pln_device *device, uint64_t bytes, VkBuffer *handle)
{
    VkBufferCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = bytes,
        .usage =
            VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
        .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
    };
    return device->instance.vk.CreateBuffer(device->handle, &create, NULL, handle);
}

pln_status vkb_buffer_create(pln_device *device, uint64_t bytes, enum vkb_memory memory, pln_buffer **out,
                             pln_failure *error)
{
    const struct vkb_functions *vk = &device->instance.vk;
    bool values = memory == VKB_MEMORY_VALUES;
    uint32_t type = values ? device->physical.value_type : device->physical.host_type;
    uint64_t rounded = vkb_buffer_round(bytes);
    *out = NULL;
    if (bytes > UINT64_MAX / 2 || rounded > device->physical.max_buffer)
        return no_memory(device, bytes, heap_of(device, type), "the driver has no buffers of that size", error);
    pln_buffer *buffer = device->host->allocate(device->host->context, sizeof *buffer);
    if (!buffer)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for a buffer of %s", device->physical.info.name);
    buffer->bytes = bytes;
    pln_status status = PLN_OK;
    VkResult result = create_handle(device, rounded, &buffer->handle);
    if (result != VK_SUCCESS) {
        status = vkb_fail(device, result, "vkCreateBuffer", error);
    } else {
        VkMemoryRequirements need;
        vk->GetBufferMemoryRequirements(device->handle, buffer->handle, &need);
        status = place_buffer(device, buffer, need.size, need.alignment, type, !values || device->mapped, error);
    }
    if (status == PLN_OK) {
        result = vk->BindBufferMemory(device->handle, buffer->handle, buffer->block->memory, buffer->block_offset);
        if (result != VK_SUCCESS)
            status = vkb_fail(device, result, "vkBindBufferMemory", error);
    }
    if (status != PLN_OK)
        vkb_buffer_destroy(device, &buffer);
    *out = buffer;
    return status;
}

void vkb_buffer_destroy(pln_device *device, pln_buffer **out)
{
    pln_buffer *buffer = *out;
    if (!buffer)
        return;
    device->instance.vk.DestroyBuffer(device->handle, buffer->handle, NULL);
    struct vkb_block *block = buffer->block;
    if (block) {
        pln_buffer **link = &block->buffers;
        while (*link != buffer)
            link = &(*link)->next;
        *link = buffer->next;
        if (!block->buffers)
            destroy_block(device, block);
    }
    device->host->release(device->host->context, buffer);
    *out = NULL;
}

pln_status vkb_memory_init(pln_device *device, pln_failure *error)
{
    const struct vkb_functions *vk = &device->instance.vk;
    VkBuffer probe;
    VkResult result = create_handle(device, BUFFER_MULTIPLE, &probe);
    if (result != VK_SUCCESS)
        return vkb_fail(device, result, "vkCreateBuffer", error);
    VkMemoryRequirements need;
    vk->GetBufferMemoryRequirements(device->handle, probe, &need);
    vk->DestroyBuffer(device->handle, probe, NULL);
    bool discrete = device->options[VKB_OPTION_MEMORY] == VKB_MEMORY_DISCRETE;
    uint32_t bits = need.memoryTypeBits ? need.memoryTypeBits : UINT32_MAX; /* none: a driver without hardware */
    if (!vkb_memory_choose(&device->physical, bits, discrete))
        return pln_failed(error, PLN_NO_DEVICE, -1, "%s has no memory for storage buffers", device->physical.info.name);
    VkMemoryPropertyFlags flags = device->physical.memory.memoryTypes[device->physical.value_type].propertyFlags;
    device->mapped = !discrete && (flags & mappable) == mappable;
    device->cached = device->mapped && (flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
    device->physical.info.memory_bytes =
        device->physical.memory.memoryHeaps[heap_of(device, device->physical.value_type)].size;
    return PLN_OK;
}
