/* SPDX-License-Identifier: Apache-2.0
 *
 * What a launch and its kernel agree on: the words of the record and the bits of FLAGS. C, GLSL and OpenCL C include
 * it, so it has nothing but numbers. The dims of a run, GPU_DIMS words, lie before the records of a plan.
 */
#ifndef BACKENDS_GPU_PROTOCOL_H
#define BACKENDS_GPU_PROTOCOL_H

/* The record: the op's params, the rows of the launch, the window of the table operand, then three words for each
 * binding. */
#define GPU_PARAMS 24u
#define GPU_RECORD_OTHER_SYMBOL 20u /* a second count, of kernels that have two: the last of the params */
#define GPU_RECORD_OTHER_SCALE 21u
#define GPU_RECORD_OTHER_OFFSET 22u
#define GPU_RECORD_SYMBOL 24u /* the count of real rows is scale * dims[symbol] + offset */
#define GPU_RECORD_SCALE 25u
#define GPU_RECORD_OFFSET 26u
#define GPU_RECORD_ROW_FIRST 27u /* rows of the launch's window */
#define GPU_RECORD_ROW_END 28u
#define GPU_RECORD_TABLE_FIRST 29u /* rows of the table's window */
#define GPU_RECORD_TABLE_END 30u
#define GPU_RECORD_TABLE_PANEL 31u /* rows of a panel of the table; 0: it lies in rows */
#define GPU_RECORD_SLOTS 32u
#define GPU_RECORD_FIRST 32u  /* element of row 0 in its binding; of the first slot, as the next two */
#define GPU_RECORD_STRIDE 33u /* elements between rows */
#define GPU_RECORD_WIDTH 34u  /* elements of a row; 0: the operand is absent */
#define GPU_SLOT_WORDS 3u

/* Of every kernel that can move four elements of a row at once: its rows are aligned and a multiple of 4 wide. */
#define GPU_WHOLE 1u

#define GPU_ACTIVATION_RESIDUAL 2u
#define GPU_ACTIVATION_DROPOUT 4u /* and of activation_backward */

#define GPU_ARRANGE_TRANSPOSE 2u

/* Of attention, forward and backward, from 256 on each its own. */
#define GPU_ATTENTION_SOURCE 2u
#define GPU_ATTENTION_KEY_MASK 4u
#define GPU_ATTENTION_BIAS 8u
#define GPU_ATTENTION_DISTANCE 16u
#define GPU_ATTENTION_DISTANCE_KEY 32u
#define GPU_ATTENTION_HEAD_MASK 64u
#define GPU_ATTENTION_CAUSAL 128u
#define GPU_ATTENTION_LSE 256u
#define GPU_ATTENTION_KEEP 512u /* statistics: for the second pass; kernels keep them too where a sequence goes on */
#define GPU_ATTENTION_DROPOUT 1024u
#define GPU_ATTENTION_AHEAD 2048u  /* the next tile is loaded while this one is multiplied */
#define GPU_ATTENTION_LISTED 4096u /* keys and values are the rows of a list */
#define GPU_ATTENTION_BACKWARD_DROPOUT 256u
#define GPU_ATTENTION_BACKWARD_OF_KEYS 512u /* by keys and values, else by queries */

#define GPU_COLUMN_SUMS_GAMMA 2u
#define GPU_COLUMN_SUMS_BETA 4u

#define GPU_EMBED_IDS 2u /* ids and word, not embeddings; and of embed_sum */
#define GPU_EMBED_POSITIONS 4u
#define GPU_EMBED_MEAN 8u
#define GPU_EMBED_RSTD 16u
#define GPU_EMBED_PANELS 32u
#define GPU_EMBED_TABLES 64u /* rows of the tables are aligned and a multiple of 4 wide */

#define GPU_LAYER_NORM_MEAN 2u
#define GPU_LAYER_NORM_RSTD 4u

/* Of linear, linear_sum, linear_cpu and linear_matrix; GPU_WHOLE is that of x. */
#define GPU_LINEAR_Y_WHOLE 2u /* residual, y and preactivation */
#define GPU_LINEAR_K_EDGE 4u  /* K is no multiple of BK */
#define GPU_LINEAR_BIAS 8u
#define GPU_LINEAR_RESIDUAL 16u
#define GPU_LINEAR_PREACTIVATION 32u
#define GPU_LINEAR_AHEAD 64u
#define GPU_LINEAR_HALF 128u /* the weight is f16 */

#define GPU_SAMPLE_BARRED 1u
#define GPU_SAMPLE_BEST 2u

#define GPU_CROSS_ENTROPY_LSE 2u
#define GPU_CROSS_ENTROPY_WEIGHTS 4u /* and of its backward pass, as the next */
#define GPU_CROSS_ENTROPY_SMOOTHING 8u
#define GPU_SPAN_CROSS_ENTROPY_LSE 1u
#define GPU_BINARY_CROSS_ENTROPY_WEIGHTS 2u /* and of its backward pass */
#define GPU_LOSS_MEAN_TOTAL 1u
#define GPU_LOSS_MEAN_COUNT 2u /* count is asked for */
#endif
