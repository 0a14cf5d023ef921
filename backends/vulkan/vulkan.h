/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the Vulkan plugin share. loader.c finds the API's functions, options.c reads the user's words,
 * physical.c describes what there is, matrices.c what it multiplies at once, context.c opens a device, memory.c gives
 * it buffers, transfer.c fills them, launch.c makes pipelines, cache.c keeps those between processes, steps.c lowers a
 * segment into steps, plan.c binds their buffers, record.c writes them into command buffers, run.c submits these, and
 * backend.c is the table. What a kernel computes is known only to backends/gpu/.
 */
#ifndef BACKENDS_VULKAN_VULKAN_H
#define BACKENDS_VULKAN_VULKAN_H

#define VK_NO_PROTOTYPES
#define VK_ENABLE_BETA_EXTENSIONS /* VK_KHR_portability_subset */
#include <vulkan/vulkan.h>

#include "api/pleione_backend.h"
#include "backends/gpu/steps.h"
#include "common/settings.h"

/* ---- loader.c: libvulkan, loaded at run time */

#ifndef VKB_LIBRARY
#define VKB_LIBRARY "libvulkan.so.1"
#endif

/* Every function used. GLOBAL ones need no instance, NEEDED ones are core in 1.1, OPTIONAL ones may be NULL. */
#define VKB_FUNCTIONS(GLOBAL, NEEDED, OPTIONAL)                                                                        \
    GLOBAL(CreateInstance)                                                                                             \
    GLOBAL(EnumerateInstanceExtensionProperties)                                                                       \
    GLOBAL(EnumerateInstanceLayerProperties)                                                                           \
    GLOBAL(EnumerateInstanceVersion)                                                                                   \
    NEEDED(DestroyInstance)                                                                                            \
    NEEDED(EnumeratePhysicalDevices)                                                                                   \
    NEEDED(EnumerateDeviceExtensionProperties)                                                                         \
    NEEDED(GetPhysicalDeviceProperties)                                                                                \
    NEEDED(GetPhysicalDeviceProperties2)                                                                               \
    NEEDED(GetPhysicalDeviceFeatures2)                                                                                 \
    NEEDED(GetPhysicalDeviceMemoryProperties)                                                                          \
    NEEDED(GetPhysicalDeviceMemoryProperties2)                                                                         \
    NEEDED(GetPhysicalDeviceQueueFamilyProperties)                                                                     \
    NEEDED(CreateDevice)                                                                                               \
    NEEDED(DestroyDevice)                                                                                              \
    NEEDED(GetDeviceQueue)                                                                                             \
    NEEDED(DeviceWaitIdle)                                                                                             \
    NEEDED(CreateBuffer)                                                                                               \
    NEEDED(DestroyBuffer)                                                                                              \
    NEEDED(GetBufferMemoryRequirements)                                                                                \
    NEEDED(AllocateMemory)                                                                                             \
    NEEDED(FreeMemory)                                                                                                 \
    NEEDED(BindBufferMemory)                                                                                           \
    NEEDED(MapMemory)                                                                                                  \
    NEEDED(CreateShaderModule)                                                                                         \
    NEEDED(DestroyShaderModule)                                                                                        \
    NEEDED(CreateDescriptorSetLayout)                                                                                  \
    NEEDED(DestroyDescriptorSetLayout)                                                                                 \
    NEEDED(CreatePipelineLayout)                                                                                       \
    NEEDED(DestroyPipelineLayout)                                                                                      \
    NEEDED(CreatePipelineCache)                                                                                        \
    NEEDED(DestroyPipelineCache)                                                                                       \
    NEEDED(GetPipelineCacheData)                                                                                       \
    NEEDED(CreateComputePipelines)                                                                                     \
    NEEDED(DestroyPipeline)                                                                                            \
    NEEDED(CreateDescriptorPool)                                                                                       \
    NEEDED(DestroyDescriptorPool)                                                                                      \
    NEEDED(AllocateDescriptorSets)                                                                                     \
    NEEDED(UpdateDescriptorSets)                                                                                       \
    NEEDED(CreateCommandPool)                                                                                          \
    NEEDED(DestroyCommandPool)                                                                                         \
    NEEDED(AllocateCommandBuffers)                                                                                     \
    NEEDED(BeginCommandBuffer)                                                                                         \
    NEEDED(EndCommandBuffer)                                                                                           \
    NEEDED(CmdBindPipeline)                                                                                            \
    NEEDED(CmdBindDescriptorSets)                                                                                      \
    NEEDED(CmdPushConstants)                                                                                           \
    NEEDED(CmdDispatch)                                                                                                \
    NEEDED(CmdPipelineBarrier)                                                                                         \
    NEEDED(CmdCopyBuffer)                                                                                              \
    NEEDED(CmdFillBuffer)                                                                                              \
    NEEDED(CmdResetQueryPool)                                                                                          \
    NEEDED(CmdWriteTimestamp)                                                                                          \
    NEEDED(CreateQueryPool)                                                                                            \
    NEEDED(DestroyQueryPool)                                                                                           \
    NEEDED(GetQueryPoolResults)                                                                                        \
    NEEDED(CreateFence)                                                                                                \
    NEEDED(DestroyFence)                                                                                               \
    NEEDED(ResetFences)                                                                                                \
    NEEDED(WaitForFences)                                                                                              \
    NEEDED(QueueSubmit)                                                                                                \
    OPTIONAL(CreateDebugUtilsMessengerEXT)                                                                             \
    OPTIONAL(DestroyDebugUtilsMessengerEXT)                                                                            \
    OPTIONAL(GetPipelineExecutablePropertiesKHR)                                                                       \
    OPTIONAL(GetPipelineExecutableStatisticsKHR)                                                                       \
    VKB_MATRIX_FUNCTIONS(OPTIONAL)
