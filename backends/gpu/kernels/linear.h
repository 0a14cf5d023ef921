/* SPDX-License-Identifier: Apache-2.0
 *
 * Flags of `linear` and `linear_sum`, and what both do with four sums of a row from column c on: they have operands bias,
 * residual, y and preactivation.
 */
#define X_WHOLE HAS(GPU_WHOLE)
#define Y_WHOLE HAS(GPU_LINEAR_Y_WHOLE)
#define K_EDGE HAS(GPU_LINEAR_K_EDGE)
#define BIAS HAS(GPU_LINEAR_BIAS)
#define RESIDUAL HAS(GPU_LINEAR_RESIDUAL)
#define PREACTIVATION HAS(GPU_LINEAR_PREACTIVATION)
#define AHEAD HAS(GPU_LINEAR_AHEAD)
#define HALF HAS(GPU_LINEAR_HALF)
#define READ_BIAS(c, end) (BIAS ? READ4(false, bias, FIRST(bias), c, end) : SPLAT4(0.0f))
#define FINISH(v, r, c, end)                                                                                           \
    if (PREACTIVATION) {                                                                                               \
        WRITE4(Y_WHOLE, preactivation, ROW(preactivation, r), c, end, v)                                               \
    }                                                                                                                  \
    v = activate4(ACTIVATION, v);                                                                                      \
    if (RESIDUAL)                                                                                                      \
        v += READ4(Y_WHOLE, residual, ROW(residual, r), c, end);                                                       \
    WRITE4(Y_WHOLE, y, ROW(y, r), c, end, v)
