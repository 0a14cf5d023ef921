/* SPDX-License-Identifier: Apache-2.0
 *
 * The levels that were built, and which of them this processor can run.
 */
#define _GNU_SOURCE /* syscall */
#include <stdatomic.h>
#include <string.h>

#include "backends/cpu/cpu.h"

#if defined(CPU_HAS_AMX)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

extern cpu_kernel *const cpu_c_kernels[], *const cpu_halves_kernels[];
extern const struct cpu_micro_kernel cpu_c_micro_kernel, cpu_c_widened_kernel, cpu_c_byte_kernel;
extern const struct cpu_micro_kernel cpu_halves_micro_kernel;
extern const struct cpu_tiles cpu_twin_tiles;

static bool always(void)
{
    return true;
}

#if defined(__x86_64__)
extern cpu_kernel *const cpu_avx2_kernels[], *const cpu_avx512_kernels[];
extern const struct cpu_micro_kernel cpu_avx2_micro_kernel, cpu_avx2_widened_kernel, cpu_avx2_byte_kernel;
extern const struct cpu_micro_kernel cpu_avx512_micro_kernel, cpu_avx512_widened_kernel, cpu_avx512_byte_kernel;

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

/* From plain to fast. */
static const struct entry {
    struct cpu_level level;
    bool (*runs)(void);
} levels[] = {
    {{"c", cpu_c_kernels, &cpu_c_micro_kernel, &cpu_c_widened_kernel, &cpu_c_byte_kernel}, always},
#if defined(__x86_64__)
    {{"avx2", cpu_avx2_kernels, &cpu_avx2_micro_kernel, &cpu_avx2_widened_kernel, &cpu_avx2_byte_kernel}, has_avx2},
    {{"avx512", cpu_avx512_kernels, &cpu_avx512_micro_kernel, &cpu_avx512_widened_kernel, &cpu_avx512_byte_kernel},
     has_avx512},
#endif
};

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
    pln_failed(error, PLN_INVALID, -1, "level of cpu is c, avx2, avx512 or amx as far as it was built, not %s", name);
    return NULL;
}

/* ---- beside the levels, since they round: products of bf16 */

#if defined(CPU_HAS_BF16)
extern cpu_kernel *const cpu_bf16_kernels[];
extern const struct cpu_micro_kernel cpu_bf16_micro_kernel;
static const struct cpu_level bf16 = {"bf16", cpu_bf16_kernels, &cpu_bf16_micro_kernel, NULL, NULL};

static bool has_bf16(void)
{
    return has_avx512() && __builtin_cpu_supports("avx512bf16");
}
#endif

static const struct cpu_level halves = {"halves", cpu_halves_kernels, &cpu_halves_micro_kernel, NULL, NULL};

const struct cpu_level *cpu_level_bf16(void)
{
#if defined(CPU_HAS_BF16)
    if (has_bf16())
        return &bf16;
#endif
    return NULL;
}

const struct cpu_level *cpu_level_halves(void)
{
    const struct cpu_level *level = cpu_level_bf16();
    return level ? level : &halves;
}

/* Intel's cores begin one every other cycle, and so multiply half as much by them as in f32; Zen 4 begins one in each.
 */
bool cpu_level_bf16_is_fast(void)
{
#if defined(CPU_HAS_BF16)
    return has_bf16() && !__builtin_cpu_is("intel");
#else
    return false;
#endif
}

/* ---- products of bytes by an instruction of their own */

#if defined(CPU_HAS_VNNI)
extern const struct cpu_micro_kernel cpu_vnni_byte_kernel;
#if defined(CPU_HAS_BF16)
extern const struct cpu_micro_kernel cpu_vnni_bf16_byte_kernel;
#endif
#endif

const struct cpu_micro_kernel *cpu_level_vnni(void)
{
#if defined(CPU_HAS_VNNI) && defined(CPU_HAS_BF16)
    if (has_bf16() && __builtin_cpu_supports("avx512vnni"))
        return &cpu_vnni_bf16_byte_kernel;
#endif
#if defined(CPU_HAS_VNNI)
    if (has_avx512() && __builtin_cpu_supports("avx512vnni"))
        return &cpu_vnni_byte_kernel;
#endif
    return NULL;
}

/* ---- tiles */

#if defined(CPU_HAS_AMX)
extern const struct cpu_tiles cpu_amx_tiles;

enum { FEATURES = 7, AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, AMX_INT8 = 1 << 25, OSXSAVE = 1 << 27 };
enum { STATE_CONFIG = 1 << 17, STATE_DATA = 1 << 18, STATE_DATA_BIT = 18 };
enum { ARCH_REQ_XCOMP_PERM = 0x1023 };

static bool has_amx(void)
{
    uint32_t a, b, c, d, low, high;
    if (!has_bf16() || !__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE))
        return false;
    const uint32_t needed = AMX_BF16 | AMX_TILE | AMX_INT8; /* no processor has some of them */
    if (!__get_cpuid_count(FEATURES, 0, &a, &b, &c, &d) || (d & needed) != needed)
        return false;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & (STATE_CONFIG | STATE_DATA)) == (STATE_CONFIG | STATE_DATA);
}

/* NULL, or why tiles cannot be used. The kernel is asked once for all threads of the process: they may then have larger
 * frames of signals, so it is not asked before tiles are wanted. */
static const char *refusal_of_amx(void)
{
    enum { UNKNOWN, GRANTED, DENIED };
    static atomic_int permission;
    if (!has_amx())
        return "which this processor lacks";
    if (atomic_load(&permission) == UNKNOWN)
        atomic_store(&permission, syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, STATE_DATA_BIT) == 0 ? GRANTED : DENIED);
    return atomic_load(&permission) == GRANTED ? NULL : "whose tile data the kernel does not permit to this process";
}

const struct cpu_tiles *cpu_level_tiles(const char **refusal)
{
    *refusal = refusal_of_amx();
    return *refusal ? NULL : &cpu_amx_tiles;
}

#else

const struct cpu_tiles *cpu_level_tiles(const char **refusal)
{
    *refusal = "which this build lacks";
    return NULL;
}

#endif

const struct cpu_tiles *cpu_level_twin(void)
{
    return &cpu_twin_tiles;
}
