/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes KEY=VALUE pairs, gives numbers. One table is the list that the user sees and the list that is read.
 */
#include "backends/vulkan/vulkan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const pln_setting_info vkb_option_infos[VKB_OPTIONS + 1] = {
    [VKB_OPTION_VARIANT] =
        SETTING("variant", "gpu|cpu", "kernels made for GPUs or for drivers that run on the processor", NULL),
    [VKB_OPTION_TILE] =
        SETTING("tile", gpu_tile_words, "tile of an op; once for each op (default: by vendor and shape)", NULL),
    [VKB_OPTION_STORAGE] =
        SETTING("storage", gpu_storage_words, "how weights of linear are stored; products are summed in f32", "f32"),
    [VKB_OPTION_MATRIX] =
        SETTING("matrix", "no|yes", "yes: linear multiplies f16 by f16 as cooperative matrices; sums are f32", "no"),
    [VKB_OPTION_VENDOR] =
        SETTING("vendor", gpu_vendor_words, "whose tiles are taken (default: that of the device)", NULL),
    [VKB_OPTION_SHARED] =
        SETTING_NUMBER("shared", "bytes of shared memory that a work-group may use", NULL, 1, UINT32_MAX * 1024ull),
    [VKB_OPTION_RANGE] = SETTING_NUMBER("range", "bytes that one binding may span", NULL, 1, UINT32_MAX * 1024ull),
    [VKB_OPTION_BLOCK] = SETTING_NUMBER("block", "bytes of one block of memory that buffers are cut from", NULL, 1,
                                        UINT32_MAX * 1024ull),
    [VKB_OPTION_GROUPS] =
        SETTING_NUMBER("groups", "work-groups per dimension of a dispatch", NULL, 1, UINT32_MAX * 1024ull),
    [VKB_OPTION_SUBMIT] =
        SETTING_NUMBER("submit", "million operations of one submission", NULL, 1, UINT32_MAX * 1024ull),
    [VKB_OPTION_MEMORY] =
        SETTING("memory", "auto|discrete", "discrete: never map the memory of values, copy through staging", "auto"),
    [VKB_OPTION_VALIDATE] =
        SETTING("validate", "no|yes", "yes: let the validation layer watch, each message is an error", "no"),
};

static uint64_t parse_word(const char *words, const char *word)
{
    const int place = gpu_find_word(words, word);
    return place == GPU_NO_WORD ? VKB_UNSET : (uint64_t)place;
}

static uint64_t parse_number(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    bool good =
        text[0] >= '0' && text[0] <= '9' && *end == 0 && errno == 0 && value > 0 && value <= UINT32_MAX * 1024ull;
    return good ? value : VKB_UNSET;
}

static int find_key(const char *key)
{
    for (int i = 0; i < VKB_OPTIONS; i++)
        if (strcmp(vkb_option_infos[i].key, key) == 0)
            return i;
    return -1;
}

pln_status vkb_options_parse(uint64_t chosen[VKB_OPTIONS], const pln_option *options, uint32_t n, pln_failure *error)
{
    for (int i = 0; i < VKB_OPTIONS; i++)
        chosen[i] = VKB_UNSET;
    for (uint32_t i = 0; i < n; i++) {
        int key = find_key(options[i].key);
        if (key < 0)
            return pln_failed(error, PLN_INVALID, -1, "a Vulkan device has no option '%s'", options[i].key);
        const pln_setting_info *info = &vkb_option_infos[key];
        const uint64_t value = info->most ? parse_number(options[i].value) : parse_word(info->values, options[i].value);
        if (value == VKB_UNSET)
            return pln_failed(error, PLN_INVALID, -1, "option %s=%s: %s is expected", info->key, options[i].value,
                              info->values);
        if (key == VKB_OPTION_TILE)
            chosen[key] = (chosen[key] == VKB_UNSET ? 0 : chosen[key]) | UINT64_C(1) << value;
        else
            chosen[key] = value;
    }
    return PLN_OK;
}
