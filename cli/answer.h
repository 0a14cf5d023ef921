/* SPDX-License-Identifier: Apache-2.0
 *
 * Outputs of a forward pass, kept beyond the next one, and how far two of them are apart.
 */
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include "cli/cli.h"

/* Copies; zero at first, answer_finish frees them. */
struct answer {
    uint32_t n;
    pln_tensor *tensors;
};

struct answer_difference {
    double largest; /* |a - b|; infinite when a tensor is not there */
    bool agrees;    /* within tolerance (1 + |b|) everywhere */
};

pln_status answer_keep(const pln_tensor *outputs, uint32_t n, struct answer *a, pln_error *error);
void answer_finish(struct answer *a);
const pln_tensor *answer_find(const struct answer *a, const char *name); /* NULL if it is not there */

struct answer_difference answer_difference_of(const pln_tensor *a, const pln_tensor *b, double tolerance);
/* Over all tensors of b. */
struct answer_difference answer_difference(const struct answer *a, const struct answer *b, double tolerance);
#endif
