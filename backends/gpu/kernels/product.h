/* SPDX-License-Identifier: Apache-2.0
 *
 * The tiled product that `linear` and its kin are made of: a work-group makes BM x BN sums over K, a thread TM x TN of them
 * in pieces of 4 x 4 strided by the whole group (no bank conflicts). Tiles of both operands, BK deep, lie K-major in shared
 * memory, whatever way the operands lie. Included before KERNEL; product_loop.h is the loop itself. linear_matrix.comp has the
 * same loop round another step: there a subgroup makes TM x TN sums, and tiles lie as they are loaded.
 */
SPEC(1, BM, 64u)
SPEC(2, BN, 64u)
SPEC(3, BK, 16u)
SPEC(4, TM, 8u)
SPEC(5, TN, 8u)
#define STEP_A (BM + 4u)
#define STEP_B (BN + 4u)
#define THREADS_N (BN / TN)
#define LOADS_A (BM * BK / 4u / WG) /* groups of four of a tile that a thread brings */
#define LOADS_B (BN * BK / 4u / WG)
#define PRODUCT_LOCALS LOCAL(float, sa, BK * STEP_A) LOCAL(float, sb, BK * STEP_B)

/* An operand whose rows run along K: a group of four is four steps of K of one row, K_PLACE of row ROW_PLACE(i). */
#define K_PLACE (THREAD % (BK / 4u) * 4u)
#define ROW_PLACE(i) (THREAD / (BK / 4u) + (i) * (WG / (BK / 4u)))
#define STORE_ALONG(tile, step, loads, quads)                                                                          \
    UNROLL for (uint i = 0u; i < loads; i++)                                                                           \
    {                                                                                                                  \
        const uint at = K_PLACE * step + ROW_PLACE(i);                                                                 \
        tile[at] = quads[i].x;                                                                                         \
        tile[at + step] = quads[i].y;                                                                                  \
        tile[at + 2u * step] = quads[i].z;                                                                             \
        tile[at + 3u * step] = quads[i].w;                                                                             \
    }

/* Element (i, j) of a thread's sums is row ROW_OF(i), column COLUMN_OF(j) of the group's. */
#define ROW_OF(i) (THREAD / THREADS_N * 4u + (i) / 4u * (BM / (TM / 4u)) + (i) % 4u)
#define COLUMN_OF(j) (THREAD % THREADS_N * 4u + (j) / 4u * (BN / (TN / 4u)) + (j) % 4u)

/* The loop over K, round what is done with the two tiles of a step once they lie in shared memory. Takes the constant `depth`
 * (0: the group has nothing to do), and of the kernel
 *     LOAD(k)          ga, gb = this thread's part of the tiles at k, all of it in bounds
 *     LOAD_EDGE(k, n)  the same for the last n <= BK steps of K, zeros behind them
 *     STORE            puts ga, gb where the tiles lie
 *     K_EDGE           constant: the last tile is not full
 *     AHEAD            constant: the next tile is loaded while this one is multiplied: more registers, less waiting
 * A last tile that is not full is taken first, so that the loop knows no edge; else all are taken in their order, so that tiles
 * of any depth sum alike. Whether one follows is asked in two ways: of one, compilers would keep the answer. */
#define TILES_BEGIN                                                                                                    \
    const uint full = K_EDGE && depth > 0u ? (depth - 1u) / BK * BK : depth; /* behind the tiles that the loop loads */\
    const uint k_end = depth > 0u ? full + 1u : 0u;                                                                    \
    if (depth > 0u) {                                                                                                  \
        LOAD_EDGE((K_EDGE ? full : 0u), depth - full)                                                                  \
        STORE                                                                                                          \
    }                                                                                                                  \
    for (uint k = K_EDGE ? 0u : BK; k < k_end; k += BK) {                                                              \
        BARRIER;                                                                                                       \
        if (AHEAD && k < full) {                                                                                       \
            LOAD(k)                                                                                                    \
        }
#define TILES_END                                                                                                      \
        BARRIER;                                                                                                       \
        if (k != full) {                                                                                               \
            if (!AHEAD) {                                                                                              \
                LOAD(k)                                                                                                \
            }                                                                                                          \
            STORE                                                                                                      \
        }                                                                                                              \
    }
