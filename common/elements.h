/* SPDX-License-Identifier: Apache-2.0
 *
 * Elements of a tensor of any float type as f32.
 */
#ifndef COMMON_ELEMENTS_H
#define COMMON_ELEMENTS_H

#include "api/pleione.h"

/* n elements from `first` on of an f32, f16, bf16 or f64 tensor; it may lie unaligned. */
void elements_read(const pln_tensor *tensor, uint64_t first, uint64_t n, float *out);
#endif
