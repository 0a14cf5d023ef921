/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop of product.h over K, included inside a kernel: fills `float sum[TM * TN]`.
 */
    F4 ga[LOADS_A], gb[LOADS_B];
    float sum[TM * TN]; /* not groups of four: Intel's compiler spills those */
    UNROLL for (uint i = 0u; i < TM * TN; i++)
        sum[i] = 0.0f;
    TILES_BEGIN
        UNROLL for (uint q = 0u; q < BK; q++)
        {
            float a[TM], b[TN];
            UNROLL for (uint i = 0u; i < TM; i += 4u)
            {
                const F4 v = LOCAL4(sa, q * STEP_A + ROW_OF(i));
                a[i] = v.x;
                a[i + 1u] = v.y;
                a[i + 2u] = v.z;
                a[i + 3u] = v.w;
            }
            UNROLL for (uint j = 0u; j < TN; j += 4u)
            {
                const F4 v = LOCAL4(sb, q * STEP_B + COLUMN_OF(j));
                b[j] = v.x;
                b[j + 1u] = v.y;
                b[j + 2u] = v.z;
                b[j + 3u] = v.w;
            }
            UNROLL for (uint i = 0u; i < TM; i++)
            {
                UNROLL for (uint j = 0u; j < TN; j++)
                    sum[i * TN + j] = fma(a[i], b[j], sum[i * TN + j]);
            }
        }
    TILES_END
