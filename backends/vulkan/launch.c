/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the kernel and the specialization constants of a launch, gives its pipeline. Pipelines stay with the device, so
 * that plans of other buckets, which differ in sizes only, compile nothing.
 */
#include "backends/vulkan/vulkan.h"

#include <stdlib.h>
#include <string.h>

/* The set layout and the pipeline layout of kernels with n bindings; the push constant is the word of the record. */
static VkResult make_layouts(pln_device *device, uint32_t n)
{
    if (device->layouts[n])
        return VK_SUCCESS;
    const struct vkb_functions *vk = &device->instance.vk;
    VkDescriptorSetLayoutBinding bindings[GPU_SLOTS + 1];
    for (uint32_t i = 0; i < n; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){.binding = i,
                                                     .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                                     .descriptorCount = 1,
                                                     .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = n, .pBindings = bindings};
    VkPushConstantRange record = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = sizeof(uint32_t)};
    VkResult result = VK_SUCCESS;
    if (!device->set_layouts[n])
        result = vk->CreateDescriptorSetLayout(device->handle, &set, NULL, &device->set_layouts[n]);
    if (result != VK_SUCCESS)
        return result;
    VkPipelineLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &device->set_layouts[n],
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &record,
    };
    return vk->CreatePipelineLayout(device->handle, &layout, NULL, &device->layouts[n]);
}

static VkResult compile(pln_device *device, const struct gpu_text *text, struct vkb_pipeline *pipeline)
{
    const struct vkb_functions *vk = &device->instance.vk;
    VkShaderModuleCreateInfo code = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = text->size, .pCode = text->bytes};
    VkShaderModule module;
    VkResult result = vk->CreateShaderModule(device->handle, &code, NULL, &module);
    if (result != VK_SUCCESS)
        return result;
    VkSpecializationMapEntry entries[GPU_SPECS];
    for (uint32_t i = 0; i < pipeline->n_specs; i++)
        entries[i] = (VkSpecializationMapEntry){i, i * (uint32_t)sizeof(uint32_t), sizeof(uint32_t)};
    VkSpecializationInfo specialization = {.mapEntryCount = pipeline->n_specs,
                                           .pMapEntries = entries,
                                           .dataSize = pipeline->n_specs * sizeof(uint32_t),
                                           .pData = pipeline->specs};
    const bool full = strcmp(pipeline->kernel, gpu_matrix_kernel) == 0; /* subgroups, as matrices need them */
    VkComputePipelineCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = device->physical.has[VKB_EXECUTABLE_PROPERTIES] ? VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR : 0,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .flags = full ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT : 0,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = "main",
                  .pSpecializationInfo = &specialization},
        .layout = device->layouts[pipeline->n_bindings],
        .basePipelineIndex = -1,
    };
    result = vk->CreateComputePipelines(device->handle, device->cache, 1, &create, NULL, &pipeline->handle);
    vk->DestroyShaderModule(device->handle, module, NULL);
    return result;
}

static bool fits(const struct vkb_pipeline *pipeline, const struct gpu_launch *launch)
{
    return strcmp(pipeline->kernel, launch->kernel) == 0 && pipeline->n_bindings == launch->n_bindings + 1 &&
           pipeline->n_specs == launch->n_specs &&
           memcmp(pipeline->specs, launch->specs, launch->n_specs * sizeof *launch->specs) == 0;
}

pln_status vkb_pipeline_get(pln_device *device, const struct gpu_launch *launch, struct vkb_pipeline **out,
                            pln_failure *error)
{
    const pln_host *host = device->host;
    for (struct vkb_pipeline *known = device->pipelines; known; known = known->next)
        if (fits(known, launch)) {
            *out = known;
            return PLN_OK;
        }
    const struct gpu_text *text = gpu_text_find(launch->kernel);
    if (!text)
        return pln_failed(error, PLN_FAILED, -1, "this build has no kernel '%s' for Vulkan", launch->kernel);
    struct vkb_pipeline *pipeline = host->allocate(host->context, sizeof *pipeline);
    if (!pipeline)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for kernel '%s'", launch->kernel);
    pipeline->kernel = text->kernel;
    pipeline->n_bindings = launch->n_bindings + 1;
    pipeline->n_specs = launch->n_specs;
    memcpy(pipeline->specs, launch->specs, launch->n_specs * sizeof *launch->specs);
    VkResult result = make_layouts(device, pipeline->n_bindings);
    if (result == VK_SUCCESS)
        result = compile(device, text, pipeline);
    if (result != VK_SUCCESS) {
        char call[96];
        snprintf(call, sizeof call, "compiling kernel '%.60s'", launch->kernel);
        host->release(host->context, pipeline);
        return vkb_fail(device, result, call, error);
    }
    pipeline->next = device->pipelines;
    device->pipelines = pipeline;
    device->cache_grew = true;
    *out = pipeline;
    return PLN_OK;
}

