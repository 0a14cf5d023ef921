/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests of chains and of sequences have in common: layers of noise, and every way in which the backend multiplies.
 */
#ifndef TESTS_BACKENDS_CPU_LAYERS_H
#define TESTS_BACKENDS_CPU_LAYERS_H

#include <stdio.h>

#include "tests/must.h"
#include "tests/noise.h"

/* [rows, width], of noise times scale. */
static inline pln_value *noise_weight(pln_graph *g, uint32_t rows, uint32_t width, float scale)
{
    const pln_tensor *part = noise_tensor("w", rows, width, scale);
    return pln_graph_constant(g, "w", &part, 1);
}

/* With a bias, from as many columns to as many. */
static inline pln_value *noise_linear(pln_graph *g, pln_value *x, uint32_t from, uint32_t to, float scale,
                                      const pln_linear_options *options)
{
    pln_linear_options with_bias = *options;
    with_bias.bias = noise_weight(g, 1, to, scale);
    return pln_linear(g, x, noise_weight(g, to, from, scale), &with_bias);
}

static inline pln_value *noise_norm(pln_graph *g, const char *name, pln_value *x, uint32_t width, float scale)
{
    return pln_layer_norm(g, x, noise_weight(g, 1, width, scale), noise_weight(g, 1, width, scale),
                          PLN_OPTIONS(pln_layer_norm_options, .name = name, .eps = 1e-12f));
}

/* Calls check for every level and math that the processor has, on one thread and on two. */
static inline void at_every_level(void (*check)(pln_devices *devices))
{
    static const char *const options[][2] = {{"level=c"},
                                             {"level=avx2"},
                                             {"level=avx512"},
                                             {"math=bf16"},
                                             {"math=bf16", "products=fma"},
                                             {"gemm=blis"},
                                             {"level=amx-twin", "math=bf16"},
                                             {"math=int8"},
                                             {"level=avx2", "math=int8"},
                                             {"level=amx-twin", "math=int8"},
                                             {"level=amx-twin", "products=split6"}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        for (uint32_t threads = 1; threads <= 2; threads++) {
            pln_runtime *runtime;
            pln_devices *devices;
            pln_error error;
            must(pln_runtime_create(PLN_OPTIONS(pln_runtime_options, .threads = threads), &runtime, &error), &error);
            if (pln_devices_open(runtime, "cpu", options[i], options[i][1] ? 2 : 1, &devices, &error) == PLN_OK) {
                check(devices);
                pln_devices_close(&devices);
            } else {
                printf("%s: %s\n", options[i][0], error.message);
            }
            pln_runtime_destroy(&runtime);
        }
}
#endif
