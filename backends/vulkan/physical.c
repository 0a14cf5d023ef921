/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes an instance, gives a description of each physical device, of those that cannot run the kernels with the reason.
 */
#define _DEFAULT_SOURCE /* _SC_NPROCESSORS_ONLN */
#include "backends/vulkan/vulkan.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BINDINGS = GPU_SLOTS + 1, ROW_MULTIPLE = 16, VALUE_ALIGNMENT = 256 };

const char *const vkb_extension_names[VKB_EXTENSIONS] = {
    [VKB_DRIVER_PROPERTIES] = VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME,
    [VKB_MAINTENANCE4] = VK_KHR_MAINTENANCE_4_EXTENSION_NAME,
    [VKB_MEMORY_BUDGET] = VK_EXT_MEMORY_BUDGET_EXTENSION_NAME,
    [VKB_EXECUTABLE_PROPERTIES] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME,
    [VKB_SHADER_CORES_AMD] = VK_AMD_SHADER_CORE_PROPERTIES_EXTENSION_NAME,
    [VKB_SHADER_CORES_NV] = VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME,
    [VKB_PCI_BUS_INFO] = VK_EXT_PCI_BUS_INFO_EXTENSION_NAME,
    [VKB_PORTABILITY_SUBSET] = VK_KHR_PORTABILITY_SUBSET_EXTENSION_NAME,
    [VKB_COOPERATIVE_MATRIX] = "VK_KHR_cooperative_matrix",
    [VKB_MEMORY_MODEL] = VK_KHR_VULKAN_MEMORY_MODEL_EXTENSION_NAME,
    [VKB_FLOAT16] = VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME,
    [VKB_SUBGROUP_SIZE] = VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME,
};

static void find_extensions(const struct vkb_functions *vk, struct vkb_physical *physical)
{
    uint32_t n = 0;
    if (vk->EnumerateDeviceExtensionProperties(physical->handle, NULL, &n, NULL) < 0)
        return;
    VkExtensionProperties *extensions = calloc((size_t)n + 1, sizeof *extensions);
    if (extensions && vk->EnumerateDeviceExtensionProperties(physical->handle, NULL, &n, extensions) >= 0)
        for (uint32_t i = 0; i < n; i++)
            for (int j = 0; j < VKB_EXTENSIONS; j++)
                physical->has[j] |= strcmp(extensions[i].extensionName, vkb_extension_names[j]) == 0;
    free(extensions);
}

/* A compute family without graphics if there is one: its submissions do not wait for the desktop's. */
static bool find_family(const struct vkb_functions *vk, struct vkb_physical *physical)
{
    VkQueueFamilyProperties families[32];
    uint32_t n = 32;
    vk->GetPhysicalDeviceQueueFamilyProperties(physical->handle, &n, families);
    int best = -1;
    for (uint32_t i = n; i-- > 0;) {
        VkQueueFlags flags = families[i].queueFlags;
        if ((flags & VK_QUEUE_COMPUTE_BIT) &&
            (best < 0 || !(flags & VK_QUEUE_GRAPHICS_BIT) || (families[best].queueFlags & VK_QUEUE_GRAPHICS_BIT)))
            best = (int)i;
    }
    if (best < 0)
        return false;
    physical->family = (uint32_t)best;
    physical->timestamp_bits = families[best].timestampValidBits;
    return true;
}

static uint32_t device_kind(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return PLN_DEVICE_KIND_CPU;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return PLN_DEVICE_KIND_INTEGRATED;
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return PLN_DEVICE_KIND_DISCRETE;
    default:
        return PLN_DEVICE_KIND_OTHER;
    }
}

/* Puts a struct that belongs to an extension before the others that properties are written to. */
static void ask_also(VkPhysicalDeviceProperties2 *all, bool known, void *properties)
{
    VkBaseOutStructure *link = properties;
    if (!known)
        return;
    link->pNext = all->pNext;
    all->pNext = link;
}

/* What only 1.1 devices can be asked: the driver's name, sizes of allocations, how many processors there are. Structs
 * that the device does not know stay zero. */
static void ask_driver(const struct vkb_functions *vk, struct vkb_physical *physical)
{
    VkPhysicalDeviceSubgroupProperties lanes = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES};
    VkPhysicalDeviceMaintenance3Properties sizes = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
                                                    .pNext = &lanes};
    VkPhysicalDeviceDriverPropertiesKHR driver = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES_KHR};
    VkPhysicalDeviceMaintenance4PropertiesKHR buffers = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES_KHR};
    VkPhysicalDeviceShaderCorePropertiesAMD amd = {.sType =
                                                       VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_AMD};
    VkPhysicalDeviceShaderSMBuiltinsPropertiesNV nv = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV};
    VkPhysicalDeviceIDProperties id = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES};
    VkPhysicalDevicePCIBusInfoPropertiesEXT pci = {.sType =
                                                       VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PCI_BUS_INFO_PROPERTIES_EXT};
    VkPhysicalDeviceProperties2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &sizes};
    ask_also(&all, true, &id);
    ask_also(&all, physical->has[VKB_PCI_BUS_INFO], &pci);
    ask_also(&all, physical->has[VKB_DRIVER_PROPERTIES], &driver);
    ask_also(&all, physical->has[VKB_MAINTENANCE4], &buffers);
    ask_also(&all, physical->has[VKB_SHADER_CORES_AMD], &amd);
    ask_also(&all, physical->has[VKB_SHADER_CORES_NV], &nv);
    vk->GetPhysicalDeviceProperties2(physical->handle, &all);

    memcpy(physical->info.uuid, id.deviceUUID, sizeof physical->info.uuid);
    if (physical->has[VKB_PCI_BUS_INFO])
        snprintf(physical->info.pci, sizeof physical->info.pci, "%04x:%02x:%02x.%x", pci.pciDomain & 0xffff,
                 pci.pciBus & 0xff, pci.pciDevice & 0xff, pci.pciFunction & 0xf);
    physical->max_allocation = sizes.maxMemoryAllocationSize;
    physical->max_buffer = buffers.maxBufferSize ? buffers.maxBufferSize : sizes.maxMemoryAllocationSize;
    physical->compute_units =
        nv.shaderSMCount + amd.shaderEngineCount * amd.shaderArraysPerEngineCount * amd.computeUnitsPerShaderArray;
    if (physical->info.kind == PLN_DEVICE_KIND_CPU)
        physical->compute_units = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    if (physical->info.kind == PLN_DEVICE_KIND_CPU && (lanes.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
        (lanes.supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT))
        physical->lanes = lanes.subgroupSize;
    if (driver.driverName[0])
        snprintf(physical->info.driver, sizeof physical->info.driver, "%.50s, %.70s", driver.driverName,
                 driver.driverInfo);
}

