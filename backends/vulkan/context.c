/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the number of a physical device and options, gives an open device: instance, limits, queue. The validation
 * layer is asked for here, and its complaints are kept for the next entry.
 */
#include "backends/vulkan/vulkan.h"

#include <stdlib.h>
#include <string.h>

enum { MIN_BINDING_ALIGNMENT = 16 }; /* bytes; kernels read vectors of four floats */

static const char validation_layer[] = "VK_LAYER_KHRONOS_validation";

/* ---- instance */

static VKAPI_ATTR VkBool32 VKAPI_CALL complain(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                               VkDebugUtilsMessageTypeFlagsEXT types,
                                               const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
    pln_device *device = user;
    (void)severity;
    (void)types;
    device->host->log(device->host->context, PLN_LOG_LEVEL_ERROR, data->pMessage);
    if (!device->complaint[0])
        snprintf(device->complaint, sizeof device->complaint, "%.399s", data->pMessage);
    for (char *c = device->complaint; *c; c++)
        *c = *c == '\n' ? ' ' : *c; /* an error is one line */
    return VK_FALSE;
}

static VkDebugUtilsMessengerCreateInfoEXT describe_messenger(pln_device *device)
{
    return (VkDebugUtilsMessengerCreateInfoEXT){
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity =
            VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = complain,
        .pUserData = device,
    };
}

static bool has_layer(const struct vkb_functions *vk, const char *name)
{
    uint32_t n = 0;
    bool found = false;
    if (vk->EnumerateInstanceLayerProperties(&n, NULL) < 0)
        return false;
    VkLayerProperties *layers = calloc((size_t)n + 1, sizeof *layers);
    if (layers && vk->EnumerateInstanceLayerProperties(&n, layers) >= 0)
        for (uint32_t i = 0; i < n; i++)
            found |= strcmp(layers[i].layerName, name) == 0;
    free(layers);
    return found;
}

static bool has_instance_extension(const struct vkb_functions *vk, const char *name)
{
    uint32_t n = 0;
    bool found = false;
    if (vk->EnumerateInstanceExtensionProperties(NULL, &n, NULL) < 0)
        return false;
    VkExtensionProperties *extensions = calloc((size_t)n + 1, sizeof *extensions);
    if (extensions && vk->EnumerateInstanceExtensionProperties(NULL, &n, extensions) >= 0)
        for (uint32_t i = 0; i < n; i++)
            found |= strcmp(extensions[i].extensionName, name) == 0;
    free(extensions);
    return found;
}

static VkResult create_instance(struct vkb_instance *instance, const VkDebugUtilsMessengerCreateInfoEXT *messenger)
{
    const char *layer = validation_layer, *extensions[4];
    uint32_t n = 0;
    bool portability = has_instance_extension(&instance->vk, VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME);
    if (portability)
        extensions[n++] = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
    if (messenger) {
        extensions[n++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
        extensions[n++] = VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME;
    }
    VkValidationFeatureEnableEXT synchronization = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
    VkValidationFeaturesEXT features = {
        .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
        .pNext = messenger, /* for messages while the instance itself comes and goes */
        .enabledValidationFeatureCount = 1,
        .pEnabledValidationFeatures = &synchronization,
    };
    VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .pApplicationName = "pleione", .apiVersion = VK_API_VERSION_1_1};
    VkInstanceCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pNext = messenger ? &features : NULL,
        .flags = portability ? VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR : 0,
        .pApplicationInfo = &application,
        .enabledLayerCount = messenger ? 1 : 0,
        .ppEnabledLayerNames = &layer,
        .enabledExtensionCount = n,
        .ppEnabledExtensionNames = extensions,
    };
    return instance->vk.CreateInstance(&create, NULL, &instance->handle);
}

