/* SPDX-License-Identifier: Apache-2.0
 *
 * attention.k for OpenCL devices that are CPUs: one thread a group, no shared memory. A group has ROWS query rows of one head
 * and takes the sequences among them one by one; it walks over the keys 16 at a time, transposes them, and multiplies with
 * the register tile of linear_cpu.cl: TM rows by 16 keys for the scores, TM rows by 16 columns for y. Online softmax as in
 * attention.k, same operands, flags and windows of keys; the probabilities are that kernel's second pass.
 */
#include "dialect.h"
#include "activations.h"
#include "philox.h"
#include "sequence.h"
#include "wide.h"
SPEC(1, ROWS, 8u)
SPEC(2, SIZE, 64u) /* of a head */
SPEC(3, FLAGS, 0u)
#include "attention_flags.h"
#define LSE HAS(GPU_ATTENTION_LSE)
#define KEEP HAS(GPU_ATTENTION_KEEP)
#define DROPOUT HAS(GPU_ATTENTION_DROPOUT)
#define TM 6u
#define KEYS 16u
#define PIECES ((SIZE + 15u) / 16u)
#define ROWS_ ((ROWS + TM - 1u) / TM * TM)

static float largest_of(float16 v)
{
    const float8 a = fmax(v.lo, v.hi);
    const float4 b = fmax(a.lo, a.hi);
    const float2 c = fmax(b.lo, b.hi);
    return fmax(c.x, c.y);
}

static float sum_of(float16 v)
{
    const float8 a = v.lo + v.hi;
    const float4 b = a.lo + a.hi;
    return SUM4(b);
}

/* Sum over d of (q[d] + the key's k[d] if it counts too) * e[d]; k is a column of the transposed keys. */
static float distance_term(__global const float *q, const float *k, __global const float *e)
{
    float s = 0.0f;
    for (uint d = 0; d < SIZE; d++)
        s = fma(q[d] + (DISTANCE_KEY ? k[d * KEYS] : 0.0f), e[d], s);
    return s;
}

/* What the probabilities of 16 keys from key j of the sequence on are multiplied with. */
static float16 kept16(__global const int *random, int sequence, uint head, uint i, uint j, __global const uint *params)
{
    const uint below = params[PLN_ATTENTION_PARAM_DROP_BELOW], site = params[PLN_ATTENTION_PARAM_SITE] + (head << 16);
    const float scale = as_float(params[PLN_ATTENTION_PARAM_KEEP_SCALE]);
    float4 kept[4];
    for (uint n = 0; n < 4; n++)
        kept[n] = dropout4(RANDOM(0), site, (uint)sequence, i << 16, j + 4u * n, below,
                           scale);
    return (float16)(kept[0], kept[1], kept[2], kept[3]);
}

