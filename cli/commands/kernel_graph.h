/* SPDX-License-Identifier: Apache-2.0
 *
 * The graphs that `devices --dump-kernels` lowers. Symbols: tokens 1, batch 2, targets 3, pairs 4.
 */
#ifndef CLI_COMMANDS_KERNEL_GRAPH_H
#define CLI_COMMANDS_KERNEL_GRAPH_H

#include "api/pleione.h"

enum { CLI_KERNEL_WEIGHTS = 64, CLI_KERNEL_SYMBOLS = 5 };

/* Sizes of a model. */
struct cli_sizes {
    const char *name;
    uint32_t vocab, embedding, hidden, inner, heads;
};
extern const struct cli_sizes cli_model_sizes[]; /* ELECTRA-small and -base */
extern const uint32_t cli_n_model_sizes;

/* Each asks for other kernels: weights that stay, weights that are trained with the backward pass, the update of a step. */
enum cli_kernel_graph { CLI_KERNELS_FORWARD, CLI_KERNELS_TRAINING, CLI_KERNELS_UPDATE, CLI_KERNEL_GRAPHS };

/* What the graph's weights borrow. */
struct cli_kernel_weights {
    const float *zeros; /* as many as the largest weight has, never read */
    uint32_t n;
    pln_tensor tensors[CLI_KERNEL_WEIGHTS];
    char names[CLI_KERNEL_WEIGHTS][16]; /* of the tensors */
};

/* Returns new, not finished yet; NULL if there is no memory. */
pln_graph *cli_kernel_graph(enum cli_kernel_graph which, const struct cli_sizes *sizes,
                            struct cli_kernel_weights *weights);
#endif
