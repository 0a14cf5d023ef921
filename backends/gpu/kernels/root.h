/* SPDX-License-Identifier: Apache-2.0
 *
 * The root of a sum of squares over a work-group. PARTS(factor) adds a thread's squares of numbers times factor to `sum`;
 * where they leave f32 it is done once more with numbers that are smaller. Needs tile[WG] and gives root_.
 */
#define ROOT_OF_SQUARES(tile, PARTS)                                                                                   \
    float sum = 0.0f, grown_ = 1.0f;                                                                                   \
    PARTS(1.0f)                                                                                                        \
    SUM_OF_GROUP(tile, sum)                                                                                            \
    if (tile[0] > LARGEST) {                                                                                           \
        sum = 0.0f;                                                                                                    \
        grown_ = 1.208925819614629e24f; /* 2^80 */                                                                     \
        PARTS(8.271806125530277e-25f)                                                                                  \
        SUM_OF_GROUP(tile, sum)                                                                                        \
    }                                                                                                                  \
    const float root_ = sqrt(tile[0]) * grown_;
