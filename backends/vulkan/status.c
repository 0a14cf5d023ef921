/* SPDX-License-Identifier: Apache-2.0
 *
 * What a result of Vulkan comes to: a status and a sentence with the call.
 */
#include "backends/vulkan/vulkan.h"

const char *vkb_result_name(VkResult result)
{
    static const struct {
        VkResult result;
        const char *name;
    } names[] = {
        {VK_ERROR_OUT_OF_HOST_MEMORY, "out of host memory"},
        {VK_ERROR_OUT_OF_DEVICE_MEMORY, "out of device memory"},
        {VK_ERROR_OUT_OF_POOL_MEMORY, "out of pool memory"},
        {VK_ERROR_INITIALIZATION_FAILED, "initialization failed"},
        {VK_ERROR_DEVICE_LOST, "device lost"},
        {VK_ERROR_MEMORY_MAP_FAILED, "memory map failed"},
        {VK_ERROR_LAYER_NOT_PRESENT, "layer not present"},
        {VK_ERROR_EXTENSION_NOT_PRESENT, "extension not present"},
        {VK_ERROR_FEATURE_NOT_PRESENT, "feature not present"},
        {VK_ERROR_INCOMPATIBLE_DRIVER, "incompatible driver"},
        {VK_ERROR_TOO_MANY_OBJECTS, "too many objects"},
        {VK_ERROR_INVALID_SHADER_NV, "invalid shader"},
        {VK_ERROR_UNKNOWN, "unknown error"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].result == result)
            return names[i].name;
    return "error of unknown number";
}

pln_status vkb_fail(pln_device *device, VkResult result, const char *call, pln_failure *error)
{
    pln_status status = PLN_FAILED;
    if (result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY)
        status = PLN_NO_MEMORY;
    if (result == VK_ERROR_DEVICE_LOST) {
        status = PLN_DEVICE_LOST;
        device->lost = true;
    }
    return pln_failed(error, status, -1, "%s on %s: %s (%d)", call, device->physical.info.name, vkb_result_name(result),
                      (int)result);
}
