/* SPDX-License-Identifier: Apache-2.0
 *
 * LayerNorm of a row that the threads of a group hold in registers: v[VALUES], group of four i of a thread at column
 * COLUMN(i), zero past the width. Mean and biased variance in two passes; needs tile[WG] and gives mean, rstd.
 */
#define COLUMN(i) (((i) * WG + THREAD) * 4u)
#define NORMALISE(v, width, eps)                                                                                       \
    float sum = 0.0f;                                                                                                  \
    UNROLL for (uint i = 0u; i < VALUES; i++)                                                                          \
        sum += SUM4(v[i]);                                                                                             \
    SUM_OF_GROUP(tile, sum)                                                                                            \
    const float mean_ = tile[0] / TO_FLOAT(width);                                                                     \
    sum = 0.0f;                                                                                                        \
    UNROLL for (uint i = 0u; i < VALUES; i++)                                                                          \
    {                                                                                                                  \
        const uint c = COLUMN(i);                                                                                      \
        v[i] = MK4(c < width ? v[i].x - mean_ : 0.0f, c + 1u < width ? v[i].y - mean_ : 0.0f,                          \
                   c + 2u < width ? v[i].z - mean_ : 0.0f, c + 3u < width ? v[i].w - mean_ : 0.0f);                    \
        sum += SUM4((v[i] * v[i]));                                                                                    \
    }                                                                                                                  \
    SUM_OF_GROUP(tile, sum)                                                                                            \
    const float rstd_ = 1.0f / sqrt(tile[0] / TO_FLOAT(width) + eps);
