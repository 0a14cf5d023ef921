/* SPDX-License-Identifier: Apache-2.0
 *
 * The door of the plugin: the table, the devices that it lists, their options, and opening and closing them.
 */
#include "backends/opencl/opencl.h"

#include <stdlib.h>
#include <string.h>

static pln_status find_entry(uint32_t index, const struct clb_entry **entry, pln_error *error)
{
    const struct clb_system *machine = clb_system();
    if (machine->n_entries == 0)
        return pln_fail(error, PLN_NO_DEVICE, "%s", machine->reason);
    if (index >= machine->n_entries)
        return pln_fail(error, PLN_NO_DEVICE, "opencl has %u devices, there is no opencl:%u", machine->n_entries,
                        index);
    *entry = &machine->entries[index];
    return PLN_OK;
}

pln_status clb_device_count(uint32_t *count, pln_error *error)
{
    const struct clb_system *machine = clb_system();
    *count = machine->n_entries;
    return machine->n_entries ? PLN_OK : pln_fail(error, PLN_NO_DEVICE, "%s", machine->reason);
}

pln_status clb_device_info(uint32_t index, const pln_device *device, pln_device_info *info, pln_error *error)
{
    const struct clb_entry *entry = device ? device->entry : NULL;
    if (!entry) {
        pln_status status = find_entry(index, &entry, error);
        if (status)
            return status;
    }
    pln_device_info full = entry->info;
    if (device)
        full.block_bytes = device->block_bytes;
    full.size = info->size < sizeof full ? info->size : (uint32_t)sizeof full;
    memcpy(info, &full, full.size);
    return PLN_OK;
}

/* A whole number in [least, most]; the sentence names key, value and what is allowed. */
static pln_status read_number(const pln_option *option, uint64_t least, uint64_t most, uint64_t *number,
                              pln_error *error)
{
    char *end = NULL;
    unsigned long long n = strtoull(option->value, &end, 10);
    bool digits = option->value[0] >= '0' && option->value[0] <= '9';
    if (digits && *end == 0 && n >= least && n <= most) {
        *number = n;
        return PLN_OK;
    }
    return pln_fail(error, PLN_INVALID, "opencl: option %s=%s: a number from %llu to %llu is needed", option->key,
                    option->value, (unsigned long long)least, (unsigned long long)most);
}

/* The place of a word in "one|two|three", or an error. */
static pln_status read_word(const pln_option *option, const char *words, uint64_t *place, pln_error *error)
{
    const int found = gpu_find_word(words, option->value);
    *place = (uint64_t)found;
    return found != GPU_NO_WORD ? PLN_OK
                                : pln_fail(error, PLN_INVALID, "opencl: option %s=%s: %s is expected", option->key,
                                           option->value, words);
}

static pln_status apply_option(pln_device *device, const pln_option *option, bool *cpu_asked, pln_error *error)
{
    const struct clb_entry *entry = device->entry;
    uint64_t number = 0;
    pln_status status = PLN_OK;
    if (strcmp(option->key, "variant") == 0) {
        status = read_word(option, "gpu|cpu", &number, error);
        device->limits.cpu_variant = *cpu_asked = number == 1;
    } else if (strcmp(option->key, "tile") == 0) {
        status = read_word(option, gpu_tile_words, &number, error);
        device->limits.tiles |= 1u << (number & 31);
    } else if (strcmp(option->key, "storage") == 0) {
        status = read_word(option, gpu_storage_words, &number, error);
        device->limits.half = number == 1;
    } else if (strcmp(option->key, "vendor") == 0) {
        status = read_word(option, gpu_vendor_words, &number, error);
        if (!status)
            device->limits.vendor_id = gpu_vendor_of_word((uint32_t)number);
    } else if (strcmp(option->key, "shared") == 0) {
        status = read_number(option, CLB_LEAST_SHARED, entry->limits.shared_bytes, &number, error);
        device->limits.shared_bytes = (uint32_t)number;
    } else if (strcmp(option->key, "range") == 0) {
        status = read_number(option, CLB_LEAST_RANGE, entry->max_alloc, &number, error);
        device->limits.max_range = number;
    } else if (strcmp(option->key, "block") == 0) {
        status = read_number(option, CLB_LEAST_BLOCK, entry->max_alloc, &number, error);
        device->block_bytes = number;
    } else {
        status = pln_fail(error, PLN_INVALID,
                          "opencl: unknown option %s=%s (known: variant, tile, storage, vendor, shared, range, block)",
                          option->key, option->value);
    }
    return status;
}

