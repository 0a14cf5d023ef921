/* SPDX-License-Identifier: Apache-2.0
 *
 * Device memory: buffers that the host fills and reads, and constants, packed once by the shared layout straight into
 * mapped memory.
 */
#include "backends/opencl/opencl.h"

pln_status clb_memory_create(pln_device *device, uint64_t bytes, const char *what, cl_mem *memory, pln_failure *error)
{
    /* Mapping such memory costs no copy where the device works on the host's memory. */
    cl_mem_flags flags = CL_MEM_READ_WRITE | (device->entry->unified ? CL_MEM_ALLOC_HOST_PTR : 0);
    cl_int code = CL_SUCCESS;
    *memory = NULL;
    pln_status status = clb_begin(device, error);
    if (status != PLN_OK)
        return status;
    if (bytes > device->entry->max_alloc)
        return pln_failed(error, PLN_NO_MEMORY, -1, "%s: %s takes %llu bytes, one buffer can have at most %llu",
                          device->entry->info.name, what, (unsigned long long)bytes,
                          (unsigned long long)device->entry->max_alloc);
    *memory = clb.CreateBuffer(device->context, flags, bytes ? (size_t)bytes : 4, NULL, &code);
    if (code == CL_SUCCESS)
        return PLN_OK;
    *memory = NULL;
    return pln_failed(error, PLN_NO_MEMORY, -1, "%s: no memory for %s, %llu bytes (clCreateBuffer gave %d)",
                      device->entry->info.name, what, (unsigned long long)bytes, (int)code);
}

void clb_memory_destroy(cl_mem *memory)
{
    if (*memory)
        clb.ReleaseMemObject(*memory);
    *memory = NULL;
}

pln_status clb_buffer_create(pln_device *device, uint64_t bytes, pln_buffer **buffer, pln_failure *error)
{
    const pln_host *host = device->host;
    *buffer = NULL;
    pln_buffer *new_buffer = host->allocate(host->context, sizeof *new_buffer);
    if (!new_buffer)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for a buffer, %zu bytes", sizeof *new_buffer);
    pln_status status = clb_memory_create(device, bytes, "a buffer", &new_buffer->memory, error);
    if (status != PLN_OK)
        host->release(host->context, new_buffer);
    else
        *buffer = new_buffer;
    return status;
}

void clb_buffer_destroy(pln_device *device, pln_buffer **buffer)
{
    if (!*buffer)
        return;
    clb_memory_destroy(&(*buffer)->memory);
    device->host->release(device->host->context, *buffer);
    *buffer = NULL;
}

/* Elements are 4 bytes on both sides: nothing is converted. */
static pln_status check_dtype(pln_dtype dtype, pln_failure *error)
{
    if (dtype == PLN_F32 || dtype == PLN_I32)
        return PLN_OK;
    return pln_failed(error, PLN_INVALID, -1, "opencl: buffers hold f32 and i32, not data type %d", (int)dtype);
}

pln_status clb_buffer_write(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                            const void *data, pln_failure *error)
{
    pln_status status = clb_begin(device, error);
    if (status == PLN_OK)
        status = check_dtype(dtype, error);
    if (status != PLN_OK || count == 0)
        return status;
    cl_int code = clb.EnqueueWriteBuffer(device->queue, buffer->memory, CL_TRUE, (size_t)offset, (size_t)(count * 4),
                                         data, 0, NULL, NULL);
    return code == CL_SUCCESS ? PLN_OK : clb_fail(device, code, "clEnqueueWriteBuffer", error);
}

pln_status clb_buffer_read(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                           void *data, pln_failure *error)
{
    pln_status status = clb_begin(device, error);
    if (status == PLN_OK)
        status = check_dtype(dtype, error);
    if (status != PLN_OK || count == 0)
        return status;
    cl_int code = clb.EnqueueReadBuffer(device->queue, buffer->memory, CL_TRUE, (size_t)offset, (size_t)(count * 4),
                                        data, 0, NULL, NULL);
    return code == CL_SUCCESS ? PLN_OK : clb_fail(device, code, "clEnqueueReadBuffer", error);
}

/* Packs into the mapped buffer: no second copy of a weight in host memory. */
static pln_status fill_constant(pln_device *device, const pln_constant_info *info, pln_constant *constant,
                                pln_failure *error)
{
    cl_int code = CL_SUCCESS;
    size_t bytes = (size_t)constant->bytes;
    void *mapped = clb.EnqueueMapBuffer(device->queue, constant->memory, CL_TRUE, CL_MAP_WRITE_INVALIDATE_REGION, 0,
                                        bytes, 0, NULL, NULL, &code);
    if (code != CL_SUCCESS)
        return clb_fail(device, code, "clEnqueueMapBuffer", error);
    const pln_status packed = gpu_constant_pack(device->host, info, &constant->layout, mapped, error);
    code = clb.EnqueueUnmapMemObject(device->queue, constant->memory, mapped, 0, NULL, NULL);
    if (code != CL_SUCCESS)
        return clb_fail(device, code, "clEnqueueUnmapMemObject", error);
    code = clb.Finish(device->queue);
    if (code != CL_SUCCESS)
        return clb_fail(device, code, "clFinish", error);
    return packed;
}

pln_status clb_constant_create(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                               pln_failure *error)
{
    const pln_host *host = device->host;
    *constant = NULL;
    pln_constant *new_constant = host->allocate(host->context, sizeof *new_constant);
    if (!new_constant)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for a constant, %zu bytes", sizeof *new_constant);
    new_constant->layout = gpu_constant_layout(&device->limits, info);
    new_constant->bytes = gpu_constant_bytes(&new_constant->layout);
    pln_status status = clb_memory_create(device, new_constant->bytes, info->name ? info->name : "a constant",
                                          &new_constant->memory, error);
    if (status == PLN_OK)
        status = fill_constant(device, info, new_constant, error);
    *constant = new_constant;
    if (status != PLN_OK)
        clb_constant_destroy(device, constant);
    return status;
}

void clb_constant_destroy(pln_device *device, pln_constant **constant)
{
    if (!*constant)
        return;
    clb_memory_destroy(&(*constant)->memory);
    device->host->release(device->host->context, *constant);
    *constant = NULL;
}
