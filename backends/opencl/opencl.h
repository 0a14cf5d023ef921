/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the OpenCL plugin. Only the OpenCL 1.2 API is used, and libOpenCL is loaded at run time: the plugin
 * links nothing, and a machine without OpenCL gets a sentence instead of a load error.
 *
 * Buffers are bound whole: a launch's byte offsets are folded into the `first` words of its record (plan.c).
 * Sub-buffers would need the device's base alignment, a cl_mem per window, and are undefined where two of them overlap.
 */
#ifndef BACKENDS_OPENCL_OPENCL_H
#define BACKENDS_OPENCL_OPENCL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

#include "backends/gpu/steps.h"
#include "common/settings.h"

/* ---- loader.c: the library */

/* Every function of the API that the plugin calls; written clb.Finish(queue). */
#define CLB_FUNCTIONS(X)                                                                                               \
    X(GetPlatformIDs)                                                                                                  \
    X(GetPlatformInfo)                                                                                                 \
    X(GetDeviceIDs)                                                                                                    \
    X(GetDeviceInfo)                                                                                                   \
    X(CreateContext)                                                                                                   \
    X(ReleaseContext)                                                                                                  \
    X(CreateCommandQueue)                                                                                              \
    X(ReleaseCommandQueue)                                                                                             \
    X(CreateBuffer)                                                                                                    \
    X(ReleaseMemObject)                                                                                                \
    X(EnqueueReadBuffer)                                                                                               \
    X(EnqueueWriteBuffer)                                                                                              \
    X(EnqueueMapBuffer)                                                                                                \
    X(EnqueueUnmapMemObject)                                                                                           \
    X(CreateProgramWithSource)                                                                                         \
    X(CreateProgramWithBinary)                                                                                         \
    X(BuildProgram)                                                                                                    \
    X(GetProgramInfo)                                                                                                  \
    X(GetProgramBuildInfo)                                                                                             \
    X(ReleaseProgram)                                                                                                  \
    X(CreateKernel)                                                                                                    \
    X(SetKernelArg)                                                                                                    \
    X(GetKernelWorkGroupInfo)                                                                                          \
    X(ReleaseKernel)                                                                                                   \
    X(EnqueueNDRangeKernel)                                                                                            \
    X(GetEventInfo)                                                                                                    \
    X(GetEventProfilingInfo)                                                                                           \
    X(ReleaseEvent)                                                                                                    \
    X(WaitForEvents)                                                                                                   \
    X(Flush)                                                                                                           \
    X(Finish)

struct clb_functions {
#define X(name) __typeof__(&cl##name) name;
    CLB_FUNCTIONS(X)
#undef X
};
extern struct clb_functions clb; /* filled by clb_load */

/* Opens the library and finds its functions. False, and why not. */
bool clb_load(char *reason, size_t size);

/* ---- physical.c: the devices that there are */

/* One device of one platform, as found. */
struct clb_entry {
    cl_platform_id platform;
    cl_device_id id;
    pln_device_description info; /* with default options */
    struct gpu_limits limits;    /* with default options */
    uint64_t max_alloc;          /* bytes of one buffer */
    bool unified;                /* works on the host's memory */
    char identity[512];          /* platform, device and driver with their versions: the key of compiled programs */
};

enum {
    CLB_DEVICES = 32,
    CLB_LEAST_SHARED = 16 * 1024, /* work-group memory: the smallest tiles need this much */
    CLB_LEAST_RANGE = 64 * 1024,
    CLB_LEAST_BLOCK = 4 * 1024,
};

struct clb_system {
    uint32_t n_entries;
    struct clb_entry entries[CLB_DEVICES];
    char reason[200]; /* why there is none */
};

/* Loads the library and enumerates once per process; thread-safe. */
const struct clb_system *clb_system(void);

/* Bytes of its memory that are free now; 0: the driver does not say. */
uint64_t clb_free_bytes(const struct clb_entry *entry);

/* The device of that number, PLN_NO_DEVICE if there is none. */
pln_status clb_entry_find(uint32_t index, const struct clb_entry **entry, pln_failure *error);

/* ---- context.c, options.c, status.c, backend.c: one open device */

struct clb_program; /* launch.c */

struct pln_device {
    const pln_host *host;          /* borrowed until device_close */
    const struct clb_entry *entry; /* borrowed for ever */
    struct gpu_limits limits;      /* with the options */
    struct settings settings;
    uint64_t block_bytes;
    cl_context context;
    cl_command_queue queue;       /* in order */
    cl_command_queue timed_queue; /* in order, with profiling; NULL until a timed plan asks */
    struct clb_program *programs; /* all that were built, for all plans */
    bool lost;
};

