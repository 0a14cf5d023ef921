/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of the level's width in the compiler's own terms, so that one text serves all levels: + - * / and comparisons
 * work on them, a * b + c becomes one instruction where there is one.
 */
#ifndef BACKENDS_CPU_VEC_H
#define BACKENDS_CPU_VEC_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

/* The first n lanes, n < VEC_LANES; the others are zero, and their memory is not touched. */
#if defined(__AVX512F__)
static inline vec vec_load_part(const float *p, uint32_t n)
{
    return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}

static inline void vec_store_part(float *p, vec v, uint32_t n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}
#elif defined(__AVX2__)
static inline __m256i vec_first(uint32_t n)
{
    return (__m256i)((vec_int){0, 1, 2, 3, 4, 5, 6, 7} < (int32_t)n);
}

static inline vec vec_load_part(const float *p, uint32_t n)
{
    return (vec)_mm256_maskload_ps(p, vec_first(n));
}

static inline void vec_store_part(float *p, vec v, uint32_t n)
{
    _mm256_maskstore_ps(p, vec_first(n), (__m256)v);
}
#else
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
#endif

/* At most a vector, from or to n elements. */
static inline vec vec_load_some(const float *p, uint32_t n)
{
    return n < VEC_LANES ? vec_load_part(p, n) : vec_load(p);
}

static inline void vec_store_some(float *p, vec v, uint32_t n)
{
    if (n < VEC_LANES)
        vec_store_part(p, v, n);
    else
        vec_store(p, v);
}

static inline vec_int vec_bits(vec v)
{
    return (vec_int)v;
}

/* Compilers do not find these instructions in the plain text, which is the last of each. */
#if defined(__AVX512F__)
#define VEC_X86(avx512, avx2, sse) (vec) avx512
#elif defined(__AVX2__)
#define VEC_X86(avx512, avx2, sse) (vec) avx2
#elif defined(__SSE2__)
#define VEC_X86(avx512, avx2, sse) (vec) sse
#endif

/* a where the mask is all ones, b where it is zero. */
static inline vec vec_select(vec_int mask, vec a, vec b)
{
#if defined(__AVX2__) && !defined(__AVX512F__)
    return (vec)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)mask);
#else
    return (vec)((vec_bits(a) & mask) | (vec_bits(b) & ~mask));
#endif
}

/* a if it is larger, else b: b too where one is not a number. */
static inline vec vec_larger(vec a, vec b)
{
#if defined(VEC_X86)
    return VEC_X86(_mm512_max_ps((__m512)a, (__m512)b), _mm256_max_ps((__m256)a, (__m256)b),
                   _mm_max_ps((__m128)a, (__m128)b));
#else
    return vec_select(a > b, a, b);
#endif
}

static inline vec vec_smaller(vec a, vec b)
{
#if defined(VEC_X86)
    return VEC_X86(_mm512_min_ps((__m512)a, (__m512)b), _mm256_min_ps((__m256)a, (__m256)b),
                   _mm_min_ps((__m128)a, (__m128)b));
#else
    return vec_select(a < b, a, b);
#endif
}

/* Elements of a table of VEC_LANES by their numbers, of which only the low bits count. */
#if defined(__AVX512F__)
static inline vec vec_pick(const float *table, vec_int i)
{
    return (vec)_mm512_permutexvar_ps((__m512i)i, (__m512)vec_load(table));
}
#elif defined(__AVX2__)
static inline vec vec_pick(const float *table, vec_int i)
{
    return (vec)_mm256_permutevar8x32_ps((__m256)vec_load(table), (__m256i)i);
}
#endif

static inline vec vec_root(vec a)
{
#if defined(VEC_X86)
    return VEC_X86(_mm512_sqrt_ps((__m512)a), _mm256_sqrt_ps((__m256)a), _mm_sqrt_ps((__m128)a));
#else
    vec root = a;
    for (uint32_t i = 0; i < VEC_LANES; i++)
        root[i] = __builtin_sqrtf(a[i]);
    return root;
#endif
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

/* The sum of all lanes, and the largest one that is a number, -INFINITY at least. The upper half is taken to the lower
 * one until a lane is left; compilers write loops of that by way of memory. */
#if defined(__AVX512F__)
static inline float vec_sum(vec v)
{
    return _mm512_reduce_add_ps((__m512)v);
}

static inline float vec_top(vec v)
{
    return _mm512_reduce_max_ps((__m512)vec_larger(v, vec_all(-__builtin_inff())));
}
#elif defined(__AVX2__)
static inline float vec_sum(vec v)
{
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return sum[0] + sum[1];
}

static inline float vec_top(vec v)
{
    const __m256 numbers = (__m256)vec_larger(v, vec_all(-__builtin_inff()));
    __m128 top = _mm_max_ps(_mm256_castps256_ps128(numbers), _mm256_extractf128_ps(numbers, 1));
    top = _mm_max_ps(top, _mm_movehl_ps(top, top));
    return top[0] > top[1] ? top[0] : top[1];
}
#else
static inline float vec_sum(vec v)
{
    return (v[0] + v[2]) + (v[1] + v[3]);
}

static inline float vec_top(vec v)
{
    float top = -__builtin_inff();
    for (uint32_t i = 0; i < VEC_LANES; i++)
        top = v[i] > top ? v[i] : top;
    return top;
}
#endif

/* Whether a mask has a lane of ones. */
static inline bool vec_any(vec_int mask)
{
#if defined(__AVX512F__)
    return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask);
#elif defined(__AVX2__)
    return _mm256_movemask_ps((__m256)mask);
#else
    int32_t any = 0;
    for (uint32_t i = 0; i < VEC_LANES; i++)
        any |= mask[i];
    return any;
#endif
}
#endif
