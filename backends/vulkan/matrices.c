/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a physical device, gives the cooperative matrices that it lists and `linear` can be cut into; of an opened one
 * with matrix=yes, limits and features. With headers that do not know the extension no device has any, and the kernel
 * is not built.
 */
#include "backends/vulkan/vulkan.h"

#ifdef VK_KHR_cooperative_matrix
static const VkPhysicalDeviceVulkanMemoryModelFeaturesKHR memory_model = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES_KHR, .vulkanMemoryModel = VK_TRUE};
static const VkPhysicalDeviceSubgroupSizeControlFeaturesEXT subgroups = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT,
    .pNext = (void *)&memory_model,
    .computeFullSubgroups = VK_TRUE};
static const VkPhysicalDeviceShaderFloat16Int8FeaturesKHR half = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES_KHR,
    .pNext = (void *)&subgroups,
    .shaderFloat16 = VK_TRUE};
static const VkPhysicalDeviceCooperativeMatrixFeaturesKHR cooperative = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
    .pNext = (void *)&half,
    .cooperativeMatrix = VK_TRUE};

static bool has_features(const struct vkb_functions *vk, const struct vkb_physical *physical)
{
    VkPhysicalDeviceVulkanMemoryModelFeaturesKHR model = {.sType = memory_model.sType};
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT sizes = {.sType = subgroups.sType, .pNext = &model};
    VkPhysicalDeviceShaderFloat16Int8FeaturesKHR f16 = {.sType = half.sType, .pNext = &sizes};
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrices = {.sType = cooperative.sType, .pNext = &f16};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &matrices};
    if (!physical->has[VKB_COOPERATIVE_MATRIX] || !physical->has[VKB_MEMORY_MODEL] || !physical->has[VKB_FLOAT16] ||
        !physical->has[VKB_SUBGROUP_SIZE])
        return false;
    vk->GetPhysicalDeviceFeatures2(physical->handle, &features);
    return model.vulkanMemoryModel && sizes.computeFullSubgroups && f16.shaderFloat16 && matrices.cooperativeMatrix;
}

static uint32_t lanes_of_subgroup(const struct vkb_functions *vk, const struct vkb_physical *physical)
{
    VkPhysicalDeviceSubgroupProperties lanes = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES};
    VkPhysicalDeviceProperties2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &lanes};
    vk->GetPhysicalDeviceProperties2(physical->handle, &all);
    return lanes.subgroupSize;
}

static bool is_ours(const VkCooperativeMatrixPropertiesKHR *p)
{
    return p->AType == VK_COMPONENT_TYPE_FLOAT16_KHR && p->BType == VK_COMPONENT_TYPE_FLOAT16_KHR &&
           p->CType == VK_COMPONENT_TYPE_FLOAT32_KHR && p->ResultType == VK_COMPONENT_TYPE_FLOAT32_KHR &&
           p->scope == VK_SCOPE_SUBGROUP_KHR;
}

/* The largest of those that fit. */
void vkb_matrices_find(const struct vkb_functions *vk, struct vkb_physical *physical)
{
    enum { ROOM = 256 };
    VkCooperativeMatrixPropertiesKHR list[ROOM];
    uint32_t n = ROOM;
    for (uint32_t i = 0; i < ROOM; i++)
        list[i] = (VkCooperativeMatrixPropertiesKHR){.sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR};
    if (!vk->GetPhysicalDeviceCooperativeMatrixPropertiesKHR || !has_features(vk, physical) ||
        vk->GetPhysicalDeviceCooperativeMatrixPropertiesKHR(physical->handle, &n, list) < 0)
        return;
    const uint32_t lanes = lanes_of_subgroup(vk, physical);
    for (uint32_t i = 0; i < n; i++) {
        const struct gpu_matrix best = physical->matrix, matrix = {list[i].MSize, list[i].NSize, list[i].KSize, lanes};
        if (is_ours(&list[i]) && gpu_matrix_fits(&matrix) &&
            (uint64_t)matrix.m * matrix.n * matrix.k > (uint64_t)best.m * best.n * best.k)
            physical->matrix = matrix;
    }
}

void *vkb_matrices_features(const pln_device *device)
{
    return device->limits.matrix.lanes ? (void *)&cooperative : NULL;
}
#else
void vkb_matrices_find(const struct vkb_functions *vk, struct vkb_physical *physical)
{
    (void)vk, (void)physical;
}

void *vkb_matrices_features(const pln_device *device)
{
    (void)device;
    return NULL;
}
#endif

pln_status vkb_matrices_choose(pln_device *device, pln_failure *error)
{
    const uint64_t *options = device->options;
    if (options[VKB_OPTION_MATRIX] != VKB_MATRIX_YES)
        return PLN_OK;
    if (!gpu_text_find(gpu_matrix_kernel))
        return pln_failed(
            error, PLN_INVALID, -1,
            "option matrix=yes: this build lacks its kernel, since glslc or the headers of Vulkan did not "
            "know VK_KHR_cooperative_matrix");
    if (!device->physical.matrix.lanes)
        return pln_failed(error, PLN_INVALID, -1,
                          "option matrix=yes: %s lists no cooperative matrices of f16 with sums in f32 that fit",
                          device->physical.info.name);
    if (options[VKB_OPTION_STORAGE] == VKB_STORAGE_F32 || options[VKB_OPTION_VARIANT] == VKB_VARIANT_CPU)
        return pln_failed(error, PLN_INVALID, -1, "option matrix=yes needs storage=f16 and variant=gpu");
    device->limits.matrix = device->physical.matrix;
    device->limits.half = true;
    device->limits.cpu_variant = false;
    return PLN_OK;
}
