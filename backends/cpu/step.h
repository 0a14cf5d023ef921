/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of depth in packed matrices, 4 bytes: an element of f32, or at level bf16 two neighbours rounded to bfloat16,
 * whose products one instruction adds to an f32 sum.
 */
#ifndef BACKENDS_CPU_STEP_H
#define BACKENDS_CPU_STEP_H

#include "backends/cpu/vec.h"
#include "common/half.h"

#if defined(__AVX512BF16__)

enum { STEP_DEPTH = 2 };
typedef struct {
    uint16_t halves[STEP_DEPTH];
} step;

static inline void set_element(step *to, uint32_t i, float value)
{
    to->halves[i] = float_to_bfloat(value);
}

/* A vector of steps, from as many elements as they take. */
static inline vec convert_steps(const float *from)
{
    return (vec)_mm512_cvtne2ps_pbh((__m512)vec_load(from + VEC_LANES), (__m512)vec_load(from));
}

/* A vector of steps, from a vector of their first elements and one of their second. */
static inline vec join_steps(vec first, vec second)
{
    static const uint16_t order[2 * VEC_LANES] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                  8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const __m512i both = (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
    return (vec)_mm512_permutexvar_epi16(_mm512_loadu_si512(order), both);
}

/* VEC_LANES elements from element `at` of a row of steps, a multiple of VEC_LANES. */
static inline void store_elements(step *to, uint32_t at, vec v)
{
    const __m256bh halves = _mm512_cvtneps_pbh((__m512)v);
    memcpy((uint16_t *)to + at, &halves, sizeof halves);
}

/* n elements; of an odd number the last step's second half is left. */
static inline void pack_steps(const float *from, uint32_t n, step *to)
{
    uint32_t k = 0;
    for (; k + 2 * VEC_LANES <= n; k += 2 * VEC_LANES) {
        const vec both = convert_steps(from + k);
        memcpy(to + k / STEP_DEPTH, &both, sizeof both);
    }
    for (; k < n; k++)
        set_element(to + k / STEP_DEPTH, k % STEP_DEPTH, from[k]);
}

static inline vec load_steps(const step *p)
{
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline vec all_steps(const step *p)
{
    int32_t both;
    memcpy(&both, p, sizeof both);
    return (vec)_mm512_set1_epi32(both);
}

static inline vec multiply_add(vec a, vec b, vec sum)
{
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}

#else

enum { STEP_DEPTH = 1 };
typedef float step;

static inline void set_element(step *to, uint32_t i, float value)
{
    to[i] = value;
}

static inline vec convert_steps(const float *from)
{
    return vec_load(from);
}

static inline vec join_steps(vec first, vec second)
{
    (void)second;
    return first;
}

static inline void store_elements(step *to, uint32_t at, vec v)
{
    vec_store(to + at, v);
}

static inline void pack_steps(const float *from, uint32_t n, step *to)
{
    uint32_t k = 0;
    for (; k + VEC_LANES <= n; k += VEC_LANES)
        vec_store(to + k, vec_load(from + k));
    for (; k < n; k++)
        to[k] = from[k];
}

static inline vec load_steps(const step *p)
{
    return vec_load(p);
}

static inline vec all_steps(const step *p)
{
    return vec_all(*p);
}

/* On AVX2 a tile fills all 16 registers: written as a * b + sum, compilers move sums about or read a weight once a row.
 */
static inline vec multiply_add(vec a, vec b, vec sum)
{
#if defined(__AVX2__) && !defined(__AVX512F__)
    __asm__("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
    return sum;
#else
    return a * b + sum;
#endif
}

#endif
#endif
