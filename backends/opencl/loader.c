/* SPDX-License-Identifier: Apache-2.0
 *
 * The library: opened once per process, each function that the plugin calls found by name.
 */
#include "backends/opencl/opencl.h"

#include <dlfcn.h>
#include <string.h>

#ifndef CLB_LIBRARY
#define CLB_LIBRARY "libOpenCL.so.1"
#endif

struct clb_functions clb;

/* The address of a function comes as a data pointer: POSIX says that copying its bytes is right. */
bool clb_load(char *reason, size_t size)
{
    void *library = dlopen(CLB_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(reason, size, "no " CLB_LIBRARY " here: install an OpenCL loader (ocl-icd-libopencl1) and a driver");
        return false;
    }
    const char *missing = NULL;
#define X(name)                                                                                                        \
    {                                                                                                                  \
        void *address = dlsym(library, "cl" #name);                                                                    \
        memcpy(&clb.name, &address, sizeof address);                                                                   \
        if (!address)                                                                                                  \
            missing = "cl" #name;                                                                                      \
    }
    CLB_FUNCTIONS(X)
#undef X
    if (missing)
        snprintf(reason, size, CLB_LIBRARY " lacks %s: OpenCL 1.2 is needed", missing);
    return !missing;
}
