/* SPDX-License-Identifier: Apache-2.0
 *
 * Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): four random words from a key and a
 * counter, with no state. graph/ops.def says what is counted for dropout.
 */
#ifndef COMMON_PHILOX_H
#define COMMON_PHILOX_H

#include <stdint.h>

#define PHILOX_ROUNDS 10
#define PHILOX_MULTIPLIER_0 0xd2511f53u
#define PHILOX_MULTIPLIER_1 0xcd9e8d57u
#define PHILOX_KEY_STEP_0 0x9e3779b9u
#define PHILOX_KEY_STEP_1 0xbb67ae85u

/* words may be counter. */
static inline void philox(const uint32_t key[2], const uint32_t counter[4], uint32_t words[4])
{
    uint32_t a = counter[0], b = counter[1], c = counter[2], d = counter[3], k0 = key[0], k1 = key[1];
    for (uint32_t i = 0; i < PHILOX_ROUNDS; i++) {
        const uint64_t p = (uint64_t)PHILOX_MULTIPLIER_0 * a, q = (uint64_t)PHILOX_MULTIPLIER_1 * c;
        a = (uint32_t)(q >> 32) ^ b ^ k0;
        b = (uint32_t)q;
        c = (uint32_t)(p >> 32) ^ d ^ k1;
        d = (uint32_t)p;
        k0 += PHILOX_KEY_STEP_0;
        k1 += PHILOX_KEY_STEP_1;
    }
    words[0] = a;
    words[1] = b;
    words[2] = c;
    words[3] = d;
}
#endif
