/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the name of a shared library, gives the functions of the API. Nothing is linked: a machine without Vulkan pays
 * one failed dlopen and gets a sentence.
 */
#include "backends/vulkan/vulkan.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

/* The loader stays loaded: drivers below it start threads and register exit handlers that outlive any dlclose. */
static struct {
    pthread_once_t once;
    PFN_vkGetInstanceProcAddr get;
} library = {.once = PTHREAD_ONCE_INIT};

static void open_library(void)
{
    void *handle = dlopen(VKB_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return;
    void *symbol = dlsym(handle, "vkGetInstanceProcAddr");
    memcpy(&library.get, &symbol, sizeof symbol);
}

pln_status vkb_load_global(struct vkb_functions *vk, pln_failure *error)
{
    pthread_once(&library.once, open_library);
    if (!library.get)
        return pln_failed(error, PLN_NO_DEVICE, -1, "there is no Vulkan loader (%s): install it and a driver",
                          VKB_LIBRARY);
#define VKB_LOAD(name) vk->name = (PFN_vk##name)library.get(NULL, "vk" #name);
#define VKB_SKIP(name)
    VKB_FUNCTIONS(VKB_LOAD, VKB_SKIP, VKB_SKIP)
#undef VKB_LOAD
    uint32_t version = VK_API_VERSION_1_0;
    if (vk->EnumerateInstanceVersion)
        vk->EnumerateInstanceVersion(&version);
    if (version < VK_API_VERSION_1_1)
        return pln_failed(error, PLN_NO_DEVICE, -1, "the Vulkan loader offers 1.0, 1.1 is needed: update it");
    return PLN_OK;
}

pln_status vkb_load_instance(struct vkb_functions *vk, VkInstance instance, pln_failure *error)
{
    const char *missing = NULL;
#define VKB_LOAD(name) vk->name = (PFN_vk##name)library.get(instance, "vk" #name);
#define VKB_NEED(name)                                                                                                 \
    VKB_LOAD(name)                                                                                                     \
    if (!vk->name)                                                                                                     \
        missing = "vk" #name;
    VKB_FUNCTIONS(VKB_SKIP, VKB_NEED, VKB_LOAD)
    return missing ? pln_failed(error, PLN_NO_DEVICE, -1, "the Vulkan loader lacks %s", missing) : PLN_OK;
}