/* Headers before 1.3.255 do not know the extension. */
#ifdef VK_KHR_cooperative_matrix
#define VKB_MATRIX_FUNCTIONS(OPTIONAL) OPTIONAL(GetPhysicalDeviceCooperativeMatrixPropertiesKHR)
#else
#define VKB_MATRIX_FUNCTIONS(OPTIONAL)
#endif

struct vkb_functions {
#define VKB_MEMBER(name) PFN_vk##name name;
    VKB_FUNCTIONS(VKB_MEMBER, VKB_MEMBER, VKB_MEMBER)
#undef VKB_MEMBER
};

/* Loads libvulkan (once in a process) and fills the GLOBAL functions. PLN_NO_DEVICE if it is absent or older than 1.1.
 */
pln_status vkb_load_global(struct vkb_functions *vk, pln_failure *error);
/* Fills the rest, once there is an instance. */
pln_status vkb_load_instance(struct vkb_functions *vk, VkInstance instance, pln_failure *error);

const char *vkb_result_name(VkResult result);

/* ---- options.c */

enum vkb_option {
    VKB_OPTION_VARIANT,
    VKB_OPTION_TILE,
    VKB_OPTION_STORAGE,
    VKB_OPTION_MATRIX,
    VKB_OPTION_VENDOR,
    VKB_OPTION_SHARED,
    VKB_OPTION_RANGE,
    VKB_OPTION_BLOCK,
    VKB_OPTION_GROUPS,
    VKB_OPTION_SUBMIT,
    VKB_OPTION_MEMORY,
    VKB_OPTION_VALIDATE,
    VKB_OPTIONS
};
enum { VKB_VARIANT_GPU, VKB_VARIANT_CPU };     /* values of variant= */
enum { VKB_STORAGE_F32, VKB_STORAGE_F16 };     /* of storage= */
enum { VKB_MATRIX_NO, VKB_MATRIX_YES };        /* of matrix= */
enum { VKB_MEMORY_AUTO, VKB_MEMORY_DISCRETE }; /* of memory= */
enum { VKB_VALIDATE_NO, VKB_VALIDATE_YES };    /* of validate= */
#define VKB_UNSET UINT64_MAX

extern const pln_setting_info vkb_option_infos[VKB_OPTIONS + 1];

/* Numbers as given, words as their place in the list of values, tile= as a bit for each place that was named, VKB_UNSET
 * if not given. PLN_INVALID names the key. */
pln_status vkb_options_parse(uint64_t chosen[VKB_OPTIONS], const pln_option *options, uint32_t n, pln_failure *error);

/* ---- physical.c: what there is, context.c: instances and an open device */

