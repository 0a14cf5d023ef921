/* SPDX-License-Identifier: Apache-2.0
 *
 * linear.k for Vulkan devices that are CPUs (lavapipe): a group is one subgroup, no shared memory, no barrier. Such a driver
 * turns every load into a loop over the lanes (about a thousand clocks) and a shuffle into one instruction, so no two lanes
 * load the same element: for four steps over K a lane loads those four elements of one or two rows of x, which all lanes
 * then take by shuffles, and its own columns of weight, which lies in panels, K-major. A lane has TM rows by TN columns of y;
 * operands and flags are those of linear.k.
 */
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "dialect.h"
#include "activations.h"
SPEC(1, ROWS, 48u)
SPEC(2, PANEL, 32u)
SPEC(3, ACTIVATION, 0u)
SPEC(4, FLAGS, 0u)
#define X_WHOLE HAS(GPU_WHOLE)
#define Y_WHOLE HAS(GPU_LINEAR_Y_WHOLE)
#define BIAS HAS(GPU_LINEAR_BIAS)
#define RESIDUAL HAS(GPU_LINEAR_RESIDUAL)
#define PREACTIVATION HAS(GPU_LINEAR_PREACTIVATION)
#define TM 16u
#define TN 8u
#define COLUMNS (WG * TN)
#define PIECES (TN / 4u)
#define LOADS ((TM + WG - 1u) / WG) /* of x */

#define OPERANDS(READ, READ_HALF, WRITE)                                                                               \
    READ(1, float, x) READ(2, float, weight) READ(3, float, bias) READ(4, float, residual)                             \
    WRITE(5, float, y) WRITE(6, float, preactivation)
KERNEL(linear_cpu)
BODY(NO_LOCALS)
    const uint lane = gl_SubgroupInvocationID, depth = WIDTH(x);
    const uint columns = (TABLE_END - TABLE_FIRST + COLUMNS - 1u) / COLUMNS;
    const uint row0 = FIRST_ROW + GROUP / columns * ROWS, rows_end = LESSER(ROWS_END, row0 + ROWS);
    const uint column0 = TABLE_FIRST + GROUP % columns * COLUMNS + lane * 4u, columns_end = TABLE_END;
    for (uint r0 = row0; r0 < rows_end; r0 += TM) {
        F4 sum[TM * PIECES];
        uint strip[PIECES], at_x[LOADS];
        UNROLL for (uint i = 0u; i < TM * PIECES; i++)
            sum[i] = SPLAT4(0.0f);
        UNROLL for (uint i = 0u; i < LOADS; i++)
        {
            const uint r = r0 + i * WG + lane;
            at_x[i] = ROW(x, LESSER(r, rows_end - 1u));
        }
        UNROLL for (uint j = 0u; j < PIECES; j++)
        {
            const uint c = column0 + j * WG * 4u, inside = c < columns_end ? c : TABLE_FIRST;
            strip[j] = FIRST(weight) + inside / PANEL * PANEL * STRIDE(weight) + inside % PANEL;
        }
        for (uint k = 0u; k < depth; k += 4u) {
            F4 w[TN], a[LOADS];
            UNROLL for (uint q = 0u; q < TN; q++)
                w[q] = X4(weight, strip[q / 4u] + (k + q % 4u) * PANEL);
            UNROLL for (uint i = 0u; i < LOADS; i++)
                a[i] = READ4(X_WHOLE, x, at_x[i], k, depth);
            UNROLL for (uint i = 0u; i < TM; i++)
            {
                const F4 s = subgroupShuffle(a[i / WG], i % WG);
                UNROLL for (uint j = 0u; j < PIECES; j++)
                {
                    F4 t = sum[i * PIECES + j];
                    t = FMA4(s.x, w[j * 4u], t);
                    t = FMA4(s.y, w[j * 4u + 1u], t);
                    t = FMA4(s.z, w[j * 4u + 2u], t);
                    sum[i * PIECES + j] = FMA4(s.w, w[j * 4u + 3u], t);
                }
            }
        }
        [[dont_unroll]] for (uint at = 0u; at < TM * PIECES; at++)
        {
            const uint r = r0 + at / PIECES, c = column0 + at % PIECES * WG * 4u;
            F4 v = sum[0];
            UNROLL for (uint q = 1u; q < TM * PIECES; q++)
                v = q == at ? sum[q] : v;
            if (r < rows_end && c < columns_end) {
                if (BIAS)
                    v += READ4(false, bias, FIRST(bias), c, columns_end);
                if (PREACTIVATION) {
                    WRITE4(Y_WHOLE, preactivation, ROW(preactivation, r), c, columns_end, v)
                }
                v = activate4(ACTIVATION, v);
                if (RESIDUAL)
                    v += READ4(Y_WHOLE, residual, ROW(residual, r), c, columns_end);
                WRITE4(Y_WHOLE, y, ROW(y, r), c, columns_end, v)
            }
        }
    }
END
