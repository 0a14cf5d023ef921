/* SPDX-License-Identifier: Apache-2.0
 *
 * The graph that `devices --dump-kernels` lowers. Symbols: tokens 1, batch 2, targets 3, pairs 4.
 */
#ifndef CLI_KERNEL_GRAPH_H
#define CLI_KERNEL_GRAPH_H

#include "api/pleione.h"

enum { CLI_KERNEL_WEIGHTS = 64, CLI_KERNEL_SYMBOLS = 5 };

/* Sizes of a model. */
struct cli_sizes {
    const char *name;
    uint32_t vocab, embedding, hidden, inner, heads;
};
extern const struct cli_sizes cli_model_sizes[]; /* ELECTRA-small and -base */
extern const uint32_t cli_n_model_sizes;

/* What the graph's constants borrow. */
struct cli_kernel_weights {
    const float *zeros; /* as many as the largest weight has, never read */
    uint32_t n;
    pln_tensor tensors[CLI_KERNEL_WEIGHTS];
};

/* Returns new, not finished yet; NULL if there is no memory. */
pln_graph *cli_kernel_graph(const struct cli_sizes *sizes, struct cli_kernel_weights *weights);
#endif