pln_status vkb_instance_init(struct vkb_instance *instance, pln_device *validated, pln_failure *error)
{
    const struct vkb_functions *vk = &instance->vk;
    pln_status status = vkb_load_global(&instance->vk, error);
    if (status != PLN_OK)
        return status;
    if (validated && !has_layer(vk, validation_layer))
        return pln_failed(error, PLN_INVALID, -1, "option validate=yes: %s is not installed", validation_layer);
    const VkDebugUtilsMessengerCreateInfoEXT messenger = describe_messenger(validated);
    VkResult result = create_instance(instance, validated ? &messenger : NULL);
    if (result != VK_SUCCESS)
        return pln_failed(error, PLN_NO_DEVICE, -1, "no Vulkan driver can be used (vkCreateInstance: %s)",
                          vkb_result_name(result));
    status = vkb_load_instance(&instance->vk, instance->handle, error);
    if (status == PLN_OK && validated &&
        vk->CreateDebugUtilsMessengerEXT(instance->handle, &messenger, NULL, &instance->messenger) != VK_SUCCESS)
        status = pln_failed(error, PLN_FAILED, -1, "option validate=yes: the layer's messages cannot be heard");
    return status;
}

void vkb_instance_finish(struct vkb_instance *instance)
{
    if (instance->messenger)
        instance->vk.DestroyDebugUtilsMessengerEXT(instance->handle, instance->messenger, NULL);
    if (instance->handle && instance->vk.DestroyInstance)
        instance->vk.DestroyInstance(instance->handle, NULL);
    *instance = (struct vkb_instance){0};
}

/* ---- an open device */

static uint64_t shrink(uint64_t limit, uint64_t option)
{
    return option < limit ? option : limit; /* VKB_UNSET is larger than any limit */
}

/* Operations that a device of unknown speed does in well under 50 ms, when its drivers' watchdogs begin to look. */
static uint64_t default_submit_flops(uint32_t kind)
{
    return kind == PLN_DEVICE_KIND_DISCRETE ? 20000000000u : 5000000000u;
}

/* Limits can be made smaller only: a number above what the device has would change nothing. */
static pln_status check_limits(const pln_device *device, pln_failure *error)
{
    const VkPhysicalDeviceLimits *limits = &device->physical.properties.limits;
    const struct {
        int key;
        uint64_t most;
    } numbers[] = {
        {VKB_OPTION_SHARED, limits->maxComputeSharedMemorySize},
        {VKB_OPTION_RANGE, limits->maxStorageBufferRange},
        {VKB_OPTION_BLOCK, vkb_block_limit(&device->physical, VKB_UNSET)},
        {VKB_OPTION_GROUPS, shrink(limits->maxComputeWorkGroupCount[0], limits->maxComputeWorkGroupCount[1])}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const uint64_t asked = device->options[numbers[i].key];
        if (asked != VKB_UNSET && asked > numbers[i].most)
            return pln_failed(error, PLN_INVALID, -1, "option %s=%llu: %s has %llu",
                              vkb_option_infos[numbers[i].key].key, (unsigned long long)asked,
                              device->physical.info.name, (unsigned long long)numbers[i].most);
    }
    return PLN_OK;
}

