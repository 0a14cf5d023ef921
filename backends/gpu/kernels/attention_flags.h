/* SPDX-License-Identifier: Apache-2.0
 *
 * Flags that all kernels of attention have in common, forward and backward.
 */
#define SOURCE HAS(GPU_ATTENTION_SOURCE)
#define KEY_MASK HAS(GPU_ATTENTION_KEY_MASK)
#define BIAS HAS(GPU_ATTENTION_BIAS)
#define DISTANCE HAS(GPU_ATTENTION_DISTANCE)
#define DISTANCE_KEY HAS(GPU_ATTENTION_DISTANCE_KEY)
#define HEAD_MASK HAS(GPU_ATTENTION_HEAD_MASK)
#define CAUSAL HAS(GPU_ATTENTION_CAUSAL)