/* Of a device; none is required. */
enum vkb_extension {
    VKB_DRIVER_PROPERTIES,
    VKB_MAINTENANCE4,
    VKB_MEMORY_BUDGET,
    VKB_EXECUTABLE_PROPERTIES,
    VKB_SHADER_CORES_AMD,
    VKB_SHADER_CORES_NV,
    VKB_PORTABILITY_SUBSET,
    VKB_PCI_BUS_INFO,
    VKB_COOPERATIVE_MATRIX, /* this and what follows: for matrix=yes */
    VKB_MEMORY_MODEL,
    VKB_FLOAT16,
    VKB_SUBGROUP_SIZE,
    VKB_EXTENSIONS
};
extern const char *const vkb_extension_names[VKB_EXTENSIONS];

/* What is known of a physical device before it is opened. */
struct vkb_physical {
    VkPhysicalDevice handle;
    VkPhysicalDeviceProperties properties;
    VkPhysicalDeviceMemoryProperties memory;
    bool has[VKB_EXTENSIONS];
    uint64_t max_allocation; /* bytes of one VkDeviceMemory */
    uint64_t max_buffer;     /* bytes of one VkBuffer */
    uint32_t family;         /* queue family */
    uint32_t compute_units;  /* 0: not told */
    uint32_t lanes;          /* of a subgroup that can shuffle, on a CPU; else 0 */
    uint32_t timestamp_bits; /* of that family; 0: it cannot tell the time */
    bool compiles_only;      /* a driver without hardware: plans can be made and asked about, nothing runs */
    uint32_t value_type;     /* memory types: of buffers and constants, */
    uint32_t host_type;      /* and of what the host reads and writes in any case */
    /* What matrix=yes takes; lanes 0: it lists none that fits. */
    struct gpu_matrix matrix;
    pln_device_description info;
};

struct vkb_instance {
    VkInstance handle;
    struct vkb_functions vk;
    VkDebugUtilsMessengerEXT messenger;
};

/* Staging for memory that is not mapped or slow to read: two halves, filled by the host while the other one travels. */
struct vkb_staging {
    pln_buffer *buffer; /* NULL: not needed on this device */
    uint64_t half;      /* bytes */
    VkCommandBuffer commands[2];
    bool busy[2]; /* on the way, with the device's fence of that number */
};

struct pln_device {
    const pln_host *host; /* kept */
    struct vkb_instance instance;
    struct vkb_physical physical;
    uint64_t options[VKB_OPTIONS];
    struct settings settings;
    struct gpu_limits limits;
    uint32_t max_groups;   /* per dimension of a dispatch */
    uint64_t submit_flops; /* budget of one submission */
    uint64_t block_bytes;  /* largest buffer that the host is told to ask for */
    VkDevice handle;
    VkQueue queue;
    VkCommandPool commands;
    VkFence fences[2]; /* of the two submissions that may be on their way in an entry; none returns before they ended */
    pln_plan *flights; /* runs that plan_submit began and nobody has waited for, a list; each has a fence of its own */

    struct vkb_block *blocks;
    uint64_t allocated[VK_MAX_MEMORY_HEAPS]; /* bytes, by this device object */
    bool mapped;                             /* values are written through a mapping, */
    bool cached;                             /* and read through it without penalty */
    struct vkb_staging staging;

    VkDescriptorSetLayout set_layouts[GPU_SLOTS + 2]; /* [n]: of kernels with n bindings, binding 0 included */
    VkPipelineLayout layouts[GPU_SLOTS + 2];
    VkPipelineCache cache;
    bool cache_grew;
    struct vkb_pipeline *pipelines;

    bool lost;
    char complaint[400]; /* first validation message since the last entry, "" if none */
};

/* An instance on which the validation layer reports to `validated`; NULL: without the layer. */
pln_status vkb_instance_init(struct vkb_instance *instance, pln_device *validated, pln_failure *error);
void vkb_instance_finish(struct vkb_instance *instance);

enum { VKB_PHYSICALS = 16 }; /* more are not listed */

/* Describes the physical devices in the loader's order, usable or not; info.flags tells. Returns how many. */
pln_status vkb_enumerate(const struct vkb_instance *instance, struct vkb_physical physicals[VKB_PHYSICALS], uint32_t *n,
                         pln_failure *error);

pln_status vkb_device_open(uint32_t index, const pln_host *host, const uint64_t options[VKB_OPTIONS],
                           pln_device **device, pln_failure *error);
void vkb_device_close(pln_device **device);

