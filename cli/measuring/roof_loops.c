/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains of multiply-adds in registers, and sums of a buffer; built once per instruction set with LOOP_SET and
 * LOOP_BYTES given by the build.
 */
#include "cli/measuring/roof_loops.h"

#include "cli/cli.h"

#define NAME_OF(loop, set) roof_##loop##_##set
#define NAME(loop, set) NAME_OF(loop, set)

enum {
    LANES = LOOP_BYTES / 4,
    CHAINS = LOOP_BYTES == 16 ? 8 : 12,
    ROUNDS = 20000,
    SUMS = 8,
    AHEAD = 2048 /* bytes */,
    LINE = 64
};

typedef float lanes __attribute__((vector_size(LOOP_BYTES)));

/* Twelve chains hide the latency of two units of four cycles. */
double NAME(multiply, LOOP_SET)(double until)
{
    double best = 0;
    while (cli_seconds() < until) {
        lanes a[CHAINS] = {{0}}, x = {0}, y = {0};
        x += 0.5f;
        y += 1.0f;
        const double begin = cli_seconds();
        for (int i = 0; i < ROUNDS; i++) {
            for (int j = 0; j < CHAINS; j++) {
                a[j] = a[j] * x + y;
                __asm__ volatile("" : "+x"(a[j])); /* the compiler must not fold rounds together */
            }
        }
        const double rate = 2.0 * LANES * CHAINS * ROUNDS / (cli_seconds() - begin) / 1e9;
        best = rate > best ? rate : best;
    }
    return best;
}

void NAME(read, LOOP_SET)(const void *buffer, size_t bytes, uint32_t times)
{
    const lanes *data = buffer;
    const size_t n = bytes / LOOP_BYTES;
    while (times--) {
        lanes sums[SUMS] = {{0}};
        for (size_t i = 0; i < n; i += SUMS) {
            /* What is said early crosses pages, where the processor's own guess ends. */
            for (size_t j = 0; j < SUMS * LOOP_BYTES / LINE; j++)
                __builtin_prefetch((const char *)&data[i] + AHEAD + j * LINE);
            for (size_t j = 0; j < SUMS; j++)
                sums[j] += data[i + j];
        }
        for (int j = 0; j < SUMS; j++)
            __asm__ volatile("" : : "x"(sums[j])); /* the sums are used */
    }
}
