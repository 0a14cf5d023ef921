/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains of multiply-adds in registers; built once per instruction set with FMA_NAME and FMA_BYTES given by the build.
 */
#include "cli/cli.h"

enum { LANES = FMA_BYTES / 4, CHAINS = FMA_BYTES == 16 ? 8 : 12, ROUNDS = 20000 };

typedef float lanes __attribute__((vector_size(FMA_BYTES)));

double FMA_NAME(double until);

/* Best rate in GFLOP/s of this thread until the clock says so. Twelve chains hide the latency of two units of four
 * cycles. */
double FMA_NAME(double until)
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
