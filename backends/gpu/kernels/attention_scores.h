/* SPDX-License-Identifier: Apache-2.0
 *
 * The scores of one step, included inside of both kernels of attention: from keys [k0, k0 + KEYS) of [from, to), those below
 * `high` in sight, to s[TR * HELD], scaled, biased and masked. With AHEAD, `ahead` holds the first chunk of K before, and after
 * it what LOAD_AFTER_SCORES loads. UNROLL_CHUNKS may unroll the loop over the chunks.
 */
            UNROLL for (uint i = 0u; i < TR * HELD; i++)
                s[i] = 0.0f;
            UNROLL_CHUNKS for (uint chunk = 0u; chunk < QUADS / KEY_QUADS; chunk++)
            {
                if (!AHEAD) {
                    LOAD_KEYS(k0, chunk)
                }
                BARRIER;
                STORE_KEYS
                BARRIER;
                if (AHEAD && chunk + 1u < QUADS / KEY_QUADS) {
                    LOAD_KEYS(k0, chunk + 1u)
                } else if (AHEAD) {
                    LOAD_AFTER_SCORES
                }
                UNROLL_FREELY for (uint d = 0u; d < KEY_QUADS; d++)
                {
                    F4 a[TR];
                    UNROLL for (uint i = 0u; i < TR; i++)
                        a[i] = tile_q[Q_AT(tr + 8u * i, chunk * KEY_QUADS + d)];
                    UNROLL for (uint j = 0u; j < HELD; j++)
                    {
                        const F4 k = tile[K_AT(tc + 8u * j, d)];
                        UNROLL for (uint i = 0u; i < TR; i++)
                            s[i * HELD + j] = FMA_ROW(a[i], k, s[i * HELD + j]);
                    }
                }
                if (DISTANCE) { /* row i and key j are i - j apart from the thread's first two: few rows of the table */
                    UNROLL for (uint g = 0u; g < HELD; g += 4u)
                    {
                        const uint apart = row0 + ROW_OF(0u) - begin + reach - (k0 - from + KEY_OF(g));
                        UNROLL for (uint t = 0u; t < TR + 3u; t++)
                        {
                            const uint e0 = ROW(distance, LESSER(apart + t - 3u, 2u * reach));
                            ROLLED for (uint d = 0u; d < KEY_QUADS && (chunk * KEY_QUADS + d) * 4u < SIZE; d++)
                            {
                                const F4 e = X4(distance, e0 + (chunk * KEY_QUADS + d) * 4u);
                                UNROLL for (uint i = 0u; i < TR; i++)
                                {
                                    if (i <= t && t <= i + 3u) {
                                        const uint j = g + i + 3u - t, at = i * HELD + j;
                                        const F4 a = tile_q[Q_AT(tr + 8u * i, chunk * KEY_QUADS + d)];
                                        s[at] = FMA_ROW(a, e, s[at]);
                                        if (DISTANCE_KEY) {
                                            const F4 k = tile[K_AT(tc + 8u * j, d)];
                                            s[at] = fma(FMA_ROW(k, e, 0.0f), scale, s[at]);
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            UNROLL for (uint j = 0u; j < HELD; j++)
            {
                const uint k = k0 + KEY_OF(j);
                const bool masked = KEY_MASK && key_mask[ROW(key_mask, NEAREST_SEEN(k))] == 0;
                UNROLL for (uint i = 0u; i < TR; i++)
                {
                    const uint r = row0 + ROW_OF(i), at = i * HELD + j;
                    if (BIAS && r >= first && r < end && k < high)
                        s[at] += bias[ROW(bias, plane + PAIR_ROW(r) + k - from)];
                    s[at] = masked || (CAUSAL && k - from > r - begin) ? -LARGEST : s[at];
                    s[at] = SEEN(k) ? s[at] : -INFINITE;
                }
            }
