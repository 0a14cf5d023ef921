/* SPDX-License-Identifier: Apache-2.0
 *
 * What `attention` and its second pass have in common. A work-group of 64 threads has 8 * TR query rows of one head, takes the
 * sequences among them one by one, and walks over the keys of each, 8 * HELD a step. A thread has TR neighbouring rows by HELD
 * keys of the scores, four neighbours of each 32: four keys take one counter of Philox, and rows and keys are few distances
 * apart. Q lies in shared memory, K passes through it KEY_QUADS groups of four columns at a time. A row of another sequence in
 * the tile computes what nobody stores, so the products know no bounds.
 * Included before KERNEL, behind activations.h, philox.h, sequence.h and attention_flags.h; takes TR, SIZE (of a head), HELD
 * (4 or 8) and FLAGS. Inside of the kernel attention_head.h and attention_group.h come first, attention_scores.h for each step.
 */
#define LSE HAS(GPU_ATTENTION_LSE)
#define KEEP HAS(GPU_ATTENTION_KEEP)
#define DROPOUT HAS(GPU_ATTENTION_DROPOUT)
#define AHEAD HAS(GPU_ATTENTION_AHEAD)
#define ROWS (8u * TR)
#define KEYS (8u * HELD)
#define KEY_QUADS (32u / HELD)
#define CHUNKS ((SIZE + 31u) / 32u)
#define QUADS (CHUNKS * 8u)
#define KEY_LOADS (KEYS * KEY_QUADS / WG)

/* Row i and key j of the thread, counted from those of the group and of the step. */
#define ROW_OF(i) (TR * tr + (i))
#define KEY_OF(j) (4u * tc + (j) % 4u + (j) / 4u * 32u)

/* Shared memory, in groups of four: Q and a chunk of K lie with the eight rows, or keys, side by side that are read at once,
 * row i of thread row tr in place tr + 8 i, key j likewise; the step spreads what is written at once over all banks. */
#define Q_AT(p, q) ((q) * ROWS + (p))
#define K_AT(p, q) ((q) * (KEYS + 8u / KEY_QUADS) + (p))
#define ROW_AT(p) ((p) % 8u * TR + (p) / 8u)
#define KEY_AT(p) ((p) % 8u * 4u + (p) / 8u % 4u + (p) / 32u * 32u)

/* With dropout a step begins at a multiple of four keys of the sequence, which may lie before the window. */
#define FIRST_STEP (DROPOUT ? low - (low - from) % 4u : low)
#define SEEN(k) ((k) < high && (!DROPOUT || (k) >= low))
#define NEAREST_SEEN(k) LESSER(DROPOUT ? GREATER(k, low) : (k), high - 1u)

/* Group of four q of row r of a head; past the last column zero. */
#define READ_HEAD(name, r, q)                                                                                          \
    (SIZE % 32u == 0u || (q) * 4u < SIZE ? READ4(WHOLE, name, ROW(name, r) + column0, (q) * 4u, SIZE) : SPLAT4(0.0f))

/* A key that is not seen is the nearest that is. */
#define LOAD_KEYS(k0, chunk)                                                                                           \
    UNROLL for (uint i = 0u; i < KEY_LOADS; i++)                                                                       \
    {                                                                                                                  \
        const uint k = (k0) + KEY_AT(THREAD / KEY_QUADS) + KEY_AT(i * (WG / KEY_QUADS));                               \
        ahead[i] = READ_HEAD(key, KEY_ROW(NEAREST_SEEN(k)), (chunk) * KEY_QUADS + THREAD % KEY_QUADS);                 \
    }
#define STORE_KEYS                                                                                                     \
    UNROLL for (uint i = 0u; i < KEY_LOADS; i++)                                                                       \
        tile[K_AT(THREAD / KEY_QUADS + i * (WG / KEY_QUADS), THREAD % KEY_QUADS)] = ahead[i];
#define FMA_ROW(a, b, sum) fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))))

/* p of query i, in row r, and of keys j to j + 3, with zeros where dropped; j is a multiple of 4. */
#define DROP_KEYS(p, r, i, j)                                                                                          \
    drop4(philox(seed0, seed1, at_step, site, TO_UINT(origin[ROW(origin, r) + PLN_ORIGIN_SEQUENCE]),                   \
                 ((i) << 16) + (j) / 4u), drop_below, p)

/* The sequence that row `first` lies in, up to row `end` of the group, and the keys of it that the launch sees. `pairs_used`
 * is a constant: whether the kernel asks for PAIR_ROW. */
#define TAKE_SEQUENCE(first, pairs_used)                                                                               \
    uint b;                                                                                                            \
    FIND_SEQUENCE(b, first)                                                                                            \
    const uint begin = TO_UINT(starts[ROW(starts, b)]), from = KEYS_FROM(b), to = KEYS_FROM(b + 1u);                   \
    const uint low = GREATER(from, TABLE_FIRST), high = KEYS_END(to);                                                  \
    const uint past = KEYS_PAST(to - from, TO_UINT(starts[ROW(starts, b + 1u)]) - begin);                              \
    const uint pair = (pairs_used) ? TO_UINT(pair_starts[ROW(pair_starts, b)]) : 0u;                                   \
    end = LESSER(rows_end, TO_UINT(starts[ROW(starts, b + 1u)]));
/* Where a plane of `bias`, or of the probabilities, has row r and the key at `from`. */
#define PAIR_ROW(r) (pair + ((r) - begin) * (to - from))
