/* SPDX-License-Identifier: Apache-2.0
 *
 * Noise that is the same in every run, and weights of it.
 */
#ifndef TESTS_NOISE_H
#define TESTS_NOISE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/pleione.h"

enum { NOISE_TENSORS = 64, NOISE_FLOATS = 1 << 19 };

static float noise_pool[NOISE_FLOATS];
static pln_tensor noise_tensors[NOISE_TENSORS];
static uint32_t noise_n_tensors, noise_n_floats;

/* From -0.5 to 0.5. */
static inline float noise(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / (float)(1 << 24) - 0.5f;
}

/* The next tensors are the first ones again, in the same memory. */
static inline void noise_begin(void)
{
    noise_n_tensors = noise_n_floats = 0;
}

/* [rows, width], of noise times scale that depends on how many there were before. */
static inline const pln_tensor *noise_tensor(const char *name, uint32_t rows, uint32_t width, float scale)
{
    assert_true(noise_n_tensors < NOISE_TENSORS && rows * width <= NOISE_FLOATS - noise_n_floats);
    float *data = &noise_pool[noise_n_floats];
    pln_tensor *tensor = &noise_tensors[noise_n_tensors++];
    uint32_t seed = noise_n_tensors;
    for (uint32_t i = 0; i < rows * width; i++)
        data[i] = noise(&seed) * scale;
    noise_n_floats += rows * width;
    *tensor = (pln_tensor){.name = name, .dtype = PLN_F32, .rank = 2, .shape = {rows, width}, .data = data};
    return tensor;
}
#endif
