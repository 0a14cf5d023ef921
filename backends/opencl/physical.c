/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the machine: lists every device of every platform with its facts and, where pleione cannot use it, the reason.
 */
#include "backends/opencl/opencl.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    MIN_WORKGROUP = 64,        /* threads of the smallest tiles */
    ALIGNMENT = 256,           /* of values: two cache lines of any device, and 64 floats */
    CPU_ROW_MULTIPLE = 8,      /* rows of the register tile of the cpu variant */
    GPU_ROW_MULTIPLE = 64,     /* rows of the medium tile */
    MAX_BLOCK_BYTES = 1 << 30, /* several drivers fail near their own limit of 4 GiB */
};

/* A quarter of a second on the slowest GPUs: watchdogs kill launches after one or two seconds. */
#define MAX_LAUNCH_FLOPS (UINT64_C(100) * 1000 * 1000 * 1000)

/* What 32-bit element numbers of 4 bytes can reach. */
#define MAX_ALLOC_BYTES (UINT64_C(4) << 32)

static struct clb_system system_state;
static pthread_once_t system_once = PTHREAD_ONCE_INIT;

static void device_text(cl_device_id id, cl_device_info what, char *out, size_t size)
{
    size_t length = 0;
    char text[1024] = "";
    if (clb.GetDeviceInfo(id, what, sizeof text, text, &length) != CL_SUCCESS)
        text[0] = 0;
    text[sizeof text - 1] = 0;
    const char *start = text + strspn(text, " ");
    snprintf(out, size, "%s", start);
}

static uint32_t device_u32(cl_device_id id, cl_device_info what)
{
    cl_uint number = 0;
    return clb.GetDeviceInfo(id, what, sizeof number, &number, NULL) == CL_SUCCESS ? number : 0;
}

static uint64_t device_u64(cl_device_id id, cl_device_info what)
{
    cl_ulong number = 0;
    return clb.GetDeviceInfo(id, what, sizeof number, &number, NULL) == CL_SUCCESS ? number : 0;
}

