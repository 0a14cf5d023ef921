/* SPDX-License-Identifier: Apache-2.0
 *
 * What a code of OpenCL comes to: a status and a sentence with the call.
 */
#include "backends/opencl/opencl.h"

/* What the codes that the plugin can meet mean. */
static const struct {
    cl_int code;
    pln_status status;
    const char *name;
} codes[] = {
    {CL_DEVICE_NOT_AVAILABLE, PLN_DEVICE_LOST, "CL_DEVICE_NOT_AVAILABLE"},
    {CL_OUT_OF_RESOURCES, PLN_DEVICE_LOST, "CL_OUT_OF_RESOURCES"},
    {CL_INVALID_COMMAND_QUEUE, PLN_DEVICE_LOST, "CL_INVALID_COMMAND_QUEUE"},
    {CL_INVALID_CONTEXT, PLN_DEVICE_LOST, "CL_INVALID_CONTEXT"},
    {CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, PLN_DEVICE_LOST, "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST"},
    {CL_MEM_OBJECT_ALLOCATION_FAILURE, PLN_NO_MEMORY, "CL_MEM_OBJECT_ALLOCATION_FAILURE"},
    {CL_OUT_OF_HOST_MEMORY, PLN_NO_MEMORY, "CL_OUT_OF_HOST_MEMORY"},
    {CL_INVALID_BUFFER_SIZE, PLN_NO_MEMORY, "CL_INVALID_BUFFER_SIZE"},
    {CL_MAP_FAILURE, PLN_NO_MEMORY, "CL_MAP_FAILURE"},
    {CL_BUILD_PROGRAM_FAILURE, PLN_FAILED, "CL_BUILD_PROGRAM_FAILURE"},
    {CL_COMPILER_NOT_AVAILABLE, PLN_FAILED, "CL_COMPILER_NOT_AVAILABLE"},
    {CL_INVALID_BINARY, PLN_FAILED, "CL_INVALID_BINARY"},
    {CL_INVALID_BUILD_OPTIONS, PLN_FAILED, "CL_INVALID_BUILD_OPTIONS"},
    {CL_INVALID_PROGRAM_EXECUTABLE, PLN_FAILED, "CL_INVALID_PROGRAM_EXECUTABLE"},
    {CL_INVALID_KERNEL_NAME, PLN_FAILED, "CL_INVALID_KERNEL_NAME"},
    {CL_INVALID_KERNEL_ARGS, PLN_FAILED, "CL_INVALID_KERNEL_ARGS"},
    {CL_INVALID_ARG_INDEX, PLN_FAILED, "CL_INVALID_ARG_INDEX"},
    {CL_INVALID_ARG_SIZE, PLN_FAILED, "CL_INVALID_ARG_SIZE"},
    {CL_INVALID_MEM_OBJECT, PLN_FAILED, "CL_INVALID_MEM_OBJECT"},
    {CL_INVALID_VALUE, PLN_FAILED, "CL_INVALID_VALUE"},
    {CL_INVALID_WORK_GROUP_SIZE, PLN_FAILED, "CL_INVALID_WORK_GROUP_SIZE"},
    {CL_INVALID_GLOBAL_WORK_SIZE, PLN_FAILED, "CL_INVALID_GLOBAL_WORK_SIZE"},
    {CL_PROFILING_INFO_NOT_AVAILABLE, PLN_FAILED, "CL_PROFILING_INFO_NOT_AVAILABLE"},
};

pln_status clb_fail(pln_device *device, cl_int code, const char *call, pln_failure *error)
{
    pln_status status = PLN_FAILED;
    const char *name = "an unknown code";
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].code == code) {
            status = codes[i].status;
            name = codes[i].name;
        }
    if (status == PLN_DEVICE_LOST)
        device->lost = true;
    return pln_failed(error, status, -1, "%s: %s gave %s (%d)%s", device->entry->info.name, call, name, (int)code,
                      status == PLN_DEVICE_LOST ? ": the device is lost until it is closed" : "");
}

pln_status clb_begin(const pln_device *device, pln_failure *error)
{
    if (!device->lost)
        return PLN_OK;
    return pln_failed(error, PLN_DEVICE_LOST, -1, "%s was lost by an earlier failure: close it and open it again",
                      device->entry->info.name);
}
