/* SPDX-License-Identifier: Apache-2.0
 *
 * From a lowered launch to a kernel object: the program of (text, specialization constants) comes from the device's
 * list, from the cache on disk, or from the compiler.
 */
#include "backends/opencl/opencl.h"

#include <string.h>

struct clb_program {
    struct clb_program *next;
    const struct gpu_text *text;
    uint32_t n_specs;
    uint32_t specs[GPU_SPECS];
    cl_program program;
};

enum { OPTION_BYTES = 32 + GPU_SPECS * 20 };

static struct clb_program *find_program(const pln_device *device, const struct gpu_text *text,
                                        const struct gpu_launch *launch)
{
    struct clb_program *p = device->programs;
    while (p && (p->text != text || p->n_specs != launch->n_specs ||
                 memcmp(p->specs, launch->specs, launch->n_specs * sizeof p->specs[0]) != 0))
        p = p->next;
    return p;
}

/* The compiler's whole log goes to the host's log, its first line into the error. */
static pln_status fail_build(pln_device *device, cl_program program, const char *kernel, const char *options,
                             pln_failure *error)
{
    const pln_host *host = device->host;
    size_t size = 0;
    clb.GetProgramBuildInfo(program, device->entry->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *text = host->allocate(host->context, size + 1);
    if (text && size)
        clb.GetProgramBuildInfo(program, device->entry->id, CL_PROGRAM_BUILD_LOG, size, text, NULL);
    if (text && host->log)
        host->log(host->context, PLN_LOG_LEVEL_ERROR, text);
    int first_line = text ? (int)strcspn(text, "\n") : 0;
    pln_status status = pln_failed(error, PLN_FAILED, -1, "%s: kernel %s (%s) does not compile: %.*s",
                                   device->entry->info.name, kernel, options, first_line, text ? text : "");
    host->release(host->context, text);
    return status;
}

/* NULL if there is no stored binary or the driver refuses it: an update may have changed more than the version says. */
static cl_program load_program(pln_device *device, const struct gpu_text *text, const char *options)
{
    struct clb_blob blob;
    cl_device_id id = device->entry->id;
    if (!clb_cache_load(device, text, options, &blob))
        return NULL;
    const unsigned char *bytes = blob.bytes;
    cl_int accepted = CL_INVALID_BINARY, code = CL_SUCCESS;
    cl_program program = clb.CreateProgramWithBinary(device->context, 1, &id, &blob.size, &bytes, &accepted, &code);
    device->host->release(device->host->context, blob.bytes);
    if (code == CL_SUCCESS && accepted == CL_SUCCESS)
        code = clb.BuildProgram(program, 1, &id, options, NULL, NULL);
    if (code == CL_SUCCESS && accepted == CL_SUCCESS)
        return program;
    if (program)
        clb.ReleaseProgram(program);
    return NULL;
}

static void store_program(pln_device *device, cl_program program, const struct gpu_text *text, const char *options)
{
    const pln_host *host = device->host;
    struct clb_blob blob = {0};
    if (!host->cache_directory || !host->cache_directory(host->context))
        return;
    if (clb.GetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof blob.size, &blob.size, NULL) != CL_SUCCESS ||
        blob.size == 0)
        return;
    blob.bytes = host->allocate(host->context, blob.size);
    if (blob.bytes &&
        clb.GetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof blob.bytes, &blob.bytes, NULL) == CL_SUCCESS)
        clb_cache_store(device, text, options, &blob);
    host->release(host->context, blob.bytes);
}

static pln_status compile_program(pln_device *device, const struct gpu_text *text, const char *options,
                                  cl_program *program, pln_failure *error)
{
    const char *source = text->bytes;
    cl_int code = CL_SUCCESS;
    cl_device_id id = device->entry->id;
    *program = clb.CreateProgramWithSource(device->context, 1, &source, &text->size, &code);
    if (code != CL_SUCCESS)
        return clb_fail(device, code, "clCreateProgramWithSource", error);
    code = clb.BuildProgram(*program, 1, &id, options, NULL, NULL);
    if (code == CL_SUCCESS) {
        store_program(device, *program, text, options);
        return PLN_OK;
    }
    pln_status status = code == CL_BUILD_PROGRAM_FAILURE ? fail_build(device, *program, text->kernel, options, error)
                                                         : clb_fail(device, code, "clBuildProgram", error);
    clb.ReleaseProgram(*program);
    *program = NULL;
    return status;
}

