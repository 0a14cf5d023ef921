/* SPDX-License-Identifier: Apache-2.0
 *
 * The operands of every kernel of attention's forward pass.
 */
#define OPERANDS(READ, READ_HALF, WRITE)                                                                               \
    READ(1, float, query) READ(2, float, key) READ(3, float, value) READ(4, int, starts) READ(5, int, source_starts)   \
    READ(6, int, key_mask) READ(7, float, bias) READ(8, int, pair_starts) READ(9, float, distance)                     \
    READ(10, float, head_mask) READ(11, int, origin) READ(12, int, random)                                             \
    WRITE(13, float, y) WRITE(14, float, lse) WRITE(15, float, probabilities) WRITE(16, float, statistics)
