/* SPDX-License-Identifier: Apache-2.0
 *
 * linear.k on cooperative matrices: f16 times f16, summed in f32. Both tiles lie in shared memory as f16, in rows along K, as
 * they are loaded; x is rounded on the way. A subgroup makes TM x TN sums, in matrices of M x N that take K_STEP of K at a time,
 * as the device lists them. It hands them over through shared memory, since only the device knows which lane has which.
 */
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#include "dialect.h"
#include "activations.h"
#include "product.h"
SPEC(6, ACTIVATION, 0u)
SPEC(7, FLAGS, 0u)
SPEC(8, SLICES, 1u)
SPEC(9, M, 16u)
SPEC(10, N, 16u)
SPEC(11, K_STEP, 16u)
#include "linear.h"
#include "linear_operands.h"
#define WEIGHT4(i) weight_half[i]
#define NO_WEIGHT4 uvec2(0u)

#define STEP (BK / 4u + 2u) /* groups of four from row to row of a tile: rows begin in other banks */
#define SUBGROUPS (BM / TM * (BN / TN))
#define ROWS (TM / M)    /* matrices of a subgroup */
#define COLUMNS (TN / N)
#define MATRIX (M * N / 4u) /* groups of four sums */
#define STORE                                                                                                          \
    UNROLL for (uint i = 0u; i < LOADS_A; i++)                                                                         \
        sa[ROW_PLACE(i) * STEP + K_PLACE / 4u] = f16vec4(ga[i]);                                                       \
    UNROLL for (uint i = 0u; i < LOADS_B; i++)                                                                         \
        sb[ROW_PLACE(i) * STEP + K_PLACE / 4u] = f16vec4(unpackFloat2x16(gb[i].x), unpackFloat2x16(gb[i].y));

KERNEL(linear_matrix)
BODY(LOCAL(f16vec4, sa, BM * STEP) LOCAL(f16vec4, sb, BN * STEP) LOCAL(F4, made, SUBGROUPS * MATRIX))
#include "linear_place.h"
    const uint block = gl_SubgroupID / (BN / TN) * TM, block_column = gl_SubgroupID % (BN / TN) * TN;
    F4 ga[LOADS_A];
    uvec2 gb[LOADS_B];
    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sum[ROWS * COLUMNS];
    UNROLL for (uint i = 0u; i < ROWS * COLUMNS; i++)
        sum[i] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0f);
    TILES_BEGIN
        UNROLL for (uint q = 0u; q < BK; q += K_STEP)
        {
            coopmat<float16_t, gl_ScopeSubgroup, M, K_STEP, gl_MatrixUseA> a;
            coopmat<float16_t, gl_ScopeSubgroup, K_STEP, N, gl_MatrixUseB> b[COLUMNS];
            UNROLL for (uint j = 0u; j < COLUMNS; j++)
                coopMatLoad(b[j], sb, (block_column + j * N) * STEP + q / 4u, STEP, gl_CooperativeMatrixLayoutColumnMajor);
            UNROLL for (uint i = 0u; i < ROWS; i++)
            {
                coopMatLoad(a, sa, (block + i * M) * STEP + q / 4u, STEP, gl_CooperativeMatrixLayoutRowMajor);
                UNROLL for (uint j = 0u; j < COLUMNS; j++)
                    sum[i * COLUMNS + j] = coopMatMulAdd(a, b[j], sum[i * COLUMNS + j]);
            }
        }
    TILES_END
    const uint first = gl_SubgroupID * MATRIX;
    UNROLL for (uint i = 0u; i < ROWS * COLUMNS; i++)
    {
        BARRIER;
        coopMatStore(sum[i], made, first, N / 4u, gl_CooperativeMatrixLayoutRowMajor);
        BARRIER;
        for (uint at = gl_SubgroupInvocationID; at < MATRIX; at += gl_SubgroupSize) {
            const uint r = row0 + block + i / COLUMNS * M + at / (N / 4u);
            const uint c = column0 + block_column + i % COLUMNS * N + at % (N / 4u) * 4u;
            F4 v = made[first + at];
            DELIVER(v, r, c, READ_BIAS(c, columns_end))
        }
    }
END