static pln_status get_program(pln_device *device, const struct gpu_launch *launch, struct clb_program **program,
                              pln_failure *error)
{
    const struct gpu_text *text = gpu_text_find(launch->kernel);
    const pln_host *host = device->host;
    char options[OPTION_BYTES];
    if (!text)
        return pln_failed(error, PLN_FAILED, -1, "opencl: the plugin was built without the kernel %s", launch->kernel);
    *program = find_program(device, text, launch);
    if (*program)
        return PLN_OK;
    struct clb_program *made = host->allocate(host->context, sizeof *made);
    if (!made)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for a program, %zu bytes", sizeof *made);
    gpu_opencl_options(launch, options, sizeof options);
    made->text = text;
    made->n_specs = launch->n_specs;
    memcpy(made->specs, launch->specs, sizeof made->specs);
    made->program = load_program(device, text, options);
    pln_status status = made->program ? PLN_OK : compile_program(device, text, options, &made->program, error);
    if (status != PLN_OK) {
        host->release(host->context, made);
        return status;
    }
    made->next = device->programs;
    device->programs = made;
    *program = made;
    return PLN_OK;
}

/* A compiler that needs many registers may allow fewer threads than the device. */
static pln_status check_workgroup(pln_device *device, const struct gpu_launch *launch, cl_kernel kernel,
                                  pln_failure *error)
{
    size_t most = 0;
    cl_int code =
        clb.GetKernelWorkGroupInfo(kernel, device->entry->id, CL_KERNEL_WORK_GROUP_SIZE, sizeof most, &most, NULL);
    if (code != CL_SUCCESS)
        return clb_fail(device, code, "clGetKernelWorkGroupInfo", error);
    if (launch->workgroup <= most)
        return PLN_OK;
    return pln_failed(error, PLN_UNSUPPORTED, -1, "%s: kernel %s was compiled for at most %zu threads, %u are needed",
                      device->entry->info.name, launch->kernel, most, launch->workgroup);
}

pln_status clb_kernel_create(pln_device *device, const struct gpu_launch *launch, cl_kernel *kernel, pln_failure *error)
{
    struct clb_program *program = NULL;
    cl_int code = CL_SUCCESS;
    *kernel = NULL;
    pln_status status = get_program(device, launch, &program, error);
    if (status != PLN_OK)
        return status;
    *kernel = clb.CreateKernel(program->program, launch->kernel, &code);
    if (code != CL_SUCCESS)
        return clb_fail(device, code, "clCreateKernel", error);
    status = check_workgroup(device, launch, *kernel, error);
    if (status != PLN_OK) {
        clb.ReleaseKernel(*kernel);
        *kernel = NULL;
    }
    return status;
}

/* What the compiler tells: OpenCL has no word for registers, and for spills only Intel's drivers have one. */
void clb_kernel_describe(const pln_device *device, const struct clb_step *step, pln_launch_info *info)
{
    enum { SPILL_MEM_SIZE_INTEL = 0x4109 }; /* cl_intel_required_subgroup_size */
    cl_ulong local = 0, spilled = 0;
    size_t multiple = 0;
    cl_device_id id = device->entry->id;
    clb.GetKernelWorkGroupInfo(step->kernel, id, CL_KERNEL_LOCAL_MEM_SIZE, sizeof local, &local, NULL);
    clb.GetKernelWorkGroupInfo(step->kernel, id, SPILL_MEM_SIZE_INTEL, sizeof spilled, &spilled, NULL);
    clb.GetKernelWorkGroupInfo(step->kernel, id, CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE, sizeof multiple,
                               &multiple, NULL);
    *info = (pln_launch_info){
        .size = sizeof *info,
        .spills = (uint32_t)spilled,
        .shared_bytes = (uint32_t)local,
        .subgroup = (uint32_t)multiple,
    };
    snprintf(info->name, sizeof info->name, "%s", step->step.launch.kernel);
}

void clb_programs_destroy(pln_device *device)
{
    while (device->programs) {
        struct clb_program *p = device->programs;
        device->programs = p->next;
        clb.ReleaseProgram(p->program);
        device->host->release(device->host->context, p);
    }
}