/* Why the kernels cannot run there, NULL if they can. */
static const char *find_obstacle(const struct vkb_functions *vk, struct vkb_physical *physical)
{
    if (physical->properties.apiVersion < VK_API_VERSION_1_1)
        return "its driver offers Vulkan 1.0, 1.1 is needed: update the driver";
    ask_driver(vk, physical);
    vkb_matrices_find(vk, physical);
    if (!find_family(vk, physical))
        return "it has no queue for compute";
    if (physical->properties.limits.maxPerStageDescriptorStorageBuffers < BINDINGS)
        return "a kernel may bind too few storage buffers: 17 are needed";
    if (!vkb_memory_choose(physical, UINT32_MAX, false))
        return "it has no memory that the host can map";
    return NULL;
}

/* RADV's null device names no memory but takes type 0: good for looking at what its compiler makes of a kernel. */
static void ask_memory(const struct vkb_functions *vk, struct vkb_physical *physical)
{
    VkPhysicalDeviceMemoryProperties *memory = &physical->memory;
    vk->GetPhysicalDeviceMemoryProperties(physical->handle, memory);
    if (memory->memoryTypeCount > 0)
        return;
    memory->memoryTypeCount = memory->memoryHeapCount = 1;
    memory->memoryHeaps[0].size = 16ull << 30;
    memory->memoryTypes[0].propertyFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                           VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    physical->has[VKB_MEMORY_BUDGET] = false;
    physical->compiles_only = true;
}

static void describe(const struct vkb_functions *vk, VkPhysicalDevice handle, struct vkb_physical *physical)
{
    *physical = (struct vkb_physical){.handle = handle};
    vk->GetPhysicalDeviceProperties(handle, &physical->properties);
    find_extensions(vk, physical);
    ask_memory(vk, physical);
    const VkPhysicalDeviceProperties *properties = &physical->properties;
    const VkDeviceSize alignment = properties->limits.minStorageBufferOffsetAlignment;
    physical->info = (pln_device_description){
        .size = sizeof(pln_device_description),
        .kind = device_kind(properties->deviceType),
        .dtypes = 1u << PLN_F32 | 1u << PLN_I32,
        .alignment = alignment > VALUE_ALIGNMENT ? (uint32_t)alignment : VALUE_ALIGNMENT,
        .f32_bytes = 4,
        .row_multiple = ROW_MULTIPLE,
        .vendor_id = properties->vendorID,
    };
    pln_device_description *info = &physical->info;
    snprintf(info->name, sizeof info->name, "%.127s", properties->deviceName);
    snprintf(info->driver, sizeof info->driver, "driver 0x%x", properties->driverVersion);
    snprintf(info->version, sizeof info->version, "Vulkan %u.%u.%u", VK_API_VERSION_MAJOR(properties->apiVersion),
             VK_API_VERSION_MINOR(properties->apiVersion), VK_API_VERSION_PATCH(properties->apiVersion));
    const char *obstacle = find_obstacle(vk, physical);
    if (obstacle) {
        info->flags |= PLN_DEVICE_FLAG_UNUSABLE;
        snprintf(info->reason, sizeof info->reason, "%s", obstacle);
        return;
    }
    info->memory_bytes =
        physical->memory.memoryHeaps[physical->memory.memoryTypes[physical->value_type].heapIndex].size;
    info->block_bytes = vkb_block_limit(physical, VKB_UNSET);
}

pln_status vkb_enumerate(const struct vkb_instance *instance, struct vkb_physical physicals[VKB_PHYSICALS], uint32_t *n,
                         pln_failure *error)
{
    VkPhysicalDevice handles[VKB_PHYSICALS];
    *n = VKB_PHYSICALS;
    VkResult result = instance->vk.EnumeratePhysicalDevices(instance->handle, n, handles);
    if (result < 0) {
        *n = 0;
        return pln_failed(error, PLN_NO_DEVICE, -1, "no Vulkan driver answers (vkEnumeratePhysicalDevices: %s)",
                          vkb_result_name(result));
    }
    for (uint32_t i = 0; i < *n; i++)
        describe(&instance->vk, handles[i], &physicals[i]);
    return PLN_OK;
}
