/* SPDX-License-Identifier: Apache-2.0
 *
 * How far the outputs of two forward passes are apart.
 */
#ifndef CLI_MEASURING_ANSWER_H
#define CLI_MEASURING_ANSWER_H

#include "cli/cli.h"

/* tolerance (1 + |b|), where b is the number itself, or the largest finite one of its tensor. */
struct answer_bound {
    double tolerance;
    bool of_largest;
};

/* What an answer is allowed whose weights are of that type, as in measured_facts. In int8 a token is rounded by its
 * largest elements: there the bound goes by the largest |b|, and is twice what text came to with the models that are
 * shipped. */
struct answer_bound answer_bound_of(const char *dtype);

struct answer_difference {
    double largest; /* |a - b|; infinite when a tensor is not there */
    bool agrees;    /* within the bound everywhere, or NaN on both sides */
    bool missing;   /* b holds a NaN: that is no answer */
};

const pln_tensor *answer_find(const pln_tensor *a, uint32_t n, const char *name); /* NULL if it is not there */

struct answer_difference answer_difference_of(const pln_tensor *a, const pln_tensor *b, struct answer_bound bound);
/* Over all tensors of b. */
struct answer_difference answer_difference(const pln_tensor *a, uint32_t n_a, const pln_tensor *b, uint32_t n_b,
                                           struct answer_bound bound);
#endif
