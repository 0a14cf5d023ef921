/* SPDX-License-Identifier: Apache-2.0
 *
 * Flags that all kernels of attention have in common, forward and backward, as attention.c sets them. From 256 on they are
 * the kernel's own.
 */
#define WHOLE HAS(1u) /* the rows of a head are aligned and a multiple of 4 wide */
#define SOURCE HAS(2u)
#define KEY_MASK HAS(4u)
#define BIAS HAS(8u)
#define DISTANCE HAS(16u)
#define DISTANCE_KEY HAS(32u)
#define HEAD_MASK HAS(64u)
#define CAUSAL HAS(128u)
