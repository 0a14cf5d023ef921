/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop over K, included inside a kernel: fills `float sum[TM * TN]`. Takes the constant `depth` (0: the group has nothing
 * to do), and of the kernel
 *     LOAD(k)        ga, gb = this thread's part of the tiles at k, all of it in bounds
 *     LOAD_EDGE(n)   the same for the n <= BK first steps of K, zeros behind them
 *     STORE          puts ga, gb where the tiles lie
 *     AHEAD          constant: the next tile is loaded while this one is multiplied: more registers, less waiting
 * When K is no multiple of BK, the tile that is not full comes first, so that the loop knows no edge.
 */
    F4 ga[LOADS_A], gb[LOADS_B];
    float sum[TM * TN]; /* not groups of four: Intel's compiler spills those */
    const uint edge = (depth + BK - 1u) % BK + 1u;
    const uint k_end = depth > 0u ? depth + BK : 0u;
    UNROLL for (uint i = 0u; i < TM * TN; i++)
        sum[i] = 0.0f;
    if (depth > 0u) {
        LOAD_EDGE(edge)
        STORE
    }
    for (uint k = edge; k < k_end; k += BK) {
        BARRIER;
        if (AHEAD && k < depth) {
            LOAD(k)
        }
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
        BARRIER;
        if (k < depth) {
            if (!AHEAD) {
                LOAD(k)
            }
            STORE
        }
    }