static uint32_t device_workgroup(cl_device_id id)
{
    size_t number = 0;
    if (clb.GetDeviceInfo(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof number, &number, NULL) != CL_SUCCESS)
        return 0;
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

static uint32_t kind_of(cl_device_type type, bool unified)
{
    if (type & CL_DEVICE_TYPE_CPU)
        return PLN_DEVICE_KIND_CPU;
    if (type & CL_DEVICE_TYPE_GPU)
        return unified ? PLN_DEVICE_KIND_INTEGRATED : PLN_DEVICE_KIND_DISCRETE;
    return PLN_DEVICE_KIND_OTHER;
}

/* "OpenCL 1.2 ..." */
static bool older_than_1_2(const char *version)
{
    int major = 0, minor = 0;
    return sscanf(version, "OpenCL %d.%d", &major, &minor) != 2 || major < 1 || (major == 1 && minor < 2);
}

/* Why pleione cannot use the device, or NULL. */
static const char *refusal(const struct clb_entry *entry, const char *version)
{
    char profile[64];
    device_text(entry->id, CL_DEVICE_PROFILE, profile, sizeof profile);
    uint64_t float_config = device_u64(entry->id, CL_DEVICE_SINGLE_FP_CONFIG);
    if (!device_u32(entry->id, CL_DEVICE_AVAILABLE))
        return "the driver says that the device is not available";
    if (!device_u32(entry->id, CL_DEVICE_COMPILER_AVAILABLE))
        return "the driver has no compiler for OpenCL C: install its full version";
    if (older_than_1_2(version))
        return "OpenCL 1.2 is needed: update the driver";
    if (strcmp(profile, "FULL_PROFILE") != 0)
        return "only the embedded profile is offered, whose arithmetic is not IEEE";
    if ((float_config & CL_FP_INF_NAN) == 0 || (float_config & CL_FP_ROUND_TO_NEAREST) == 0)
        return "its f32 has no infinities and NaN, or does not round to nearest";
    if (!device_u32(entry->id, CL_DEVICE_ENDIAN_LITTLE))
        return "it is big-endian";
    if (entry->limits.max_workgroup < MIN_WORKGROUP)
        return "its work-groups are smaller than 64";
    if (entry->limits.shared_bytes < CLB_LEAST_SHARED)
        return "it has less than 16 KiB of work-group memory";
    return NULL;
}

static void fill_limits(struct clb_entry *entry)
{
    uint64_t shared = device_u64(entry->id, CL_DEVICE_LOCAL_MEM_SIZE);
    entry->max_alloc = device_u64(entry->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    if (entry->max_alloc > MAX_ALLOC_BYTES)
        entry->max_alloc = MAX_ALLOC_BYTES;
    entry->limits = (struct gpu_limits){
        .cpu_variant = entry->info.kind == PLN_DEVICE_KIND_CPU,
        .vendor_id = entry->info.vendor_id,
        .compute_units = device_u32(entry->id, CL_DEVICE_MAX_COMPUTE_UNITS),
        .max_workgroup = device_workgroup(entry->id),
        .shared_bytes = shared > UINT32_MAX ? UINT32_MAX : (uint32_t)shared,
        .offset_alignment = ALIGNMENT,
        .max_range = entry->max_alloc,
        .max_flops = entry->info.kind == PLN_DEVICE_KIND_CPU ? 0 : MAX_LAUNCH_FLOPS,
    };
}

static bool has_extension(cl_device_id id, const char *name)
{
    size_t bytes = 0;
    if (clb.GetDeviceInfo(id, CL_DEVICE_EXTENSIONS, 0, NULL, &bytes) != CL_SUCCESS)
        return false;
    char *all = calloc(bytes + 1, 1);
    const bool has =
        all && clb.GetDeviceInfo(id, CL_DEVICE_EXTENSIONS, bytes, all, NULL) == CL_SUCCESS && strstr(all, name) != NULL;
    free(all);
    return has;
}

/* Words of extensions that the headers of 1.2 lack; zeros where the device has them not. */
static void identify(struct clb_entry *entry)
{
    enum { UUID_KHR = 0x106A, PCI_BUS_INFO_KHR = 0x410F };
    struct {
        cl_uint domain, bus, device, function;
    } pci;
    pln_device_description *info = &entry->info;
    if (has_extension(entry->id, "cl_khr_device_uuid") &&
        clb.GetDeviceInfo(entry->id, UUID_KHR, sizeof info->uuid, info->uuid, NULL) != CL_SUCCESS)
        memset(info->uuid, 0, sizeof info->uuid);
    if (has_extension(entry->id, "cl_khr_pci_bus_info") &&
        clb.GetDeviceInfo(entry->id, PCI_BUS_INFO_KHR, sizeof pci, &pci, NULL) == CL_SUCCESS)
        snprintf(info->pci, sizeof info->pci, "%04x:%02x:%02x.%x", pci.domain & 0xffff, pci.bus & 0xff,
                 pci.device & 0xff, pci.function & 0xf);
}

/* OpenCL has no question for it, one vendor does: kibibytes of all, and of the largest block. */
uint64_t clb_free_bytes(const struct clb_entry *entry)
{
    enum { GLOBAL_FREE_MEMORY_AMD = 0x4039 };
    size_t kibibytes[2] = {0, 0};
    if (!has_extension(entry->id, "cl_amd_device_attribute_query") ||
        clb.GetDeviceInfo(entry->id, GLOBAL_FREE_MEMORY_AMD, sizeof kibibytes, kibibytes, NULL) != CL_SUCCESS)
        return 0;
    const uint64_t bytes = (uint64_t)kibibytes[0] << 10;
    return bytes < entry->info.memory_bytes ? bytes : entry->info.memory_bytes;
}

static void fill_entry(struct clb_entry *entry, cl_platform_id platform, cl_device_id id)
{
    cl_device_type type = device_u64(id, CL_DEVICE_TYPE);
    *entry = (struct clb_entry){.platform = platform, .id = id};
    entry->unified = device_u32(id, CL_DEVICE_HOST_UNIFIED_MEMORY) != 0;
    pln_device_description *info = &entry->info;
    *info = (pln_device_description){
        .size = sizeof *info,
        .kind = kind_of(type, entry->unified),
        .dtypes = 1u << PLN_F32 | 1u << PLN_I32,
        .alignment = ALIGNMENT,
        .f32_bytes = 4,
        .vendor_id = device_u32(id, CL_DEVICE_VENDOR_ID),
        .memory_bytes = device_u64(id, CL_DEVICE_GLOBAL_MEM_SIZE),
    };
    info->row_multiple = info->kind == PLN_DEVICE_KIND_CPU ? CPU_ROW_MULTIPLE : GPU_ROW_MULTIPLE;
    fill_limits(entry);
    info->block_bytes = entry->max_alloc < MAX_BLOCK_BYTES ? entry->max_alloc : MAX_BLOCK_BYTES;

    char platform_name[96] = "", driver[96], version[128];
    clb.GetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof platform_name - 1, platform_name, NULL);
    device_text(id, CL_DEVICE_NAME, info->name, sizeof info->name);
    device_text(id, CL_DRIVER_VERSION, driver, sizeof driver);
    device_text(id, CL_DEVICE_VERSION, version, sizeof version);
    snprintf(info->driver, sizeof info->driver, "%s", platform_name);
    snprintf(info->version, sizeof info->version, "%.40s, %.20s", driver, version);
    snprintf(entry->identity, sizeof entry->identity, "%s|%s|%s|%s", platform_name, info->name, driver, version);
    identify(entry);
    const char *reason = refusal(entry, version);
    if (reason) {
        info->flags |= PLN_DEVICE_FLAG_UNUSABLE;
        snprintf(info->reason, sizeof info->reason, "%s", reason);
    }
}

static void enumerate(void)
{
    if (!clb_load(system_state.reason, sizeof system_state.reason))
        return;
    cl_platform_id platforms[CLB_DEVICES];
    cl_uint n_platforms = 0;
    if (clb.GetPlatformIDs(CLB_DEVICES, platforms, &n_platforms) != CL_SUCCESS)
        n_platforms = 0;
    for (cl_uint p = 0; p < n_platforms && p < CLB_DEVICES; p++) {
        cl_device_id ids[CLB_DEVICES];
        cl_uint n = 0;
        if (clb.GetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, CLB_DEVICES, ids, &n) != CL_SUCCESS)
            continue;
        for (cl_uint i = 0; i < n && i < CLB_DEVICES && system_state.n_entries < CLB_DEVICES; i++)
            fill_entry(&system_state.entries[system_state.n_entries++], platforms[p], ids[i]);
    }
    if (system_state.n_entries == 0)
        snprintf(system_state.reason, sizeof system_state.reason,
                 "OpenCL has no device here: install a driver (for the processor itself: pocl-opencl-icd)");
}

const struct clb_system *clb_system(void)
{
    pthread_once(&system_once, enumerate);
    return &system_state;
}

pln_status clb_entry_find(uint32_t index, const struct clb_entry **entry, pln_failure *error)
{
    const struct clb_system *machine = clb_system();
    if (machine->n_entries == 0)
        return pln_failed(error, PLN_NO_DEVICE, -1, "%s", machine->reason);
    if (index >= machine->n_entries)
        return pln_failed(error, PLN_NO_DEVICE, -1, "opencl has %u devices, there is no opencl:%u", machine->n_entries,
                          index);
    *entry = &machine->entries[index];
    return PLN_OK;
}
