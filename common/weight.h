/* SPDX-License-Identifier: Apache-2.0
 *
 * A tensor of a model: its elements as f32, in the order of its shape, however they lie. TensorFlow, Flax and Google's
 * code keep a matrix as [in, out] where the model has [out, in]; such a one is turned while it is read, and never as a
 * whole. A weight is no pln_tensor and its bytes are of a type that nobody knows, so that nobody takes them as they lie.
 */
#ifndef COMMON_WEIGHT_H
#define COMMON_WEIGHT_H

#include "api/pleione.h"

struct weight {
    const char *name;
    pln_dtype dtype;
    uint32_t rank;
    uint64_t shape[PLN_MAX_RANK];    /* as it is read */
    const struct weight_bytes *lies; /* row-major, maybe unaligned; of the shape's two sides exchanged if transposed */
    bool transposed;
};

/* Borrows name and data. transposed: the tensor, of rank 2, is read with its rows as columns. */
struct weight weight_of(const pln_tensor *tensor, bool transposed);

/* Rows and width of a weight seen as [rows, width]: rank 0 and 1 are one row, else the first dimension is rows. */
uint64_t weight_rows(const struct weight *weight);
uint64_t weight_width(const struct weight *weight);
uint64_t weight_elements(const struct weight *weight);

/* n elements from `first` on of an f32, f16, bf16 or f64 weight. Several rows at a time are cheaper than each by itself
 * where it is transposed. */
void weight_read(const struct weight *weight, uint64_t first, uint64_t n, float *out);
/* The same of any type, with the bits of the file: n * pln_dtype_bytes. */
void weight_copy(const struct weight *weight, uint64_t first, uint64_t n, void *out);
/* The dense, aligned f32 elements, if they lie so already; else NULL. */
const float *weight_plain(const struct weight *weight);
/* False: a finite element of an f64 weight is infinite in f32; *outlier is one. */
bool weight_fits_f32(const struct weight *weight, double *outlier);
/* Whether both are the same bytes in the same order. */
bool weight_same(const struct weight *a, const struct weight *b);
/* As a tensor: without data if it is transposed or unaligned. */
pln_tensor weight_tensor(const struct weight *weight);
#endif