static pln_status set_limits(pln_device *device, pln_failure *error)
{
    const VkPhysicalDeviceLimits *limits = &device->physical.properties.limits;
    const uint64_t *options = device->options;
    const pln_status status = check_limits(device, error);
    if (status != PLN_OK)
        return status;
    /* The texts of that variant shuffle, which only a CPU's driver is known to do among all lanes of a group. */
    bool can_shuffle = device->physical.lanes > 0;
    if (!can_shuffle && options[VKB_OPTION_VARIANT] == VKB_VARIANT_CPU)
        return pln_failed(error, PLN_INVALID, -1,
                          "option variant=cpu: %s is not known to shuffle among all lanes of a group, as it must",
                          device->physical.info.name);
    device->limits = (struct gpu_limits){
        .cpu_variant = can_shuffle && options[VKB_OPTION_VARIANT] != VKB_VARIANT_GPU,
        .lanes = device->physical.lanes,
        .tiles = options[VKB_OPTION_TILE] == VKB_UNSET ? 0 : (uint32_t)options[VKB_OPTION_TILE],
        .half = options[VKB_OPTION_STORAGE] == VKB_STORAGE_F16,
        .vendor_id = options[VKB_OPTION_VENDOR] == VKB_UNSET ? device->physical.properties.vendorID
                                                             : gpu_vendor_of_word((uint32_t)options[VKB_OPTION_VENDOR]),
        .compute_units = device->physical.compute_units,
        .max_workgroup = (uint32_t)shrink(limits->maxComputeWorkGroupInvocations, limits->maxComputeWorkGroupSize[0]),
        .shared_bytes = (uint32_t)shrink(limits->maxComputeSharedMemorySize, options[VKB_OPTION_SHARED]),
        .offset_alignment = limits->minStorageBufferOffsetAlignment > MIN_BINDING_ALIGNMENT
                                ? (uint32_t)limits->minStorageBufferOffsetAlignment
                                : MIN_BINDING_ALIGNMENT,
        .max_range = shrink(limits->maxStorageBufferRange, options[VKB_OPTION_RANGE]),
    };
    device->max_groups = (uint32_t)shrink(
        shrink(limits->maxComputeWorkGroupCount[0], limits->maxComputeWorkGroupCount[1]), options[VKB_OPTION_GROUPS]);
    device->submit_flops = options[VKB_OPTION_SUBMIT] == VKB_UNSET ? default_submit_flops(device->physical.info.kind)
                                                                   : options[VKB_OPTION_SUBMIT] * 1000000;
    device->block_bytes = vkb_block_limit(&device->physical, options[VKB_OPTION_BLOCK]);
    device->physical.info.block_bytes = device->block_bytes;
    return PLN_OK;
}

/* Statistics of compiled kernels are a feature that may be missing where its extension is there. */
static void ask_statistics(const struct vkb_functions *vk, struct vkb_physical *physical)
{
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR statistics = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &statistics};
    if (physical->has[VKB_EXECUTABLE_PROPERTIES])
        vk->GetPhysicalDeviceFeatures2(physical->handle, &features);
    physical->has[VKB_EXECUTABLE_PROPERTIES] = statistics.pipelineExecutableInfo;
}

/* One queue, every extension of ours that is there, and no feature but the compiler's statistics; what matrices need
 * only with matrix=yes. */
static VkResult create_handle(pln_device *device)
{
    const struct vkb_functions *vk = &device->instance.vk;
    struct vkb_physical *physical = &device->physical;
    const char *extensions[VKB_EXTENSIONS];
    uint32_t n = 0;
    ask_statistics(vk, physical);
    for (int i = 0; i < VKB_EXTENSIONS; i++)
        if (physical->has[i] && (i < VKB_COOPERATIVE_MATRIX || device->limits.matrix.lanes))
            extensions[n++] = vkb_extension_names[i];
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR statistics = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
        .pNext = vkb_matrices_features(device),
        .pipelineExecutableInfo = VK_TRUE};
    const float priority = 1;
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = physical->family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    VkDeviceCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = physical->has[VKB_EXECUTABLE_PROPERTIES] ? &statistics : statistics.pNext,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = n,
        .ppEnabledExtensionNames = extensions,
    };
    return vk->CreateDevice(physical->handle, &create, NULL, &device->handle);
}

static pln_status create_queue(pln_device *device, pln_failure *error)
{
    const struct vkb_functions *vk = &device->instance.vk;
    VkResult result = create_handle(device);
    if (result != VK_SUCCESS)
        return vkb_fail(device, result, "vkCreateDevice", error);
    vk->GetDeviceQueue(device->handle, device->physical.family, 0, &device->queue);
    VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
        .queueFamilyIndex = device->physical.family,
    };
    result = vk->CreateCommandPool(device->handle, &pool, NULL, &device->commands);
    VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    for (int i = 0; i < 2 && result == VK_SUCCESS && !device->physical.compiles_only; i++)
        result = vk->CreateFence(device->handle, &fence, NULL, &device->fences[i]);
    return result == VK_SUCCESS ? PLN_OK : vkb_fail(device, result, "creating a queue", error);
}

