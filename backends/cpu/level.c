/* SPDX-License-Identifier: Apache-2.0
 *
 * The levels that were built, and which of them this processor can run.
 */
#include <string.h>

#include "backends/cpu/cpu.h"

extern cpu_kernel *const cpu_c_kernels[];
extern const struct cpu_micro_kernel cpu_c_micro_kernel;

static bool always(void)
{
    return true;
}

#if defined(__x86_64__)
extern cpu_kernel *const cpu_avx2_kernels[], *const cpu_avx512_kernels[];
extern const struct cpu_micro_kernel cpu_avx2_micro_kernel, cpu_avx512_micro_kernel;

static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif

#if defined(CPU_HAS_BF16)
extern cpu_kernel *const cpu_bf16_kernels[];
extern const struct cpu_micro_kernel cpu_bf16_micro_kernel;

static bool has_bf16(void)
{
    return has_avx512() && __builtin_cpu_supports("avx512bf16");
}
#endif

/* From plain to fast. */
static const struct entry {
    struct cpu_level level;
    bool (*runs)(void);
} levels[] = {
    {{"c", cpu_c_kernels, &cpu_c_micro_kernel}, always},
#if defined(__x86_64__)
    {{"avx2", cpu_avx2_kernels, &cpu_avx2_micro_kernel}, has_avx2},
    {{"avx512", cpu_avx512_kernels, &cpu_avx512_micro_kernel}, has_avx512},
#endif
};

#if defined(CPU_HAS_BF16)
/* Beside the levels, since it rounds. */
static const struct entry bf16 = {{"bf16", cpu_bf16_kernels, &cpu_bf16_micro_kernel}, has_bf16};
#endif

const struct cpu_level *cpu_level_find(const char *name, pln_failure *error)
{
    for (size_t i = sizeof levels / sizeof *levels; i-- > 0;) {
        if (name && strcmp(name, levels[i].level.name) != 0)
            continue;
        if (levels[i].runs())
            return &levels[i].level;
        if (name) {
            pln_failed(error, PLN_INVALID, -1, "this processor cannot run level %s of cpu", name);
            return NULL;
        }
    }
    pln_failed(error, PLN_INVALID, -1, "level of cpu is c, avx2 or avx512 as far as it was built, not %s", name);
    return NULL;
}

const struct cpu_level *cpu_level_bf16(pln_failure *error)
{
#if defined(CPU_HAS_BF16)
    if (bf16.runs())
        return &bf16.level;
#endif
    pln_failed(error, PLN_INVALID, -1, "math=bf16 of cpu needs AVX512-BF16, which this processor or this build lacks");
    return NULL;
}
