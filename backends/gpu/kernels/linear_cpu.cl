/* SPDX-License-Identifier: Apache-2.0
 *
 * linear.k for OpenCL devices that are CPUs: one thread a group, no shared memory, and the register tile of a BLIS
 * micro-kernel, TM rows by 16 columns. Rows of weight lie in panels, K-major: a step over K reads 16 weights side by side
 * and broadcasts one element of each of the TM rows of x. A group makes ROWS x COLUMNS of y, so that a strip of
 * a panel stays in cache for ROWS rows. Same operands and flags as linear.k.
 */
#include "dialect.h"
#include "activations.h"
#include "wide.h"
SPEC(1, ROWS, 24u)
SPEC(2, COLUMNS, 32u) /* a panel */
SPEC(3, ACTIVATION, 0u)
SPEC(4, FLAGS, 0u)
#define BIAS HAS(GPU_LINEAR_BIAS)
#define RESIDUAL HAS(GPU_LINEAR_RESIDUAL)
#define PREACTIVATION HAS(GPU_LINEAR_PREACTIVATION)

/* Accumulators that fit the vector registers: 12 of 16 with AVX2, 12 of 32 with AVX-512. */
#ifdef __AVX512F__
#define TM 12u
#else
#define TM 6u
#endif
#define TN 16u

static float16 activate16(uint kind, float16 x)
{
    float v[TN];
    vstore16(x, 0, v);
    for (uint i = 0; i < TN; i++)
        v[i] = activate(kind, v[i]);
    return vload16(0, v);
}

#define OPERANDS(READ, READ_HALF, WRITE)                                                                               \
    READ(1, float, x) READ(2, float, weight) READ(3, float, bias) READ(4, float, residual)                             \
    WRITE(5, float, y) WRITE(6, float, preactivation)
KERNEL(linear_cpu)
BODY()
    const uint columns = (TABLE_END - TABLE_FIRST + COLUMNS - 1u) / COLUMNS;
    const uint row0 = FIRST_ROW + GROUP / columns * ROWS, rows_end = LESSER(ROWS_END, row0 + ROWS);
    const uint column0 = TABLE_FIRST + GROUP % columns * COLUMNS, columns_end = LESSER(TABLE_END, column0 + COLUMNS);
    const uint depth = WIDTH(x);
    for (uint c = column0; c < columns_end; c += TN) {
        const uint strip = FIRST(weight) + c / COLUMNS * COLUMNS * STRIDE(weight) + c % COLUMNS, n = columns_end - c;
        const float16 shift = BIAS ? load16(bias + (FIRST(bias) + c), n) : (float16)(0.0f);
        for (uint r0 = row0; r0 < rows_end; r0 += TM) {
            __global const float *b = weight + strip;
            __global const float *a[TM];
            float16 sum[TM];
            UNROLL for (uint i = 0u; i < TM; i++)
            {
                a[i] = x + ROW(x, LESSER(r0 + i, rows_end - 1u));
                sum[i] = (float16)(0.0f);
            }
            for (uint k = 0u; k < depth; k++, b += COLUMNS) {
                const float16 v = vload16(0, b);
                UNROLL for (uint i = 0u; i < TM; i++)
                    sum[i] = fma((float16)(a[i][k]), v, sum[i]);
            }
            UNROLL for (uint i = 0u; i < TM; i++)
            {
                if (r0 + i < rows_end) {
                    float16 v = sum[i] + shift;
                    if (PREACTIVATION)
                        store16(preactivation + (ROW(preactivation, r0 + i) + c), n, v);
                    v = activate16(ACTIVATION, v);
                    if (RESIDUAL)
                        v += load16(residual + (ROW(residual, r0 + i) + c), n);
                    store16(y + (ROW(y, r0 + i) + c), n, v);
                }
            }
        }
    }
END