/* At the door of an entry: fails if the device is lost or the validation layer complained since the last entry. */
pln_status vkb_begin(pln_device *device, pln_failure *error);
/* Turns a failed call into a status: no memory, device lost (from then on, for good), or failed. */
pln_status vkb_fail(pln_device *device, VkResult result, const char *call, pln_failure *error);

/* ---- matrices.c: cooperative matrices */

/* Fills physical->matrix. */
void vkb_matrices_find(const struct vkb_functions *vk, struct vkb_physical *physical);
/* Turns matrix=yes into limits, or says why it cannot be had. */
pln_status vkb_matrices_choose(pln_device *device, pln_failure *error);
/* Features that such a device is opened with: a chain for pNext, only to be read; NULL without matrix=yes. */
void *vkb_matrices_features(const pln_device *device);

/* ---- memory.c: where buffers live */

enum vkb_memory { VKB_MEMORY_VALUES, VKB_MEMORY_HOST };

/* Fills value_type and host_type from the types in `bits`. False if there are none. */
bool vkb_memory_choose(struct vkb_physical *physical, uint32_t bits, bool discrete);
/* Bytes of the largest buffer that the host should ask for; option is that of block=. */
uint64_t vkb_block_limit(const struct vkb_physical *physical, uint64_t option);

struct pln_buffer {
    VkBuffer handle;
    uint64_t bytes; /* as asked for */
    char *mapped;   /* NULL if the memory is not mapped */
    struct vkb_block *block;
    uint64_t block_offset, block_bytes; /* its place in the block */
    struct pln_buffer *next;            /* in the block, by place */
};

/* Bytes that the driver says are left where values live; 0: it does not say. */
uint64_t vkb_memory_free(const pln_device *device);

/* Chooses the memory types of an open device and makes its staging, if it needs any. */
pln_status vkb_memory_init(pln_device *device, pln_failure *error);

/* Returns new; PLN_NO_MEMORY names the bytes and the heap, and nothing is left behind. Bytes are rounded up to what
 * vkb_buffer_round says. */
pln_status vkb_buffer_create(pln_device *device, uint64_t bytes, enum vkb_memory memory, pln_buffer **buffer,
                             pln_failure *error);
void vkb_buffer_destroy(pln_device *device, pln_buffer **buffer);
uint64_t vkb_buffer_round(uint64_t bytes);

/* ---- transfer.c: bytes to and from buffers, submissions, constants */

pln_status vkb_staging_init(pln_device *device, pln_failure *error);
void vkb_staging_finish(pln_device *device);

/* Both block until the data is there; neither submits anything when the memory is mapped and cached. */
pln_status vkb_buffer_write(pln_device *device, pln_buffer *buffer, uint64_t offset, uint64_t bytes, const void *data,
                            pln_failure *error);
pln_status vkb_buffer_read(pln_device *device, pln_buffer *buffer, uint64_t offset, uint64_t bytes, void *data,
                           pln_failure *error);

/* Submits one command buffer under a fence of the device, 0 or 1. */
pln_status vkb_submit(pln_device *device, VkCommandBuffer commands, uint32_t fence, pln_failure *error);
/* Waits for it as long as the driver says that the device is alive. */
pln_status vkb_wait(pln_device *device, uint32_t fence, pln_failure *error);
/* The same for any fence, which stays signalled, and at most so many nanoseconds: PLN_TIMED_OUT. UINT64_MAX: no limit. */
pln_status vkb_wait_for(pln_device *device, VkFence fence, uint64_t limit_ns, pln_failure *error);
/* Everything before it is done and visible to everything after it, the host's reads included. */
void vkb_barrier_all(const pln_device *device, VkCommandBuffer commands);

struct pln_constant {
    struct gpu_constant_layout layout; /* first: gpu_lower looks there */
    pln_buffer *buffer;
};

pln_status vkb_constant_create(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                               pln_failure *error);
void vkb_constant_destroy(pln_device *device, pln_constant **constant);

/* ---- launch.c, cache.c: pipelines, kept by the device until it is closed */

struct vkb_pipeline {
    struct vkb_pipeline *next;
    VkPipeline handle;
    const char *kernel;
    uint32_t n_bindings; /* binding 0 included */
    uint32_t n_specs;
    uint32_t specs[GPU_SPECS];
};

