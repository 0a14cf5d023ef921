/* SPDX-License-Identifier: Apache-2.0
 *
 * attention.k for Vulkan devices that are CPUs (lavapipe; see linear_cpu.comp): a group is one subgroup, no shared memory, no
 * barrier. A group has ROWS query rows of one head and takes the sequences among them one by one, a lane a row; it walks over
 * the keys WG at a time, each lane loading one key and one value, which all lanes take by shuffles. Online softmax as in
 * attention.k, same operands, flags and windows of keys; the probabilities are that kernel's second pass.
 */
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "dialect.h"
#include "activations.h"
#include "philox.h"
#include "sequence.h"
SPEC(1, ROWS, 48u)
SPEC(2, SIZE, 64u) /* of a head */
SPEC(3, FLAGS, 0u)
#include "attention_flags.h"
#define LSE HAS(GPU_ATTENTION_LSE)
#define KEEP HAS(GPU_ATTENTION_KEEP)
#define DROPOUT HAS(GPU_ATTENTION_DROPOUT)
#define QUADS ((SIZE + 3u) / 4u)

#define FMA_ROW(a, b, sum) fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))))

#include "attention_operands.h"
KERNEL(attention_cpu)
BODY(NO_LOCALS)
    const uint lane = gl_SubgroupInvocationID;
#include "attention_head.h"
    uint end;
    for (uint first = row0; first < rows_end; first = end) {
        uint b;
        FIND_SEQUENCE(b, first)
        const uint begin = TO_UINT(starts[ROW(starts, b)]);
        end = LESSER(LESSER(rows_end, TO_UINT(starts[ROW(starts, b + 1u)])), first + WG);
        const uint from = KEYS_FROM(b), to = KEYS_FROM(b + 1u);
        const uint low = GREATER(from, TABLE_FIRST), high = KEYS_END(to);
        const uint past = KEYS_PAST(to - from, TO_UINT(starts[ROW(starts, b + 1u)]) - begin);
        const uint row = LESSER(first + lane, end - 1u), diagonal = from + past + row - begin;
        const uint pair = BIAS ? plane + TO_UINT(pair_starts[ROW(pair_starts, b)]) + (row - begin) * (to - from) - from : 0u;
        float top = -LARGEST, sum = 0.0f;
        F4 q[QUADS], o[QUADS];
        UNROLL for (uint d = 0u; d < QUADS; d++)
        {
            q[d] = READ4(WHOLE, query, ROW(query, row) + column0, d * 4u, SIZE);
            o[d] = SPLAT4(0.0f);
        }
        if (from < low && low < high && first + lane < end) {
            top = statistics[ROW(statistics, row) + 2u * head];
            sum = statistics[ROW(statistics, row) + 2u * head + 1u];
            UNROLL for (uint d = 0u; d < QUADS; d++)
                o[d] = READ4(WHOLE, y, ROW(y, row) + column0, d * 4u, SIZE);
        }
        for (uint k0 = low; k0 < high; k0 += WG) {
            const uint mine = KEY_ROW(LESSER(k0 + lane, high - 1u));
            float s[WG];
            UNROLL for (uint j = 0u; j < WG; j++)
                s[j] = 0.0f;
            UNROLL for (uint d = 0u; d < QUADS; d++)
            {
                const F4 k = READ4(WHOLE, key, ROW(key, mine) + column0, d * 4u, SIZE);
                UNROLL for (uint j = 0u; j < WG; j++)
                {
                    const F4 other = subgroupShuffle(k, j);
                    s[j] = FMA_ROW(q[d], other, s[j]);
                    if (DISTANCE) {
                        const uint apart = diagonal + reach - (k0 + j), e = ROW(distance, LESSER(apart, 2u * reach));
                        const F4 away = X4(distance, e + d * 4u);
                        s[j] = FMA_ROW(q[d], away, s[j]);
                        if (DISTANCE_KEY)
                            s[j] = FMA_ROW(other, away, s[j]);
                    }
                }
            }
            float now = top;
            UNROLL for (uint j = 0u; j < WG; j++)
            {
                const uint k = k0 + j;
                s[j] *= scale;
                if (BIAS && k < high)
                    s[j] += bias[ROW(bias, pair + k)];
                if (k >= high || (CAUSAL && k > diagonal))
                    s[j] = -LARGEST;
                else if (KEY_MASK && key_mask[ROW(key_mask, k)] == 0)
                    s[j] = -LARGEST;
                now = GREATER(now, s[j]);
            }
            const float keep = exp_safe(top - now);
            top = now;
            sum *= keep;
            UNROLL for (uint j = 0u; j < WG; j++)
            {
                s[j] = k0 + j < high ? exp_safe(s[j] - now) : 0.0f;
                sum += s[j];
            }
            UNROLL for (uint j = 0u; DROPOUT && j < WG; j += 4u)
            {
                const F4 kept =
                    dropout4(RANDOM(FIRST(random)), PARAM(PLN_ATTENTION_PARAM_SITE) + (head << 16),
                             TO_UINT(origin[ROW(origin, row) + PLN_ORIGIN_SEQUENCE]),
                             (row - begin) << 16, k0 + j - from, PARAM(PLN_ATTENTION_PARAM_DROP_BELOW),
                             PARAM_FLOAT(PLN_ATTENTION_PARAM_KEEP_SCALE));
                s[j] *= kept.x;
                s[j + 1u] *= kept.y;
                s[j + 2u] *= kept.z;
                s[j + 3u] *= kept.w;
            }
            UNROLL for (uint d = 0u; d < QUADS; d++)
            {
                const F4 v = READ4(WHOLE, value, ROW(value, mine) + column0, d * 4u, SIZE);
                F4 t = o[d] * keep;
                UNROLL for (uint j = 0u; j < WG; j++)
                    t = FMA4(s[j], subgroupShuffle(v, j), t);
                o[d] = t;
            }
        }
        const bool whole = to == high;
        if (first + lane < end && (low < high || from == to)) {
            const float share = whole ? factor / sum : 1.0f;
            UNROLL for (uint d = 0u; d < QUADS; d++)
            {
                const F4 v = o[d] * share;
                WRITE4(WHOLE, y, ROW(y, row) + column0, d * 4u, SIZE, v)
            }
            if (LSE)
                lse[ROW(lse, row) + head] = sum > 0.0f ? top + log(sum) : NOT_A_NUMBER;
            if (KEEP || !whole) {
                statistics[ROW(statistics, row) + 2u * head] = top;
                statistics[ROW(statistics, row) + 2u * head + 1u] = sum;
            }
        }
    }
END
