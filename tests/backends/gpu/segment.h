/* SPDX-License-Identifier: Apache-2.0
 *
 * A segment of one node, built operand by operand, and what it is lowered to, without a device. The table of texts is a
 * stand-in.
 */
#ifndef TESTS_BACKENDS_GPU_SEGMENT_H
#define TESTS_BACKENDS_GPU_SEGMENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "backends/gpu/steps.h"

enum { ALIGNMENT = 64, MAX_LAUNCHES = 512, TOKENS = 1, BATCH = 2, SYMBOLS = 3 };

extern bool cpu_texts; /* there are texts for processors */

struct fixture {
    struct gpu_limits limits;
    uint32_t capacity[SYMBOLS];
    pln_value_info values[16];
    int32_t inputs[PLN_ATTENTION_INPUTS], outputs[4];
    pln_node_info node;
    pln_segment segment;
    struct gpu_launch launches[MAX_LAUNCHES];
    uint32_t n_launches;
    pln_failure error;
};
extern struct fixture f;
extern const pln_dim tokens, starts_of_batch, one;

void begin(uint32_t op, const void *params, uint32_t params_size);
int32_t value(pln_value_kind kind, pln_dim rows, uint32_t width, uint32_t row_stride, uint64_t offset);
int32_t temporary(pln_dim rows, uint32_t width);
int32_t constant(uint32_t rows, uint32_t width);
void make_linear(uint32_t n, uint32_t k, const pln_linear_params *params);
void make_attention(const pln_attention_params *params);
/* Into f.launches. */
pln_status lower(void);
/* Every binding is aligned, within the range, and row r of its window lies where the value has it. */
void check_bindings(const struct gpu_launch *launch, uint32_t slot, uint32_t first, uint32_t end);

/* Of a pln_host; what is not released fails the test. */
void *allocate(void *context, size_t bytes);
void release(void *context, void *memory);

#endif
