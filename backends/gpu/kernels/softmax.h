/* SPDX-License-Identifier: Apache-2.0
 *
 * A softmax that is found in one pass: `top` is the largest value so far and `sum` the sum of exp(value - top). A thread starts
 * with top = -LARGEST, sum = 0, adds what it reads, and the group joins what its threads have found.
 */

/* An absent value is -INFINITE: it adds nothing. A NaN makes sum NaN. */
#define ADD_TO_SOFTMAX(top, sum, x)                                                                                    \
    {                                                                                                                  \
        const float higher_ = (x) > top ? (x) : top;                                                                   \
        sum = fma(sum, exp_safe(top - higher_), exp_safe((x)-higher_));                                                \
        top = higher_;                                                                                                 \
    }
#define ADD4_TO_SOFTMAX(top, sum, v)                                                                                   \
    {                                                                                                                  \
        float higher_ = v.x > top ? v.x : top;                                                                         \
        higher_ = v.y > higher_ ? v.y : higher_;                                                                       \
        higher_ = v.z > higher_ ? v.z : higher_;                                                                       \
        higher_ = v.w > higher_ ? v.w : higher_;                                                                       \
        sum = fma(sum, exp_safe(top - higher_), (exp_safe(v.x - higher_) + exp_safe(v.y - higher_)) +                  \
                                                    (exp_safe(v.z - higher_) + exp_safe(v.w - higher_)));              \
        top = higher_;                                                                                                 \
    }
/* top, sum = those of the whole group, in every thread. */
#define SOFTMAX_OF_GROUP(tile, top, sum)                                                                               \
    MAX_OF_GROUP(tile, top)                                                                                            \
    sum *= exp_safe(top - tile[0]);                                                                                    \
    top = tile[0];                                                                                                     \
    SUM_OF_GROUP(tile, sum)                                                                                            \
    sum = tile[0];
