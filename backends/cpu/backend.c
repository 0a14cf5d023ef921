/* SPDX-License-Identifier: Apache-2.0
 *
 * The plugin's table: one device, the processor itself, working on host memory.
 */
#define _DEFAULT_SOURCE /* _SC_AVPHYS_PAGES */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/cpu/cpu.h"

static const pln_setting_info table[] = {
    SETTING(
        "level", "c|avx2|avx512|amx|amx-twin",
        "instructions that kernels use; the best of the processor if not given; amx-twin: tiles in plain C, for tests",
        NULL),
    SETTING("gemm", "own|blis|sgemm", "on packed weights our micro-kernel or that of BLIS, or the sgemm of BLIS",
            "own"),
    SETTING("math", "f32|bf16|int8",
            "what products multiply; weights are kept so; sums are f32, of int8 i32, with a scale for each row", "f32"),
    SETTING("products", "auto|fma|split6|split3",
            "multiply-adds, or with AMX an f32 product out of six, or three, of bf16; the fastest exact one", "auto"),
    SETTING_NUMBER("depth", "under math=bf16 and int8 products less deep stay in f32 (128)", "128", 0, UINT32_MAX),
    {0},
};

static pln_status device_count(uint32_t *count, pln_failure *error)
{
    (void)error;
    *count = 1;
    return PLN_OK;
}

static pln_status device_info(uint32_t index, const pln_device *device, pln_device_description *info,
                              pln_failure *error)
{
    if (index)
        return pln_failed(error, PLN_NO_DEVICE, -1, "cpu has one device, not number %u", index);
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE), free_pages = sysconf(_SC_AVPHYS_PAGES);
    pln_device_description full = {
        .size = sizeof full,
        .kind = PLN_DEVICE_KIND_CPU,
        .flags = PLN_DEVICE_FLAG_HOST_MEMORY | PLN_DEVICE_FLAG_CONCURRENT,
        .dtypes = 1u << PLN_F32 | 1u << PLN_I32,
        .alignment = 64,
        .f32_bytes = sizeof(float),
        .row_multiple = 1,
        .free_bytes = free_pages > 0 && page > 0 ? (uint64_t)free_pages * (uint64_t)page : 0,
        .memory_bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0,
        .version = PLEIONE_VERSION,
    };
    struct cpu_math best, shallow;
    pln_status status = PLN_OK;
    if (!device)
        status = cpu_math_choose(&(struct cpu_asked){.way = CPU_GEMM_OWN}, &best, &shallow, error);
    if (status)
        return status;
    const struct cpu_math *math = device ? &device->deep : &best;
    snprintf(full.name, sizeof full.name, "processor, level %s", math->level);
    snprintf(full.driver, sizeof full.driver, "%s", math->gemm.name);
    settings_describe(table, device ? &device->settings : NULL, &full);
    pln_give(info, &full);
    return PLN_OK;
}

static pln_status check_options(const pln_option *given, uint32_t n, pln_failure *error)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t known = 0;
        while (table[known].key && strcmp(table[known].key, given[i].key) != 0)
            known++;
        if (!table[known].key)
            return pln_failed(error, PLN_INVALID, -1, "cpu knows no option %s", given[i].key);
    }
    return PLN_OK;
}

static pln_status find_way(const char *name, enum cpu_gemm_way *way, pln_failure *error)
{
    static const char *const names[] = {[CPU_GEMM_OWN] = "own", [CPU_GEMM_BLIS] = "blis", [CPU_GEMM_SGEMM] = "sgemm"};
    uint32_t i = 0;
    while (name && i < sizeof names / sizeof *names && strcmp(name, names[i]) != 0)
        i++;
    if (i == sizeof names / sizeof *names)
        return pln_failed(error, PLN_INVALID, -1, "gemm of cpu is own, blis or sgemm, not %s", name);
    *way = (enum cpu_gemm_way)i;
    return PLN_OK;
}

static pln_status find_depth(const char *text, uint32_t *depth, pln_failure *error)
{
    char *end = NULL;
    const unsigned long number = text ? strtoul(text, &end, 10) : CPU_SHALLOW;
    if (text && (*text < '0' || *text > '9' || *end || number > UINT32_MAX))
        return pln_failed(error, PLN_INVALID, -1, "depth of cpu is a number, not %s", text);
    *depth = (uint32_t)number;
    return PLN_OK;
}

static pln_status device_open(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *error)
{
    const pln_host *host = opening->host;
    pln_option given[SETTINGS_MOST];
    const uint32_t n = settings_take(opening, given);
    if (index)
        return pln_failed(error, PLN_NO_DEVICE, -1, "cpu has one device, not number %u", index);
    enum cpu_gemm_way way = CPU_GEMM_OWN;
    pln_status status = check_options(given, n, error);
    if (!status)
        status = find_way(pln_option_value(given, n, "gemm"), &way, error);
    uint32_t depth = 0;
    if (!status)
        status = find_depth(pln_option_value(given, n, "depth"), &depth, error);
    if (status)
        return status;
    const struct cpu_asked asked = {.level = pln_option_value(given, n, "level"),
                                    .math = pln_option_value(given, n, "math"),
                                    .products = pln_option_value(given, n, "products"),
                                    .way = way};
    struct cpu_math deep, shallow;
    status = cpu_math_choose(&asked, &deep, &shallow, error);
    if (status)
        return status;
    if (way == CPU_GEMM_BLIS && !deep.gemm.panels)
        return pln_failed(error, PLN_INVALID, -1, "gemm=blis of cpu needs another BLIS than %s at level %s",
                          deep.gemm.name, deep.level);
    *device = host->allocate(host->context, sizeof **device);
    if (!*device)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no memory to open cpu");
    **device = (pln_device){.host = host, .deep = deep, .shallow = shallow, .depth = depth};
    settings_show(&(*device)->settings, table, given, n);
    if ((!asked.math || strcmp(asked.math, "f32") == 0) && host->log && pln_option_value(given, n, "depth"))
        host->log(host->context, PLN_LOG_LEVEL_WARNING,
                  "option depth of cpu changes nothing without math=bf16 or math=int8");
    return PLN_OK;
}

static void device_close(pln_device **device)
{
    if (*device)
        (*device)->host->release((*device)->host->context, *device);
    *device = NULL;
}

static const pln_backend backend = {
    .size = sizeof backend,
    .abi = PLN_ABI_VERSION,
    .name = "cpu",
    .version = PLEIONE_VERSION,
    .device_count = device_count,
    .device_info = device_info,
    .device_open = device_open,
    .device_close = device_close,
    .supports = cpu_supports,
    .constant_create = cpu_constant_create,
    .constant_destroy = cpu_constant_destroy,
    .plan_create = cpu_plan_create,
    .plan_run = cpu_plan_run,
    .plan_destroy = cpu_plan_destroy,
    .plan_timing = cpu_plan_timing,
    .plan_info = cpu_plan_info,
    .plan_cancel = cpu_plan_cancel,
};

PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max);

const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{
    return abi_min <= PLN_ABI_VERSION && PLN_ABI_VERSION <= abi_max ? &backend : NULL;
}