#include "attention_operands.h"
KERNEL(attention_cpu)
BODY(NO_LOCALS)
#include "attention_head.h"
    const int16 lane = (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    float keys[SIZE * KEYS], p[TM * KEYS], top[ROWS_], sum[ROWS_];
    float16 o[ROWS_ * PIECES];

    for (uint first = row0; first < rows_end;) {
        uint b;
        FIND_SEQUENCE(b, first)
        const uint begin = TO_UINT(starts[ROW(starts, b)]), end = LESSER(rows_end, TO_UINT(starts[ROW(starts, b + 1u)]));
        const uint from = KEYS_FROM(b), to = KEYS_FROM(b + 1u);
        const uint low = GREATER(from, TABLE_FIRST), high = KEYS_END(to);
        const uint past = KEYS_PAST(to - from, TO_UINT(starts[ROW(starts, b + 1u)]) - begin);
        const uint pair = BIAS ? TO_UINT(pair_starts[ROW(pair_starts, b)]) - from : 0u;
        for (uint i = 0; i < ROWS_; i++) {
            top[i] = -LARGEST;
            sum[i] = 0.0f;
        }
        for (uint i = 0; i < ROWS_ * PIECES; i++)
            o[i] = (float16)(0.0f);
        for (uint r = first; r < end && from < low && low < high; r++) {
            const uint at = r - first;
            top[at] = statistics[ROW(statistics, r) + 2u * head];
            sum[at] = statistics[ROW(statistics, r) + 2u * head + 1u];
            for (uint c = 0; c < PIECES; c++)
                o[at * PIECES + c] = load16(y + (ROW(y, r) + column0 + c * 16u), SIZE - c * 16u);
        }
        for (uint k0 = low; k0 < high; k0 += KEYS) {
            const uint n = LESSER(high - k0, KEYS);
            int16 hidden = (int16)(0);
            if (KEY_MASK) {
                int mask[KEYS];
                for (uint j = 0; j < KEYS; j++)
                    mask[j] = j < n && key_mask[ROW(key_mask, k0 + j)] == 0 ? -1 : 0;
                hidden = vload16(0, mask);
            }
            for (uint j = 0; j < KEYS; j++) {
                __global const float *k = key + (ROW(key, KEY_ROW(k0 + LESSER(j, n - 1u))) + column0);
                for (uint d = 0; d < SIZE; d++)
                    keys[d * KEYS + j] = k[d];
            }
            for (uint r0 = first; r0 < end; r0 += TM) {
                __global const float *q[TM];
                float16 s[TM];
                UNROLL for (uint i = 0; i < TM; i++)
                {
                    q[i] = query + (ROW(query, LESSER(r0 + i, end - 1u)) + column0);
                    s[i] = (float16)(0.0f);
                }
                for (uint d = 0; d < SIZE; d++) {
                    const float16 k = vload16(d, keys);
                    UNROLL for (uint i = 0; i < TM; i++)
                        s[i] = fma((float16)(q[i][d]), k, s[i]);
                }
                UNROLL for (uint i = 0; i < TM; i++)
                {
                    const uint r = LESSER(r0 + i, end - 1u), at = r0 + i - first;
                    const uint diagonal = from + past + r - begin;
                    float16 t = s[i];
                    if (DISTANCE) {
                        float more[KEYS];
                        for (uint j = 0; j < KEYS; j++) {
                            const uint apart = diagonal + reach - (k0 + j), row = LESSER(apart, 2u * reach);
                            more[j] = distance_term(q[i], keys + j, distance + ROW(distance, row));
                        }
                        t += vload16(0, more);
                    }
                    t *= scale;
                    if (BIAS) {
                        float more[KEYS];
                        for (uint j = 0; j < KEYS; j++)
                            more[j] = j < n ? bias[ROW(bias, plane + pair + (r - begin) * (to - from) + k0 + j)] : 0.0f;
                        t += vload16(0, more);
                    }
                    const int16 outside = lane >= (int16)((int)n);
                    t = outside | hidden ? (float16)(-LARGEST) : t;
                    if (CAUSAL)
                        t = lane > (int16)((int)(diagonal - k0)) ? (float16)(-LARGEST) : t;
                    const float now = fmax(top[at], largest_of(t)), keep = exp_safe(top[at] - now);
                    const float16 away = t - now;
                    float16 e = exp(away);
                    e = away < (float16)(-103.0f) || outside ? (float16)(0.0f) : e;
                    sum[at] = fma(sum[at], keep, sum_of(e));
                    if (DROPOUT)
                        e *= kept16(random + FIRST(random), origin[ROW(origin, r) + PLN_ORIGIN_SEQUENCE], head, r - begin,
                                    k0 - from, plan + record);
                    vstore16(e, i, p);
                    top[at] = now;
                    if (keep != 1.0f)
                        for (uint c = 0; c < PIECES; c++)
                            o[at * PIECES + c] *= keep;
                }
                for (uint c = 0; c < PIECES; c++) {
                    const uint at = (r0 - first) * PIECES + c;
                    float16 a[TM];
                    UNROLL for (uint i = 0; i < TM; i++)
                        a[i] = o[at + i * PIECES];
                    for (uint j = 0; j < n; j++) {
                        const float16 v = load16(value + (ROW(value, KEY_ROW(k0 + j)) + column0 + c * 16u), SIZE - c * 16u);
                        UNROLL for (uint i = 0; i < TM; i++)
                            a[i] = fma((float16)(p[i * KEYS + j]), v, a[i]);
                    }
                    UNROLL for (uint i = 0; i < TM; i++)
                        o[at + i * PIECES] = a[i];
                }
            }
        }
        const bool whole = to == high;
        for (uint r = first; r < end && (low < high || from == to); r++) {
            const uint at = r - first;
            const float share = whole ? factor / sum[at] : 1.0f;
            for (uint c = 0; c < PIECES; c++)
                store16(y + (ROW(y, r) + column0 + c * 16u), SIZE - c * 16u, o[at * PIECES + c] * share);
            if (LSE)
                lse[ROW(lse, r) + head] = sum[at] > 0.0f ? top[at] + log(sum[at]) : NOT_A_NUMBER;
            if (KEEP || !whole) {
                statistics[ROW(statistics, r) + 2u * head] = top[at];
                statistics[ROW(statistics, r) + 2u * head + 1u] = sum[at];
            }
        }
        first = end;
    }
END
