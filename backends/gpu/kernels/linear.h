/* SPDX-License-Identifier: Apache-2.0
 *
 * Flags of `linear` and `linear_sum`, and what both do with four sums of a row from column c on. Bias, residual, y and
 * preactivation are bindings from slot SLOTS on, in this order.
 */
#define X_WHOLE HAS(1u) /* rows of x are aligned and a multiple of 4 wide */
#define Y_WHOLE HAS(2u) /* those of residual, y and preactivation too */
#define K_EDGE HAS(4u)  /* K is no multiple of BK */
#define BIAS HAS(8u)
#define RESIDUAL HAS(16u)
#define PREACTIVATION HAS(32u)
#define AHEAD HAS(64u)
#define HALF HAS(128u) /* weight is f16 */
#define READ_BIAS(c, end) (BIAS ? READ4(false, bias, FIRST(SLOTS), c, end) : SPLAT4(0.0f))
#define FINISH(v, r, c, end)                                                                                           \
    if (PREACTIVATION) {                                                                                               \
        WRITE4(Y_WHOLE, preactivation, ROW(SLOTS + 3u, r), c, end, v)                                                  \
    }                                                                                                                  \
    v = activate4(ACTIVATION, v);                                                                                      \
    if (RESIDUAL)                                                                                                      \
        v += READ4(Y_WHOLE, residual, ROW(SLOTS + 1u, r), c, end);                                                     \
    WRITE4(Y_WHOLE, y, ROW(SLOTS + 2u, r), c, end, v)
