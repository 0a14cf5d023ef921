/* SPDX-License-Identifier: Apache-2.0
 *
 * How both kernels of attention.h go on behind attention_head.h, included inside of them: the thread's place among rows and
 * keys, what dropout is drawn from, and Q in tile_q.
 */
    const uint tr = THREAD / 8u, tc = THREAD % 8u;
    const uint seed0 = DROPOUT ? TO_UINT(random[FIRST(random) + PLN_RANDOM_SEED_LOW]) : 0u;
    const uint seed1 = DROPOUT ? TO_UINT(random[FIRST(random) + PLN_RANDOM_SEED_HIGH]) : 0u;
    const uint at_step = DROPOUT ? TO_UINT(random[FIRST(random) + PLN_RANDOM_STEP]) : 0u;
    const uint site = PARAM(PLN_ATTENTION_PARAM_SITE) + (head << 16);
    const uint drop_below = PARAM(PLN_ATTENTION_PARAM_DROP_BELOW);
    const float y_scale = DROPOUT ? factor * PARAM_FLOAT(PLN_ATTENTION_PARAM_KEEP_SCALE) : factor;

    if (row0 < rows_end) {
        for (uint i = THREAD; i < ROWS * QUADS; i += WG) {
            const uint p = i / QUADS, q = i % QUADS, r = LESSER(row0 + ROW_AT(p), rows_end - 1u);
            tile_q[Q_AT(p, q)] = READ_HEAD(query, r, q) * scale;
        }
    }
