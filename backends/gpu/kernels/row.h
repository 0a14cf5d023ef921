/* SPDX-License-Identifier: Apache-2.0
 *
 * LayerNorm of a row that the threads of a group hold in registers: v[VALUES], group of four i of a thread at column
 * COLUMN(i). Mean and biased variance in two passes; needs tile[WG] and gives mean_, rstd_ and xhat as v * scale_.
 *
 * All of it is taken from `pivot`, the row's first element: what is left of equal numbers is zero, and of near ones exact,
 * where a mean would be a rounding away from them, which rstd, up to 1e6, multiplies. Where squares leave f32, what is left
 * is made smaller by SHRINK first, beside which eps is nothing.
 */
#define COLUMN(i) (((i) * WG + THREAD) * 4u)
#define SHRINK 8.271806125530277e-25f /* 2^-80 */
/* v past the width is zero; `whole` as in READ4. */
#define WITHIN(whole, v, c, width)                                                                                     \
    ((whole) ? ((c) < (width) ? v : SPLAT4(0.0f))                                                                      \
             : MK4((c) < (width) ? v.x : 0.0f, (c) + 1u < (width) ? v.y : 0.0f, (c) + 2u < (width) ? v.z : 0.0f,       \
                   (c) + 3u < (width) ? v.w : 0.0f))
#define NORMALISE(whole, v, width, eps, pivot)                                                                         \
    float sum = 0.0f, shrunk_ = 1.0f;                                                                                  \
    UNROLL for (uint i = 0u; i < VALUES; i++)                                                                          \
    {                                                                                                                  \
        v[i] -= SPLAT4(pivot);                                                                                         \
        v[i] = WITHIN(whole, v[i], COLUMN(i), width);                                                                  \
        sum += SUM4(v[i]);                                                                                             \
    }                                                                                                                  \
    sum /= TO_FLOAT(width);                                                                                            \
    SUM_OF_GROUP(tile, sum)                                                                                            \
    const float centre_ = tile[0], mean_ = (pivot) + centre_;                                                          \
    sum = 0.0f;                                                                                                        \
    UNROLL for (uint i = 0u; i < VALUES; i++)                                                                          \
    {                                                                                                                  \
        v[i] -= SPLAT4(centre_);                                                                                       \
        v[i] = WITHIN(whole, v[i], COLUMN(i), width);                                                                  \
        sum += SUM4((v[i] * v[i]));                                                                                    \
    }                                                                                                                  \
    SUM_OF_GROUP(tile, sum)                                                                                            \
    if (tile[0] > LARGEST) {                                                                                           \
        sum = 0.0f;                                                                                                    \
        shrunk_ = SHRINK;                                                                                              \
        UNROLL for (uint i = 0u; i < VALUES; i++)                                                                      \
        {                                                                                                              \
            v[i] *= SHRINK;                                                                                            \
            sum += SUM4((v[i] * v[i]));                                                                                \
        }                                                                                                              \
        SUM_OF_GROUP(tile, sum)                                                                                        \
    }                                                                                                                  \
    const float scale_ = 1.0f / sqrt(tile[0] / TO_FLOAT(width) + (shrunk_ < 1.0f ? 0.0f : eps));                       \
    const float rstd_ = scale_ * shrunk_;
