/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the host's cache directory, gives the pipeline cache of this driver and writes it back when it grew. Drivers do
 * not always survive a damaged cache, so the file carries its own length and checksum.
 */
#define _POSIX_C_SOURCE 200809L
#include "backends/vulkan/vulkan.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hash.h"

enum { PATH_BYTES = 1024, LARGEST_CACHE = 64 << 20 };

struct header {
    char magic[8];
    uint64_t identity; /* of the driver */
    uint64_t bytes;    /* that follow */
    uint64_t checksum; /* of them */
};
static const char magic[8] = "plnvkb1";

/* The UUID alone does not do: lavapipe 22.3 gives the same one for every build. */
static uint64_t driver_identity(const pln_device *device)
{
    const VkPhysicalDeviceProperties *properties = &device->physical.properties;
    const uint32_t numbers[] = {properties->vendorID, properties->deviceID, properties->driverVersion,
                                properties->apiVersion};
    uint64_t identity = hash_bytes(hash_begin, numbers, sizeof numbers);
    identity = hash_bytes(identity, properties->pipelineCacheUUID, sizeof properties->pipelineCacheUUID);
    identity = hash_bytes(identity, properties->deviceName, strlen(properties->deviceName));
    return hash_bytes(identity, device->physical.info.driver, strlen(device->physical.info.driver));
}

/* False if there is no cache directory or its name is too long. */
static bool cache_path(const pln_device *device, char path[PATH_BYTES])
{
    const char *directory = device->host->cache_directory(device->host->context);
    if (!directory)
        return false;
    int length = snprintf(path, PATH_BYTES - 8, "%s/vulkan-%016" PRIx64 ".cache", directory, driver_identity(device));
    return length > 0 && length < PATH_BYTES - 8;
}

/* Returns new (host memory), NULL if there is no good file. */
static void *read_cache(const pln_device *device, size_t *bytes)
{
    const pln_host *host = device->host;
    char path[PATH_BYTES];
    struct header header;
    /* A pipe that lies there must not hold anybody up. */
    const int fd = cache_path(device, path) ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    FILE *file = fd < 0 ? NULL : fdopen(fd, "rb");
    if (!file) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    void *data = NULL;
    if (fread(&header, sizeof header, 1, file) == 1 && memcmp(header.magic, magic, sizeof magic) == 0 &&
        header.identity == driver_identity(device) && header.bytes && header.bytes <= LARGEST_CACHE)
        data = host->allocate(host->context, header.bytes);
    if (data && (fread(data, header.bytes, 1, file) != 1 || hash_bytes(0, data, header.bytes) != header.checksum)) {
        host->release(host->context, data);
        data = NULL;
    }
    fclose(file);
    *bytes = data ? header.bytes : 0;
    return data;
}

pln_status vkb_cache_open(pln_device *device, pln_failure *error)
{
    size_t bytes = 0;
    void *data = read_cache(device, &bytes);
    VkPipelineCacheCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO, .initialDataSize = bytes, .pInitialData = data};
    VkResult result = device->instance.vk.CreatePipelineCache(device->handle, &create, NULL, &device->cache);
    device->host->release(device->host->context, data);
    return result == VK_SUCCESS ? PLN_OK : vkb_fail(device, result, "vkCreatePipelineCache", error);
}

/* Through a temporary file, so that no process ever reads half a cache. */
static bool write_cache(const char *path, const struct header *header, const void *data)
{
    char temporary[PATH_BYTES];
    snprintf(temporary, sizeof temporary, "%.*sXXXXXX", PATH_BYTES - 8, path);
    int descriptor = mkstemp(temporary);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (!file) {
        if (descriptor >= 0) {
            close(descriptor);
            unlink(temporary);
        }
        return false;
    }
    bool good = fwrite(header, sizeof *header, 1, file) == 1 && fwrite(data, header->bytes, 1, file) == 1;
    good = fclose(file) == 0 && good;
    if (!good || rename(temporary, path) != 0) {
        unlink(temporary);
        return false;
    }
    return true;
}

static void save(pln_device *device)
{
    const pln_host *host = device->host;
    const struct vkb_functions *vk = &device->instance.vk;
    char path[PATH_BYTES];
    size_t bytes = 0;
    if (!cache_path(device, path) ||
        vk->GetPipelineCacheData(device->handle, device->cache, &bytes, NULL) != VK_SUCCESS || bytes == 0 ||
        bytes > LARGEST_CACHE)
        return;
    void *data = host->allocate(host->context, bytes);
    if (data && vk->GetPipelineCacheData(device->handle, device->cache, &bytes, data) == VK_SUCCESS) {
        struct header header = {
            .identity = driver_identity(device), .bytes = bytes, .checksum = hash_bytes(0, data, bytes)};
        memcpy(header.magic, magic, sizeof magic);
        if (!write_cache(path, &header, data))
            host->log(host->context, PLN_LOG_LEVEL_WARNING, "the Vulkan pipeline cache cannot be written");
    }
    host->release(host->context, data);
}

void vkb_cache_close(pln_device *device)
{
    if (device->cache && device->cache_grew && !device->lost)
        save(device);
    device->instance.vk.DestroyPipelineCache(device->handle, device->cache, NULL);
}
