/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains of products of bytes of AVX-512 in registers, each four multiply-adds for each of 16 sums in i32.
 */
#include <immintrin.h>

#include "cli/cli.h"
#include "cli/measuring/roof_loops.h"

enum { LANES = 16, CHAINS = 12, ROUNDS = 20000 };

double roof_multiply_vnni(double until)
{
    const __m512i x = _mm512_set1_epi8(1);
    double best = 0;
    while (cli_seconds() < until) {
        __m512i a[CHAINS] = {{0}};
        const double begin = cli_seconds();
        for (int i = 0; i < ROUNDS; i++) {
            for (int j = 0; j < CHAINS; j++) {
                a[j] = _mm512_dpbusd_epi32(a[j], x, x);
                __asm__ volatile("" : "+x"(a[j])); /* the compiler must not fold rounds together */
            }
        }
        const double rate = 8.0 * LANES * CHAINS * ROUNDS / (cli_seconds() - begin) / 1e9;
        best = rate > best ? rate : best;
    }
    return best;
}