static pln_status open_queue(pln_device *device, pln_error *error)
{
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)device->entry->platform, 0};
    cl_device_id id = device->entry->id;
    cl_int code = CL_SUCCESS;
    device->context = clb.CreateContext(properties, 1, &id, NULL, NULL, &code);
    if (code != CL_SUCCESS)
        return clb_fail(device, code, "clCreateContext", error);
    device->queue = clb.CreateCommandQueue(device->context, id, 0, &code);
    return code == CL_SUCCESS ? PLN_OK : clb_fail(device, code, "clCreateCommandQueue", error);
}

pln_status clb_device_open(uint32_t index, const pln_host *host, const pln_option *options, uint32_t n_options,
                           pln_device **device, pln_error *error)
{
    const struct clb_entry *entry = NULL;
    bool cpu_asked = false;
    *device = NULL;
    pln_status status = find_entry(index, &entry, error);
    if (status)
        return status;
    if (entry->info.flags & PLN_DEVICE_UNUSABLE)
        return pln_fail(error, PLN_NO_DEVICE, "%s cannot be used: %s", entry->info.name, entry->info.reason);
    pln_device *opened = host->allocate(host->context, sizeof *opened);
    if (!opened)
        return pln_fail(error, PLN_NO_MEMORY, "no host memory for a device, %zu bytes", sizeof *opened);
    opened->host = host;
    opened->entry = entry;
    opened->limits = entry->limits;
    opened->block_bytes = entry->info.block_bytes;
    for (uint32_t i = 0; i < n_options && !status; i++)
        status = apply_option(opened, &options[i], &cpu_asked, error);
    if (!status)
        status = gpu_variant_choose(&opened->limits, host, cpu_asked,
                                    opened->limits.tiles || pln_option_find(options, n_options, "vendor"), error);
    if (!status)
        status = open_queue(opened, error);
    *device = opened;
    if (status)
        clb_device_close(device);
    return status;
}

void clb_device_close(pln_device **device)
{
    pln_device *d = *device;
    if (!d)
        return;
    clb_programs_destroy(d);
    if (d->timed_queue)
        clb.ReleaseCommandQueue(d->timed_queue);
    if (d->queue)
        clb.ReleaseCommandQueue(d->queue);
    if (d->context)
        clb.ReleaseContext(d->context);
    d->host->release(d->host->context, d);
    *device = NULL;
}

static const pln_backend backend = {
    .size = sizeof backend,
    .abi = PLN_ABI_VERSION,
    .name = "opencl",
    .version = PLEIONE_VERSION,
    .device_count = clb_device_count,
    .device_info = clb_device_info,
    .device_open = clb_device_open,
    .device_close = clb_device_close,
    .buffer_create = clb_buffer_create,
    .buffer_destroy = clb_buffer_destroy,
    .buffer_write = clb_buffer_write,
    .buffer_read = clb_buffer_read,
    .supports = clb_supports,
    .constant_create = clb_constant_create,
    .constant_destroy = clb_constant_destroy,
    .plan_create = clb_plan_create,
    .plan_run = clb_plan_run,
    .plan_destroy = clb_plan_destroy,
    .plan_timing = clb_plan_timing,
    .plan_info = clb_plan_info,
};

PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{
    return abi_min <= PLN_ABI_VERSION && PLN_ABI_VERSION <= abi_max ? &backend : NULL;
}