void vkb_pipelines_finish(pln_device *device)
{
    const struct vkb_functions *vk = &device->instance.vk;
    while (device->pipelines) {
        struct vkb_pipeline *pipeline = device->pipelines;
        device->pipelines = pipeline->next;
        vk->DestroyPipeline(device->handle, pipeline->handle, NULL);
        device->host->release(device->host->context, pipeline);
    }
    for (uint32_t n = 0; n < sizeof device->layouts / sizeof *device->layouts; n++) {
        vk->DestroyPipelineLayout(device->handle, device->layouts[n], NULL);
        vk->DestroyDescriptorSetLayout(device->handle, device->set_layouts[n], NULL);
    }
}

/* ---- what the compiler says */

static uint64_t statistic_number(const VkPipelineExecutableStatisticKHR *statistic)
{
    switch (statistic->format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
        return statistic->value.b32;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR:
        return (uint64_t)statistic->value.f64;
    default:
        return statistic->value.u64;
    }
}

/* The names that drivers give: RADV, then NVIDIA, ANV and Turnip where they have a word for it. */
static void take_statistic(const VkPipelineExecutableStatisticKHR *statistic, pln_launch_info *info)
{
    static const struct {
        const char *name;
        size_t field;
    } names[] = {
        {"VGPRs", offsetof(pln_launch_info, registers)},
        {"Register Count", offsetof(pln_launch_info, registers)},
        {"Spilled VGPRs", offsetof(pln_launch_info, spills)},
        {"Spill Count", offsetof(pln_launch_info, spills)},
        {"LDS size", offsetof(pln_launch_info, shared_bytes)},
        {"LDS Size", offsetof(pln_launch_info, shared_bytes)},
        {"Workgroup Memory Size", offsetof(pln_launch_info, shared_bytes)},
    };
    uint64_t number = statistic_number(statistic);
    if (strcmp(statistic->name, "Inverse Throughput") == 0)
        info->inverse_throughput = number;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(statistic->name, names[i].name) == 0)
            *(uint32_t *)(void *)((char *)info + names[i].field) = (uint32_t)number;
}

void vkb_kernel_name(const char *kernel, uint32_t n_specs, const uint32_t *specs,
                     char name[sizeof((pln_launch_info *)NULL)->name])
{
    const size_t size = sizeof((pln_launch_info *)NULL)->name;
    int length = snprintf(name, size, "%s", kernel);
    for (uint32_t i = 0; i < n_specs && length > 0 && (size_t)length < size; i++)
        length += snprintf(name + length, size - (size_t)length, "%c%u", i ? ',' : ' ', specs[i]);
}

void vkb_pipeline_describe(const pln_device *device, const struct vkb_pipeline *pipeline, pln_launch_info *info)
{
    enum { ROOM = 64 };
    const struct vkb_functions *vk = &device->instance.vk;
    *info = (pln_launch_info){.size = sizeof *info};
    vkb_kernel_name(pipeline->kernel, pipeline->n_specs, pipeline->specs, info->name);
    if (!device->physical.has[VKB_EXECUTABLE_PROPERTIES])
        return;
    VkPipelineInfoKHR which = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline->handle};
    VkPipelineExecutablePropertiesKHR executable = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
    uint32_t n = 1;
    if (vk->GetPipelineExecutablePropertiesKHR(device->handle, &which, &n, &executable) < 0 || n == 0)
        return;
    info->subgroup = executable.subgroupSize;
    VkPipelineExecutableInfoKHR first = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
                                         .pipeline = pipeline->handle};
    VkPipelineExecutableStatisticKHR *statistics = calloc(ROOM, sizeof *statistics);
    for (uint32_t i = 0; statistics && i < ROOM; i++)
        statistics[i] =
            (VkPipelineExecutableStatisticKHR){.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
    n = ROOM;
    if (statistics && vk->GetPipelineExecutableStatisticsKHR(device->handle, &first, &n, statistics) >= 0)
        for (uint32_t i = 0; i < n; i++)
            take_statistic(&statistics[i], info);
    free(statistics);
}
