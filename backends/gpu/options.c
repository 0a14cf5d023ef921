/* SPDX-License-Identifier: Apache-2.0
 *
 * Device options that mean the same in both plugins.
 */
#include <string.h>

#include "backends/gpu/table.h"

int gpu_find_word(const char *words, const char *word)
{
    const size_t length = strlen(word);
    for (int place = 0;; place++) {
        const size_t end = strcspn(words, "|");
        if (end == length && memcmp(words, word, length) == 0)
            return place;
        if (!words[end])
            return GPU_NO_WORD;
        words += end + 1;
    }
}

/* Of each op from the largest to the smallest: rows and columns of y of a group of `linear`, queries and keys of one of
 * `attention`. */
const char gpu_tile_words[] = "linear:128x128|linear:64x64|linear:32x32|"
                              "attention:32x32|attention:24x64|attention:16x32|attention:8x32";

static const struct {
    uint32_t op, first, n; /* words */
} tiled_ops[] = {{PLN_OP_LINEAR, 0, 3}, {PLN_OP_ATTENTION, 3, 4}};

uint32_t gpu_tiles_wanted(const struct gpu_limits *limits, uint32_t op)
{
    for (uint32_t i = 0; i < sizeof tiled_ops / sizeof *tiled_ops; i++)
        if (tiled_ops[i].op == op)
            return limits->tiles >> tiled_ops[i].first & ((1u << tiled_ops[i].n) - 1);
    return 0;
}

const char gpu_vendor_words[] = "amd|intel|nvidia|other";

uint32_t gpu_vendor_of_word(uint32_t place)
{
    static const uint32_t ids[] = {GPU_VENDOR_AMD, GPU_VENDOR_INTEL, GPU_VENDOR_NVIDIA, 0};
    return ids[place];
}

const char gpu_storage_words[] = "f32|f16";

pln_status gpu_variant_choose(struct gpu_limits *limits, const pln_host *host, bool cpu_asked, bool tiles_asked,
                              pln_failure *error)
{
    if (limits->half && cpu_asked)
        return pln_failed(error, PLN_INVALID, -1,
                          "option storage=f16 needs variant=gpu: the kernels for processors read weights in f32");
    limits->cpu_variant = limits->cpu_variant && !limits->half;
    if (limits->cpu_variant && tiles_asked && host->log)
        host->log(host->context, PLN_LOG_LEVEL_WARNING,
                  "options tile and vendor change nothing: the kernels for processors have no tiles (variant=gpu has)");
    return PLN_OK;
}
