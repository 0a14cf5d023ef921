/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows in pieces of one length, for sums that must not depend on the size of the team.
 */
#ifndef BACKENDS_CPU_PIECES_H
#define BACKENDS_CPU_PIECES_H

#include "backends/cpu/kernel.h"

enum { CPU_PIECE = 32 };

static inline uint32_t cpu_pieces(uint32_t rows)
{
    return ceil_div32(rows, CPU_PIECE);
}

/* Floats of the sums of a piece for two vectors [width]; half of them is a multiple of any vector. */
static inline size_t cpu_piece_floats(uint32_t width)
{
    return 2 * (size_t)round_up(width, 16);
}
#endif
