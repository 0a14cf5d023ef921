/* SPDX-License-Identifier: Apache-2.0
 *
 * A pair of attention in its backward pass: query i and key j (both counted within their sequence b), of the kernel's `head`.
 * Kernels that include this have the operands of attention_backward from slot 0 on, and its flags, of which
 * attention_flags.h comes before.
 */
#define DROPOUT HAS(GPU_ATTENTION_BACKWARD_DROPOUT)
#define QUADS ((SIZE + 3u) / 4u)

#define PAIR_OPERANDS(READ, READ_HALF, WRITE)                                                                          \
    READ(1, float, query) READ(2, float, key) READ(3, float, value) READ(4, int, starts) READ(5, int, source_starts)   \
    READ(6, int, key_mask) READ(7, float, bias) READ(8, int, pair_starts) READ(9, float, distance)                     \
    READ(10, float, head_mask) READ(11, int, origin) READ(12, int, random) READ(13, float, lse) READ(14, float, delta) \
    READ(15, float, d_y)

#define QUERIES_FROM(b) TO_UINT(starts[ROW(starts, b)])
#define KEYS_FROM(b) TO_UINT(SOURCE ? source_starts[ROW(source_starts, b)] : starts[ROW(starts, b)])
#define HEAD4(name, r, q) READ4(WHOLE, name, ROW(name, r) + column0, (q) * 4u, SIZE)
#define DISTANCE4(i, j, q) READ4(false, distance, ROW(distance, (i) + reach - (j)), (q) * 4u, SIZE)
#define FMA_ROW(a, b, sum) fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))))

#define HIDDEN(i, j, keys0) ((KEY_MASK && key_mask[ROW(key_mask, (keys0) + (j))] == 0) || (CAUSAL && (j) > (i)))
#define BIAS_OF(b, i, j, keys) bias[ROW(bias, plane + TO_UINT(pair_starts[ROW(pair_starts, b)]) + (i) * (keys) + (j))]

/* From the scaled score s and dp = d_y_i . v_j: what d_value_j takes of d_y_i, and d_s. */
#define DIFFERENTIATE_PAIR(of_value, of_score, b, i, j, queries0, keys0, keys, s_, dp_)                                \
    {                                                                                                                  \
        const uint row_ = (queries0) + (i);                                                                            \
        const float lse_ = lse[ROW(lse, row_) + head];                                                                 \
        float score_ = s_, m_ = factor;                                                                                \
        if (BIAS)                                                                                                      \
            score_ += BIAS_OF(b, i, j, keys);                                                                          \
        const bool hidden_ = HIDDEN(i, j, keys0);                                                                      \
        if (DROPOUT) {                                                                                                 \
            const U4 w_ = philox(RANDOM(FIRST(random)), PARAM(PLN_ATTENTION_BACKWARD_PARAM_SITE) + (head << 16),       \
                                 TO_UINT(origin[ROW(origin, row_) + PLN_ORIGIN_SEQUENCE]), ((i) << 16) + (j) / 4u);    \
            m_ *= word_of(w_, j) < PARAM(PLN_ATTENTION_BACKWARD_PARAM_DROP_BELOW)                                      \
                      ? 0.0f                                                                                           \
                      : PARAM_FLOAT(PLN_ATTENTION_BACKWARD_PARAM_KEEP_SCALE);                                          \
        }                                                                                                              \
        float p_ = hidden_ ? 0.0f : exp_safe(score_ - lse_);                                                           \
        if (lse_ <= -LARGEST) { /* a row without a visible key: all share evenly, but those at -infinity */            \
            uint n_ = BIAS ? 0u : keys;                                                                                \
            for (uint k_ = 0u; BIAS && k_ < (keys); k_++)                                                              \
                n_ += HIDDEN(i, k_, keys0) || BIAS_OF(b, i, k_, keys) >= -LARGEST ? 1u : 0u;                           \
            p_ = hidden_ || !BIAS || score_ >= -LARGEST ? 1.0f / TO_FLOAT(n_) : 0.0f;                                  \
        }                                                                                                              \
        of_value = m_ * p_;                                                                                            \
        of_score = hidden_ ? 0.0f : p_ * (m_ * (dp_) - delta[ROW(delta, row_) + head]) * scale;                        \
    }
