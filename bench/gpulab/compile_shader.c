/* SPDX-License-Identifier: Apache-2.0
 *
 * What the first Vulkan driver makes of a compute shader: compile-shader FILE.spv SUBGROUP [VALUE]... with a required
 * subgroup size (0: the driver's choice) and the specialization constants of ids 0, 1, ... Prints the driver's
 * statistics as one JSON line, then the machine code as text. Nothing runs: meant for drivers that are told to be a GPU
 * which is not there. Bindings are storage buffers of set 0, the push constant is one word, as the kernels of
 * backends/gpu have them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

enum { BINDINGS = 25, MOST_CONSTANTS = 32, MOST_STATISTICS = 64, MOST_TEXTS = 16 };

static void check(VkResult result, const char *call)
{
    if (result >= 0)
        return;
    fprintf(stderr, "%s gave VkResult %d\n", call, result);
    exit(1);
}

static uint32_t *read_words(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    long size = -1;
    if (file && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    uint32_t *words = size > 0 && size % 4 == 0 ? malloc((size_t)size) : NULL;
    if (words)
        rewind(file);
    if (!words || fread(words, 1, (size_t)size, file) != (size_t)size) {
        fprintf(stderr, "%s cannot be read as SPIR-V\n", path);
        exit(1);
    }
    fclose(file);
    *bytes = (size_t)size;
    return words;
}

static VkDevice open_device(VkPhysicalDevice *physical)
{
    const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                           .apiVersion = VK_API_VERSION_1_1};
    const VkInstanceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                         .pApplicationInfo = &application};
    VkInstance instance;
    uint32_t n = 1;
    check(vkCreateInstance(&create, NULL, &instance), "vkCreateInstance");
    check(vkEnumeratePhysicalDevices(instance, &n, physical), "vkEnumeratePhysicalDevices");
    if (!n) {
        fprintf(stderr, "the Vulkan loader finds no device\n");
        exit(1);
    }
    VkPhysicalDeviceSubgroupSizeControlFeaturesEXT sizes = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT, .subgroupSizeControl = VK_TRUE};
    const VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR told = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
        .pNext = &sizes,
        .pipelineExecutableInfo = VK_TRUE};
    static const char *const extensions[] = {"VK_KHR_pipeline_executable_properties", "VK_EXT_subgroup_size_control"};
    static const float priority = 1;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority};
    const VkDeviceCreateInfo device = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                       .pNext = &told,
                                       .queueCreateInfoCount = 1,
                                       .pQueueCreateInfos = &queue,
                                       .enabledExtensionCount = 2,
                                       .ppEnabledExtensionNames = extensions};
    VkDevice handle;
    check(vkCreateDevice(*physical, &device, NULL, &handle), "vkCreateDevice");
    return handle;
}

static VkPipelineLayout make_layout(VkDevice device)
{
    VkDescriptorSetLayoutBinding bindings[BINDINGS];
    for (uint32_t i = 0; i < BINDINGS; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){.binding = i,
                                                     .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                                     .descriptorCount = 1,
                                                     .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    const VkDescriptorSetLayoutCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = BINDINGS, .pBindings = bindings};
    const VkPushConstantRange record = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = sizeof(uint32_t)};
    VkDescriptorSetLayout set;
    VkPipelineLayout layout;
    check(vkCreateDescriptorSetLayout(device, &create, NULL, &set), "vkCreateDescriptorSetLayout");
    const VkPipelineLayoutCreateInfo all = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                            .setLayoutCount = 1,
                                            .pSetLayouts = &set,
                                            .pushConstantRangeCount = 1,
                                            .pPushConstantRanges = &record};
    check(vkCreatePipelineLayout(device, &all, NULL, &layout), "vkCreatePipelineLayout");
    return layout;
}

static VkPipeline compile(VkDevice device, const char *path, uint32_t subgroup, const VkSpecializationInfo *constants)
{
    size_t bytes;
    uint32_t *words = read_words(path, &bytes);
    const VkShaderModuleCreateInfo code = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = bytes, .pCode = words};
    VkShaderModule module;
    check(vkCreateShaderModule(device, &code, NULL, &module), "vkCreateShaderModule");
    const VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT required = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT,
        .requiredSubgroupSize = subgroup};
    const VkComputePipelineCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags =
            VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR | VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR,
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .pNext = subgroup ? &required : NULL,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = "main",
                  .pSpecializationInfo = constants},
        .layout = make_layout(device),
    };
    VkPipeline pipeline;
    check(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &create, NULL, &pipeline), "vkCreateComputePipelines");
    free(words);
    return pipeline;
}

#define ENTRY(device, name) ((PFN_##name)(void (*)(void))vkGetDeviceProcAddr(device, #name))

static void print_statistics(VkDevice device, const VkPipelineInfoKHR *info, const VkPipelineExecutableInfoKHR *first)
{
    VkPipelineExecutablePropertiesKHR properties = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
    static VkPipelineExecutableStatisticKHR statistics[MOST_STATISTICS];
    uint32_t n = 1;
    for (uint32_t i = 0; i < MOST_STATISTICS; i++)
        statistics[i] =
            (VkPipelineExecutableStatisticKHR){.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR};
    check(ENTRY(device, vkGetPipelineExecutablePropertiesKHR)(device, info, &n, &properties),
          "vkGetPipelineExecutablePropertiesKHR");
    n = MOST_STATISTICS;
    check(ENTRY(device, vkGetPipelineExecutableStatisticsKHR)(device, first, &n, statistics),
          "vkGetPipelineExecutableStatisticsKHR");
    printf("{\"Subgroup\": %u", properties.subgroupSize);
    for (uint32_t i = 0; i < n; i++)
        if (statistics[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR)
            printf(", \"%s\": %llu", statistics[i].name, (unsigned long long)statistics[i].value.u64);
    puts("}");
}

/* The last of the representations is the machine code. */
static void print_code(VkDevice device, const VkPipelineExecutableInfoKHR *first)
{
    PFN_vkGetPipelineExecutableInternalRepresentationsKHR get =
        ENTRY(device, vkGetPipelineExecutableInternalRepresentationsKHR);
    VkPipelineExecutableInternalRepresentationKHR texts[MOST_TEXTS];
    uint32_t n = MOST_TEXTS;
    for (uint32_t i = 0; i < MOST_TEXTS; i++)
        texts[i] = (VkPipelineExecutableInternalRepresentationKHR){
            .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR};
    check(get(device, first, &n, texts), "vkGetPipelineExecutableInternalRepresentationsKHR");
    for (uint32_t i = 0; i < n; i++)
        texts[i].pData = calloc(1, texts[i].dataSize + 1);
    check(get(device, first, &n, texts), "vkGetPipelineExecutableInternalRepresentationsKHR");
    if (n && texts[n - 1].pData && texts[n - 1].isText)
        puts(texts[n - 1].pData);
    for (uint32_t i = 0; i < n; i++)
        free(texts[i].pData);
}

int main(int argc, char **argv)
{
    VkSpecializationMapEntry entries[MOST_CONSTANTS];
    uint32_t values[MOST_CONSTANTS], n = 0;
    if (argc < 3 || argc - 3 > MOST_CONSTANTS) {
        fprintf(stderr, "usage: compile-shader FILE.spv SUBGROUP [VALUE]...\n");
        return 2;
    }
    for (; (int)n + 3 < argc; n++) {
        entries[n] = (VkSpecializationMapEntry){n, n * (uint32_t)sizeof *values, sizeof *values};
        values[n] = (uint32_t)strtoul(argv[n + 3], NULL, 0);
    }
    const VkSpecializationInfo constants = {n, entries, n * sizeof *values, values};
    VkPhysicalDevice physical;
    VkDevice device = open_device(&physical);
    const VkPipeline pipeline = compile(device, argv[1], (uint32_t)strtoul(argv[2], NULL, 0), &constants);
    const VkPipelineInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline};
    const VkPipelineExecutableInfoKHR first = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
                                               .pipeline = pipeline};
    print_statistics(device, &info, &first);
    print_code(device, &first);
    return 0;
}
