/* SPDX-License-Identifier: Apache-2.0
 *
 * How far the outputs of two forward passes are apart.
 */
#include "cli/measuring/answer.h"

#include <math.h>
#include <string.h>

struct answer_bound answer_bound_of(const char *dtype)
{
    if (strcmp(dtype, "int8") == 0)
        return (struct answer_bound){0.2, true};
    if (strcmp(dtype, "bf16") == 0)
        return (struct answer_bound){2e-2, false};
    return (struct answer_bound){strcmp(dtype, "f16") == 0 ? 2.5e-3 : 5e-5, false}; /* three bits more than bf16 */
}

static double largest_of(const float *y, uint64_t n)
{
    double largest = 0;
    for (uint64_t i = 0; i < n; i++)
        if (isfinite(y[i]) && fabs((double)y[i]) > largest)
            largest = fabs((double)y[i]);
    return largest;
}

struct answer_difference answer_difference_of(const pln_tensor *a, const pln_tensor *b, struct answer_bound bound)
{
    struct answer_difference d = {.agrees = true};
    const float *x = a->data, *y = b->data;
    const uint64_t n = pln_tensor_elements(b);
    const double largest = bound.of_largest ? largest_of(y, n) : 0;
    for (uint64_t i = 0; i < n; i++) {
        const double gap = x[i] == y[i] ? 0 : fabs((double)x[i] - (double)y[i]); /* infinities too */
        d.missing |= isnan(y[i]);
        if (isnan(x[i]) && isnan(y[i]))
            continue;
        d.agrees &=
            gap <=
            bound.tolerance * (1 + (bound.of_largest ? largest : fabs((double)y[i]))); /* false for a NaN on one side */
        if (gap > d.largest || isnan(gap))
            d.largest = gap;
    }
    return d;
}

const pln_tensor *answer_find(const pln_tensor *a, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(a[i].name, name) == 0)
            return &a[i];
    return NULL;
}

struct answer_difference answer_difference(const pln_tensor *a, uint32_t n_a, const pln_tensor *b, uint32_t n_b,
                                           struct answer_bound bound)
{
    struct answer_difference all = {.agrees = true};
    for (uint32_t i = 0; i < n_b; i++) {
        const pln_tensor *t = answer_find(a, n_a, b[i].name);
        const struct answer_difference d =
            t ? answer_difference_of(t, &b[i], bound) : (struct answer_difference){.largest = INFINITY};
        all.agrees &= d.agrees;
        all.missing |= d.missing;
        all.largest = d.largest > all.largest || isnan(d.largest) ? d.largest : all.largest;
    }
    return all;
}
