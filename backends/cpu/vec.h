/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of the level's width in the compiler's own terms, so that one text serves all levels: + - * / and comparisons
 * work on them, a * b + c becomes one instruction where there is one.
 */
#ifndef BACKENDS_CPU_VEC_H
#define BACKENDS_CPU_VEC_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define VEC_LANES 16
#elif defined(__AVX2__)
#define VEC_LANES 8
#else
#define VEC_LANES 4
#endif

typedef float vec __attribute__((vector_size(VEC_LANES * 4)));
typedef int32_t vec_int __attribute__((vector_size(VEC_LANES * 4)));

static inline vec vec_all(float x)
{
    return x - (vec){0};
}

static inline vec vec_load(const float *p)
{
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void vec_store(float *p, vec v)
{
    memcpy(p, &v, sizeof v);
}

/* The first n lanes, n < VEC_LANES; the others are zero. */
static inline vec vec_load_part(const float *p, uint32_t n)
{
    vec v = {0};
    for (uint32_t i = 0; i < n; i++)
        v[i] = p[i];
    return v;
}

static inline void vec_store_part(float *p, vec v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        p[i] = v[i];
}

static inline vec_int vec_bits(vec v)
{
    return (vec_int)v;
}

/* a where the mask is all ones, b where it is zero. */
static inline vec vec_select(vec_int mask, vec a, vec b)
{
    return (vec)((vec_bits(a) & mask) | (vec_bits(b) & ~mask));
}

/* b where a is not a number or not larger. */
static inline vec vec_larger(vec a, vec b)
{
    return vec_select(a > b, a, b);
}

static inline vec vec_smaller(vec a, vec b)
{
    return vec_select(a < b, a, b);
}

static inline vec vec_absolute(vec v)
{
    return (vec)(vec_bits(v) & 0x7fffffff);
}

/* The size of a with the sign of b. */
static inline vec vec_signed(vec a, vec b)
{
    return (vec)((vec_bits(a) & 0x7fffffff) | (vec_bits(b) & ~0x7fffffff));
}

static inline float vec_sum(vec v)
{
    float sum[VEC_LANES];
    memcpy(sum, &v, sizeof v);
    for (uint32_t n = VEC_LANES / 2; n; n /= 2)
        for (uint32_t i = 0; i < n; i++)
            sum[i] += sum[i + n];
    return sum[0];
}

/* The largest lane that is a number, -INFINITY at least. */
static inline float vec_top(vec v)
{
    float top = -__builtin_inff();
    for (uint32_t i = 0; i < VEC_LANES; i++)
        top = v[i] > top ? v[i] : top;
    return top;
}
#endif
