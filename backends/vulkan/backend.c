/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of the plugin. Each entry looks at the device's health and at what crosses the door, and hands over.
 */
#include "backends/vulkan/vulkan.h"

#include <pthread.h>
#include <string.h>

/* What there is, found on the first question: an instance takes the drivers a tenth of a second to make. */
static struct {
    pthread_mutex_t lock;
    bool known;
    uint32_t n;
    pln_device_description infos[VKB_PHYSICALS];
} listed = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pln_status list_devices(pln_failure *error)
{
    struct vkb_instance instance = {0};
    static struct vkb_physical physicals[VKB_PHYSICALS]; /* too large for a small stack; the lock guards it too */
    pthread_mutex_lock(&listed.lock);
    pln_status status = PLN_OK;
    if (!listed.known) {
        status = vkb_instance_init(&instance, NULL, error);
        if (status == PLN_OK)
            status = vkb_enumerate(&instance, physicals, &listed.n, error);
        for (uint32_t i = 0; status == PLN_OK && i < listed.n; i++)
            listed.infos[i] = physicals[i].info;
        listed.known = status == PLN_OK;
        vkb_instance_finish(&instance);
    }
    pthread_mutex_unlock(&listed.lock);
    return status;
}

static pln_status device_count(uint32_t *count, pln_failure *error)
{
    *count = 0;
    pln_status status = list_devices(error);
    if (status == PLN_OK)
        *count = listed.n;
    return status;
}

static pln_status device_info(uint32_t index, const pln_device *device, pln_device_description *info,
                              pln_failure *error)
{
    pln_status status = list_devices(error);
    if (status != PLN_OK)
        return status;
    if (index >= listed.n)
        return pln_failed(error, PLN_NO_DEVICE, -1, "there is no Vulkan device %u: there are %u", index, listed.n);
    pln_device_description full = device ? device->physical.info : listed.infos[index];
    if (device)
        full.free_bytes = vkb_memory_free(device);
    settings_describe(vkb_option_infos, device ? &device->settings : NULL, &full);
    pln_give(info, &full);
    return PLN_OK;
}

static pln_status device_open(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *error)
{
    uint64_t chosen[VKB_OPTIONS];
    pln_option options[SETTINGS_MOST];
    const uint32_t n_options = settings_take(opening, options);
    *device = NULL;
    pln_status status = vkb_options_parse(chosen, options, n_options, error);
    if (status == PLN_OK)
        status = vkb_device_open(index, opening->host, chosen, device, error);
    if (status == PLN_OK)
        settings_show(&(*device)->settings, vkb_option_infos, options, n_options);
    return status;
}

static pln_status buffer_create(pln_device *device, uint64_t bytes, pln_buffer **buffer, pln_failure *error)
{
    *buffer = NULL;
    pln_status status = vkb_begin(device, error);
    return status == PLN_OK ? vkb_buffer_create(device, bytes, VKB_MEMORY_VALUES, buffer, error) : status;
}

/* Elements of f32 and i32 are the host's own 4 bytes. */
static pln_status check_window(pln_device *device, const pln_buffer *buffer, uint64_t offset, pln_dtype dtype,
                               uint64_t count, pln_failure *error)
{
    pln_status status = vkb_begin(device, error);
    if (status != PLN_OK)
        return status;
    if (dtype != PLN_F32 && dtype != PLN_I32)
        return pln_failed(error, PLN_INVALID, -1, "a Vulkan buffer holds f32 and i32, not type %d", (int)dtype);
    if (count > UINT64_MAX / 4 || offset > buffer->bytes || count * 4 > buffer->bytes - offset)
        return pln_failed(error, PLN_INVALID, -1, "%llu elements at %llu do not fit a buffer of %llu bytes",
                          (unsigned long long)count, (unsigned long long)offset, (unsigned long long)buffer->bytes);
    return PLN_OK;
}

static pln_status buffer_write(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                               const void *data, pln_failure *error)
{
    pln_status status = check_window(device, buffer, offset, dtype, count, error);
    if (status == PLN_OK)
        status = vkb_settle(device, error);
    return status == PLN_OK && count ? vkb_buffer_write(device, buffer, offset, count * 4, data, error) : status;
}

static pln_status buffer_read(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                              void *data, pln_failure *error)
{
    pln_status status = check_window(device, buffer, offset, dtype, count, error);
    if (status == PLN_OK)
        status = vkb_settle(device, error);
    return status == PLN_OK && count ? vkb_buffer_read(device, buffer, offset, count * 4, data, error) : status;
}

static pln_status supports(pln_device *device, const pln_segment *segment, pln_verdict *verdicts,
                           uint32_t verdict_stride, pln_failure *error)
{
    pln_status status = vkb_begin(device, error);
    for (uint32_t i = 0; status == PLN_OK && i < segment->n_nodes; i++)
        gpu_supports(&device->limits, segment, i,
                     (pln_verdict *)(void *)((char *)(void *)verdicts + (size_t)i * verdict_stride));
    return status;
}

static pln_status constant_create(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                                  pln_failure *error)
{
    *constant = NULL;
    pln_status status = vkb_begin(device, error);
    return status == PLN_OK ? vkb_constant_create(device, info, constant, error) : status;
}

static pln_status plan_create(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *error)
{
    *plan = NULL;
    pln_status status = vkb_begin(device, error);
    return status == PLN_OK ? vkb_plan_create(device, segment, plan, error) : status;
}

static pln_status plan_run(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    pln_status status = vkb_begin(plan->device, error);
    return status == PLN_OK ? vkb_plan_run(plan, run, error) : status;
}

static pln_status plan_submit(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    pln_status status = vkb_begin(plan->device, error);
    return status == PLN_OK ? vkb_plan_submit(plan, run, error) : status;
}

static pln_status plan_timing(pln_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_failure *error)
{
    pln_status status = vkb_begin(plan->device, error);
    return status == PLN_OK ? vkb_plan_timing(plan, node_ns, n_nodes, error) : status;
}

static pln_status plan_info(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                            pln_failure *error)
{
    pln_status status = vkb_begin(device, error);
    return status == PLN_OK ? vkb_plan_info(device, segment, plan, info, error) : status;
}

static pln_status device_health(pln_device *device, pln_failure *error)
{
    pln_status status = vkb_begin(device, error);
    if (status != PLN_OK || device->physical.compiles_only)
        return status;
    const VkResult result = device->instance.vk.DeviceWaitIdle(device->handle);
    return result == VK_SUCCESS ? PLN_OK : vkb_fail(device, result, "vkDeviceWaitIdle", error);
}

static const pln_backend backend = {
    .size = sizeof backend,
    .abi = PLN_ABI_VERSION,
    .name = "vulkan",
    .version = PLEIONE_VERSION,
    .device_count = device_count,
    .device_info = device_info,
    .device_open = device_open,
    .device_close = vkb_device_close,
    .buffer_create = buffer_create,
    .buffer_destroy = vkb_buffer_destroy,
    .buffer_write = buffer_write,
    .buffer_read = buffer_read,
    .supports = supports,
    .constant_create = constant_create,
    .constant_destroy = vkb_constant_destroy,
    .plan_create = plan_create,
    .plan_run = plan_run,
    .plan_destroy = vkb_plan_destroy,
    .plan_timing = plan_timing,
    .plan_info = plan_info,
    .plan_submit = plan_submit,
    .plan_wait = vkb_plan_wait,
    .device_health = device_health,
};

PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{
    return abi_min <= PLN_ABI_VERSION && PLN_ABI_VERSION <= abi_max ? &backend : NULL;
}
