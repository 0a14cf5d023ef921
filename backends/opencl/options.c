/* SPDX-License-Identifier: Apache-2.0
 *
 * The device options: what they are called, and what they change of a device that is being opened.
 */
#include "backends/opencl/opencl.h"

#include <stdlib.h>
#include <string.h>

const pln_setting_info clb_option_infos[] = {
    SETTING("variant", "gpu|cpu", "kernels for GPUs, or for devices that are CPUs (default: by type of device)", NULL),
    SETTING("tile", gpu_tile_words, "tile of an op; once for each op (default: by vendor and shape)", NULL),
    SETTING("storage", gpu_storage_words, "how weights of linear are stored; products are summed in f32", "f32"),
    SETTING("vendor", gpu_vendor_words, "whose tiles are taken (default: that of the device)", NULL),
    SETTING_NUMBER("shared", "bytes of work-group memory that kernels may use", NULL, 0, 0),
    SETTING_NUMBER("range", "bytes that one operand of a launch may span; longer ones are cut into windows of rows",
                   NULL, 0, 0),
    SETTING_NUMBER("block", "bytes of one buffer", NULL, 0, 0),
    {0},
};

/* A whole number in [least, most]; the sentence names key, value and what is allowed. */
static pln_status read_number(const pln_option *option, uint64_t least, uint64_t most, uint64_t *number,
                              pln_failure *error)
{
    char *end = NULL;
    unsigned long long n = strtoull(option->value, &end, 10);
    bool digits = option->value[0] >= '0' && option->value[0] <= '9';
    if (digits && *end == 0 && n >= least && n <= most) {
        *number = n;
        return PLN_OK;
    }
    return pln_failed(error, PLN_INVALID, -1, "opencl: option %s=%s: a number from %llu to %llu is needed", option->key,
                      option->value, (unsigned long long)least, (unsigned long long)most);
}

/* The place of a word in "one|two|three", or an error. */
static pln_status read_word(const pln_option *option, const char *words, uint64_t *place, pln_failure *error)
{
    const int found = gpu_find_word(words, option->value);
    *place = (uint64_t)found;
    return found != GPU_NO_WORD ? PLN_OK
                                : pln_failed(error, PLN_INVALID, -1, "opencl: option %s=%s: %s is expected",
                                             option->key, option->value, words);
}

static pln_status apply_option(pln_device *device, const pln_option *option, bool *cpu_asked, pln_failure *error)
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
        if (status == PLN_OK)
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
        status =
            pln_failed(error, PLN_INVALID, -1,
                       "opencl: unknown option %s=%s (known: variant, tile, storage, vendor, shared, range, block)",
                       option->key, option->value);
    }
    return status;
}

pln_status clb_options_apply(pln_device *device, const pln_option *options, uint32_t n_options, pln_failure *error)
{
    bool cpu_asked = false;
    pln_status status = PLN_OK;
    for (uint32_t i = 0; i < n_options && status == PLN_OK; i++)
        status = apply_option(device, &options[i], &cpu_asked, error);
    if (status == PLN_OK)
        status = gpu_variant_choose(&device->limits, device->host, cpu_asked,
                                    device->limits.tiles || pln_option_value(options, n_options, "vendor"), error);
    return status;
}