static pln_status pick_physical(pln_device *device, uint32_t index, pln_failure *error)
{
    struct vkb_physical *physicals = calloc(VKB_PHYSICALS, sizeof *physicals);
    uint32_t n = 0;
    if (!physicals)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no memory for the list of Vulkan devices");
    pln_status status = vkb_enumerate(&device->instance, physicals, &n, error);
    if (status == PLN_OK && index < n)
        device->physical = physicals[index];
    free(physicals);
    if (status != PLN_OK)
        return status;
    if (index >= n)
        return pln_failed(error, PLN_NO_DEVICE, -1, "there is no Vulkan device %u: the last one is %d", index,
                          (int)n - 1);
    if (device->physical.info.flags & PLN_DEVICE_FLAG_UNUSABLE)
        return pln_failed(error, PLN_NO_DEVICE, -1, "Vulkan device %u (%s) cannot be used: %s", index,
                          device->physical.info.name, device->physical.info.reason);
    return PLN_OK;
}

pln_status vkb_device_open(uint32_t index, const pln_host *host, const uint64_t options[VKB_OPTIONS], pln_device **out,
                           pln_failure *error)
{
    pln_device *device = host->allocate(host->context, sizeof *device);
    if (!device)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for a Vulkan device");
    device->host = host;
    memcpy(device->options, options, sizeof device->options);
    bool validate = options[VKB_OPTION_VALIDATE] == VKB_VALIDATE_YES;
    pln_status status = vkb_instance_init(&device->instance, validate ? device : NULL, error);
    if (status == PLN_OK)
        status = pick_physical(device, index, error);
    if (status == PLN_OK)
        status = set_limits(device, error);
    if (status == PLN_OK)
        status = vkb_matrices_choose(device, error);
    if (status == PLN_OK)
        status =
            gpu_variant_choose(&device->limits, host, options[VKB_OPTION_VARIANT] == VKB_VARIANT_CPU,
                               options[VKB_OPTION_TILE] != VKB_UNSET || options[VKB_OPTION_VENDOR] != VKB_UNSET, error);
    if (status == PLN_OK)
        status = create_queue(device, error);
    if (status == PLN_OK)
        status = vkb_memory_init(device, error);
    if (status == PLN_OK && !device->cached)
        status = vkb_staging_init(device, error);
    if (status == PLN_OK)
        status = vkb_cache_open(device, error);
    if (status != PLN_OK)
        vkb_device_close(&device);
    *out = device;
    return status;
}

void vkb_device_close(pln_device **out)
{
    pln_device *device = *out;
    if (!device)
        return;
    const struct vkb_functions *vk = &device->instance.vk;
    if (device->handle) {
        if (!device->physical.compiles_only)
            vk->DeviceWaitIdle(device->handle);
        vkb_staging_finish(device);
        vkb_cache_close(device);
        vkb_pipelines_finish(device);
        for (int i = 0; i < 2; i++)
            vk->DestroyFence(device->handle, device->fences[i], NULL);
        vk->DestroyCommandPool(device->handle, device->commands, NULL);
        vk->DestroyDevice(device->handle, NULL);
    }
    vkb_instance_finish(&device->instance);
    device->host->release(device->host->context, device);
    *out = NULL;
}

pln_status vkb_begin(pln_device *device, pln_failure *error)
{
    if (device->lost)
        return pln_failed(error, PLN_DEVICE_LOST, -1, "%s was lost: close it", device->physical.info.name);
    if (!device->complaint[0])
        return PLN_OK;
    pln_failed(error, PLN_FAILED, -1, "Vulkan validation: %s", device->complaint);
    device->complaint[0] = 0;
    return PLN_FAILED;
}