pln_status clb_device_count(uint32_t *count, pln_failure *error);
pln_status clb_device_info(uint32_t index, const pln_device *device, pln_device_description *info, pln_failure *error);
pln_status clb_device_open(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *error);
void clb_device_close(pln_device **device);

/* What the plugin knows of options, up to one without a key. */
extern const pln_setting_info clb_option_infos[];
/* Changes limits and block_bytes of a device that is being opened. */
pln_status clb_options_apply(pln_device *device, const pln_option *options, uint32_t n_options, pln_failure *error);

/* At the door of an entry: PLN_DEVICE_LOST once the device was lost. */
pln_status clb_begin(const pln_device *device, pln_failure *error);

/* Turns the code of a failed call into a status and a sentence; a code that means the device is gone marks it lost. */
pln_status clb_fail(pln_device *device, cl_int code, const char *call, pln_failure *error);

/* ---- memory.c */

struct pln_buffer {
    cl_mem memory;
};

/* Kernels that read a constant find its layout through the first member. */
struct pln_constant {
    struct gpu_constant_layout layout;
    cl_mem memory;
    uint64_t bytes; /* of it */
};

/* Device memory; PLN_NO_MEMORY names `what` and its bytes. *memory is NULL on failure. */
pln_status clb_memory_create(pln_device *device, uint64_t bytes, const char *what, cl_mem *memory, pln_failure *error);
void clb_memory_destroy(cl_mem *memory); /* accepts NULL inside */

pln_status clb_buffer_create(pln_device *device, uint64_t bytes, pln_buffer **buffer, pln_failure *error);
void clb_buffer_destroy(pln_device *device, pln_buffer **buffer);
pln_status clb_buffer_write(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                            const void *data, pln_failure *error);
pln_status clb_buffer_read(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                           void *data, pln_failure *error);
pln_status clb_constant_create(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                               pln_failure *error);
void clb_constant_destroy(pln_device *device, pln_constant **constant);

/* ---- launch.c: from a lowered launch to a kernel object */

/* Returns a new kernel object of the launch's program, which is built, or loaded from the cache, at first use and stays
 * with the device. PLN_FAILED with the compiler's first complaint. */
pln_status clb_kernel_create(pln_device *device, const struct gpu_launch *launch, cl_kernel *kernel,
                             pln_failure *error);
void clb_programs_destroy(pln_device *device);
/* What the compiler tells of the step's kernel object. */
struct clb_step;
void clb_kernel_describe(const pln_device *device, const struct clb_step *step, pln_launch_info *info);

/* ---- cache.c: compiled programs on disk, one file each */

struct clb_blob {
    unsigned char *bytes; /* of the host's allocator */
    size_t size;
};

/* Reads the program stored for the text, options and device. False if there is none that is whole. The caller releases
 * the bytes. */
bool clb_cache_load(const pln_device *device, const struct gpu_text *text, const char *options, struct clb_blob *blob);
/* Stores it, whole or not at all; a full disk or a read-only folder only costs the next start a compilation. */
void clb_cache_store(const pln_device *device, const struct gpu_text *text, const char *options,
                     const struct clb_blob *blob);

/* ---- steps.c: what a segment comes to */

struct clb_step {
    struct gpu_step step; /* first */
    cl_kernel kernel;     /* with all its arguments; NULL until the plan is made */
    cl_event event;       /* of the run under way, else NULL */
};

/* gpu_steps_create with steps of that kind. */
pln_status clb_steps_create(pln_device *device, const pln_segment *segment, struct gpu_steps *steps,
                            pln_failure *error);
/* All that a plan takes. */
uint64_t clb_own_bytes(const struct gpu_steps *steps);
/* The dry plan_info. */
pln_status clb_steps_tell(pln_device *device, const pln_segment *segment, pln_plan_info *info, pln_failure *error);

/* ---- plan.c, run.c */

struct pln_plan {
    pln_device *device;
    cl_command_queue queue;
    uint32_t n_nodes;
    struct gpu_steps steps;  /* of clb_step */
    cl_mem words;            /* binding 0: dims, then the records */
    cl_mem scratch;          /* NULL if no step needs any */
    uint32_t dims[GPU_DIMS]; /* stays put while the upload is under way */
    uint64_t *node_ns;       /* [n_nodes] of a timed plan, else NULL */
};

pln_status clb_plan_create(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *error);
pln_status clb_plan_run(pln_plan *plan, const pln_run *run, pln_failure *error);
pln_status clb_plan_submit(pln_plan *plan, const pln_run *run, pln_failure *error);
pln_status clb_plan_wait(pln_plan *plan, uint64_t timeout_ns, pln_failure *error);
void clb_plan_destroy(pln_plan **plan);
pln_status clb_plan_timing(pln_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_failure *error);
pln_status clb_plan_info(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                         pln_failure *error);
#endif
