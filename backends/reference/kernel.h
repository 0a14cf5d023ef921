/* SPDX-License-Identifier: Apache-2.0
 *
 * What a reference kernel sees. The kernels are compiled twice, with `real` the storage type: REF_DOUBLE gives
 * ref_f64_NAME, else ref_f32_NAME. All arithmetic is in double in both.
 */
#ifndef BACKENDS_REFERENCE_KERNEL_H
#define BACKENDS_REFERENCE_KERNEL_H

#include <stdbool.h>

#include "api/pleione_backend.h"
#include "api/pleione_ops.h"

#ifdef REF_DOUBLE
typedef double real;
#define REF_NAME(name) ref_f64_##name
#else
typedef float real;
#define REF_NAME(name) ref_f32_##name
#endif

/* An operand under the real numbers of a run: rows of `real` or int32_t. data NULL: absent. */
struct ref_operand {
    void *data;
    uint32_t rows, width, stride;
};

/* in and out are as many as ops.def lists. Work is split over `members`: rows r with r % members == member are this
 * caller's. */
struct ref_call {
    const struct ref_operand *in, *out;
    const void *params;
    double *scratch; /* of this member: ref_scratch(...) doubles */
    uint32_t member, members;
};

typedef void ref_kernel(const struct ref_call *call);

static inline real *ref_row(const struct ref_operand *operand, uint32_t row)
{
    return (real *)operand->data + (size_t)row * operand->stride;
}

static inline int32_t ref_index(const struct ref_operand *operand, uint32_t row)
{
    return ((const int32_t *)operand->data)[(size_t)row * operand->stride];
}

/* activations.def, and their derivatives; where there is none, the one of the flat side. */
double ref_activate(uint32_t activation, double x);
double ref_activation_slope(uint32_t activation, double x);

/* One prototype for both builds, the tables and the kernels. */
#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient)                               \
    ref_kernel ref_f32_##name, ref_f64_##name;
#include "graph/ops.def"
#undef PLN_OP
#endif
