/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains of bf16 dot products of AVX-512 in registers, each two multiply-adds for each of 16 sums in f32.
 */
#include <immintrin.h>

#include "cli/cli.h"
#include "cli/measuring/roof_loops.h"

enum { LANES = 16, CHAINS = 12, ROUNDS = 20000 };

double roof_multiply_bf16(double until)
{
    const __m512bh x = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5f), _mm512_set1_ps(0.5f));
    double best = 0;
    while (cli_seconds() < until) {
        __m512 a[CHAINS] = {{0}};
        const double begin = cli_seconds();
        for (int i = 0; i < ROUNDS; i++) {
            for (int j = 0; j < CHAINS; j++) {
                a[j] = _mm512_dpbf16_ps(a[j], x, x);
                __asm__ volatile("" : "+x"(a[j])); /* the compiler must not fold rounds together */
            }
        }
        const double rate = 4.0 * LANES * CHAINS * ROUNDS / (cli_seconds() - begin) / 1e9;
        best = rate > best ? rate : best;
    }
    return best;
}
