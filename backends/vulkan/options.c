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
    [VKB_OPTION_SHARED] = {"shared", number, "bytes of shared memory that a work-group may use"},
    [VKB_OPTION_RANGE] = {"range", number, "bytes that one binding may span"},
    [VKB_OPTION_BLOCK] = {"block", number, "bytes of one block of memory that buffers are cut from"},
    [VKB_OPTION_GROUPS] = {"groups", number, "work-groups per dimension of a dispatch"},
    [VKB_OPTION_SUBMIT] = {"submit", number, "million operations of one submission"},
    [VKB_OPTION_MEMORY] = {"memory", "auto|discrete", "discrete: never map the memory of values, copy through staging"},
    [VKB_OPTION_VALIDATE] = {"validate", "no|yes", "yes: let the validation layer watch, each message is an error"},
};

/* The place of a word in "one|two|three", VKB_UNSET if it is not there. */
static uint64_t find_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (uint64_t place = 0;; place++) {
        size_t end = strcspn(words, "|");
        if (end == length && memcmp(words, word, length) == 0)
            return place;
        if (!words[end])
            return VKB_UNSET;
        words += end + 1;
    }
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
        chosen[key] =
            info->values == number ? parse_number(options[i].value) : find_word(info->values, options[i].value);
        if (chosen[key] == VKB_UNSET)
            return pln_fail(error, PLN_INVALID, "option %s=%s: %s is expected", info->key, options[i].value,
                            info->values);
    }
    return PLN_OK;
}
