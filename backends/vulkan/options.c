/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes KEY=VALUE pairs, gives numbers. One table is the list that the user sees and the list that is read.
 */
#include "backends/vulkan/vulkan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char number[] = "NUMBER";

const pln_option_info vkb_option_infos[VKB_OPTIONS + 1] = {
    [VKB_OPTION_VARIANT] = {"variant", "gpu|cpu", "kernels made for GPUs or for drivers that run on the processor"},
    [VKB_OPTION_TILE] = {"tile", gpu_tile_words, "tile of an op; once for each op (default: by vendor and shape)"},
    [VKB_OPTION_STORAGE] = {"storage", gpu_storage_words,
                            "how weights of linear are stored; products are summed in f32"},
    [VKB_OPTION_MATRIX] = {"matrix", "no|yes",
                           "yes: linear multiplies f16 by f16 as cooperative matrices; sums are f32"},
    [VKB_OPTION_VENDOR] = {"vendor", gpu_vendor_words, "whose tiles are taken (default: that of the device)"},
    [VKB_OPTION_SHARED] = {"shared", number, "bytes of shared memory that a work-group may use"},
    [VKB_OPTION_RANGE] = {"range", number, "bytes that one binding may span"},
    [VKB_OPTION_BLOCK] = {"block", number, "bytes of one block of memory that buffers are cut from"},
    [VKB_OPTION_GROUPS] = {"groups", number, "work-groups per dimension of a dispatch"},
    [VKB_OPTION_SUBMIT] = {"submit", number, "million operations of one submission"},
    [VKB_OPTION_MEMORY] = {"memory", "auto|discrete", "discrete: never map the memory of values, copy through staging"},
    [VKB_OPTION_VALIDATE] = {"validate", "no|yes", "yes: let the validation layer watch, each message is an error"},
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

pln_status vkb_options_parse(uint64_t chosen[VKB_OPTIONS], const pln_option *options, uint32_t n, pln_error *error)
{
    for (int i = 0; i < VKB_OPTIONS; i++)
        chosen[i] = VKB_UNSET;
    for (uint32_t i = 0; i < n; i++) {
        int key = find_key(options[i].key);
        if (key < 0)
            return pln_fail(error, PLN_INVALID, "a Vulkan device has no option '%s'", options[i].key);
        const pln_option_info *info = &vkb_option_infos[key];
        const uint64_t value =
            info->values == number ? parse_number(options[i].value) : parse_word(info->values, options[i].value);
        if (value == VKB_UNSET)
            return pln_fail(error, PLN_INVALID, "option %s=%s: %s is expected", info->key, options[i].value,
                            info->values);
        if (key == VKB_OPTION_TILE)
            chosen[key] = (chosen[key] == VKB_UNSET ? 0 : chosen[key]) | UINT64_C(1) << value;
        else
            chosen[key] = value;
    }
    return PLN_OK;
}