/* The pipeline of a launch, made on first use; the device owns it. */
pln_status vkb_pipeline_get(pln_device *device, const struct gpu_launch *launch, struct vkb_pipeline **pipeline,
                            pln_failure *error);
void vkb_pipelines_finish(pln_device *device);
/* "linear 128,64,64,16" */
void vkb_kernel_name(const char *kernel, uint32_t n_specs, const uint32_t *specs,
                     char name[sizeof((pln_launch_info *)NULL)->name]);
/* That name and, where the driver tells, what its compiler made of the kernel. */
void vkb_pipeline_describe(const pln_device *device, const struct vkb_pipeline *pipeline, pln_launch_info *info);

/* An unreadable or foreign file is an empty cache, a file that cannot be written a warning in the log. */
pln_status vkb_cache_open(pln_device *device, pln_failure *error);
void vkb_cache_close(pln_device *device);

/* ---- steps.c: what a segment comes to */

struct vkb_binding { /* of a step; slot 0 is the plan buffer */
    const pln_buffer *buffer;
    uint64_t offset, bytes;
    bool shared;  /* some step may write there: barriers look at it */
    bool written; /* by this step */
};

struct vkb_step {         /* one dispatch */
    struct gpu_step step; /* first */
    uint32_t submission;
    struct vkb_pipeline *pipeline;
    VkDescriptorSet set;
    struct vkb_binding bindings[GPU_SLOTS + 1];
};

struct vkb_steps {        /* exists during plan_create and a dry plan_info */
    struct gpu_steps all; /* of vkb_step */
    uint32_t n_submissions;
};

/* gpu_steps_create with steps of that kind, cut into submissions; released by gpu_steps_release on PLN_OK only. */
pln_status vkb_steps_create(pln_device *device, const pln_segment *segment, struct vkb_steps *steps,
                            pln_failure *error);

/* The plan buffer: dims, records, then for each step a place of its own for outputs that are absent: nothing is written
 * there, but the validation layer believes what a kernel declares. Place n is the end. */
uint64_t vkb_spare_place(const pln_device *device, const struct vkb_steps *steps, uint32_t step);
uint64_t vkb_words_bytes(const pln_device *device, const struct vkb_steps *steps);
uint64_t vkb_control_bytes(const struct vkb_steps *steps);
/* All that a plan takes. */
uint64_t vkb_own_bytes(const pln_device *device, const struct vkb_steps *steps);
/* The dry plan_info. */
pln_status vkb_steps_tell(pln_device *device, const pln_segment *segment, pln_plan_info *info, pln_failure *error);

/* ---- plan.c, record.c, run.c */

struct pln_plan {
    pln_device *device;
    uint32_t n_nodes, n_symbols, n_launches, n_submissions;
    uint32_t capacity[GPU_DIMS];
    bool timed;
    uint64_t own_bytes;              /* of the three buffers */
    pln_buffer *words;               /* the plan buffer: dims and records */
    pln_buffer *scratch;             /* NULL if no launch wants any */
    pln_buffer *control;             /* host memory: dims on their way, then the sentinel of each submission */
    struct vkb_pipeline **pipelines; /* [n_launches] */
    VkDescriptorPool sets;
    VkCommandPool pool;
    VkCommandBuffer *commands; /* [n_submissions], NULL each on a device that only compiles */
    VkQueryPool queries;       /* two per node when timed */
    VkFence fence;             /* of a run that was submitted: its last command buffer */
    pln_plan *next;            /* among the device's flights */
};

pln_status vkb_plan_create(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *error);
void vkb_plan_destroy(pln_plan **plan);
pln_status vkb_plan_run(pln_plan *plan, const pln_run *run, pln_failure *error);
pln_status vkb_plan_submit(pln_plan *plan, const pln_run *run, pln_failure *error);
pln_status vkb_plan_wait(pln_plan *plan, uint64_t timeout_ns, pln_failure *error);
/* Until every run that was submitted has ended, so that memory may be read and written by the processor. */
pln_status vkb_settle(pln_device *device, pln_failure *error);
pln_status vkb_plan_timing(pln_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_failure *error);
pln_status vkb_plan_info(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                         pln_failure *error);

/* Writes all steps into the plan's command buffers, with the barriers that their ranges ask for. */
pln_status vkb_record(pln_plan *plan, const struct vkb_steps *steps, pln_failure *error);
#endif
