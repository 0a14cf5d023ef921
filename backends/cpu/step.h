/* SPDX-License-Identifier: Apache-2.0
 *
 * A step of depth in packed matrices, 4 bytes: an element of f32, two neighbours rounded to bfloat16, or four
 * bytes. What x and the weight are packed in is said by CPU_STEPS: f32 in both, halves in both, bytes in both, or
 * widened, where halves of the weight become f32 again before they meet an x in f32.
 */
#ifndef BACKENDS_CPU_STEP_H
#define BACKENDS_CPU_STEP_H

#include "backends/cpu/halves.h"
#include "backends/cpu/vec.h"

#define CPU_STEPS_f32 0
#define CPU_STEPS_halves 1
#define CPU_STEPS_widened 2
#define CPU_STEPS_bytes 3
#define CPU_STEPS_JOIN(steps) CPU_STEPS_##steps
#define CPU_STEPS_OF(steps) CPU_STEPS_JOIN(steps)
#ifdef CPU_STEPS
#define STEPS CPU_STEPS_OF(CPU_STEPS)
#else
#define STEPS CPU_STEPS_f32
#endif

/* Elements of depth in a step, and up to what multiple of them panels are filled with zeros: a step, or the depth of a
 * tile of halves or bytes. */
#if STEPS == CPU_STEPS_bytes
#include "backends/cpu/bytes.h"
enum { X_DEPTH = BYTES_STEP, WEIGHT_DEPTH = BYTES_STEP, WEIGHT_PADDING = BYTES_TILE, X_STEPS = 1 };
#else
enum {
    X_DEPTH = STEPS == CPU_STEPS_halves ? 2 : 1,
    WEIGHT_DEPTH = STEPS == CPU_STEPS_f32 ? 1 : 2,
    X_PADDING = STEPS == CPU_STEPS_halves ? HALVES_TILE : 2,
    WEIGHT_PADDING = STEPS == CPU_STEPS_f32 ? 1 : HALVES_TILE,
    X_STEPS = WEIGHT_DEPTH / X_DEPTH /* of x that meet one of the weight */
};
#endif

/* ---- of x */

#if STEPS == CPU_STEPS_bytes

typedef struct bytes step;
typedef struct bytes weight_step;
typedef struct bytes_pairs x_vector;
typedef struct bytes_pairs weight_vector;
typedef vec_int sum_vector;

static inline x_vector all_steps(const step *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return bytes_of_x((vec_int){0} + four);
}

static inline weight_vector load_weights(const weight_step *p, uint32_t which)
{
    (void)which;
    return bytes_of_weight(bytes_load(p));
}

static inline sum_vector multiply_add(x_vector a, weight_vector b, sum_vector sum)
{
    return bytes_multiply_add(a, b, sum);
}

#elif STEPS == CPU_STEPS_halves

typedef struct halves step;

static inline vec all_steps(const step *p)
{
    return halves_all(p);
}

static inline vec load_weights(const struct halves *p, uint32_t which)
{
    (void)which;
    return halves_load(p);
}

static inline vec multiply_add(vec a, vec b, vec sum)
{
    return halves_multiply_add(a, b, sum);
}

/* VEC_LANES elements from element `at` of a row of steps, a multiple of VEC_LANES. */
static inline void store_elements(step *to, uint32_t at, vec v)
{
    halves_store(to, at, v);
}

static inline void pack_steps(const float *from, uint32_t n, step *to)
{
    uint32_t k = 0;
    for (; k + 2 * VEC_LANES <= n; k += 2 * VEC_LANES) {
        const vec both = halves_convert(vec_load(from + k), vec_load(from + k + VEC_LANES));
        memcpy(to + k / 2, &both, sizeof both);
    }
    for (; k < n; k++)
        halves_set(to + k / 2, k % 2, from[k]);
}

static inline void clear_element(step *to, uint32_t at)
{
    halves_set(to + at / 2, at % 2, 0);
}

/* A vector of steps, from one of their first elements and one of their second. */
static inline vec join_steps(vec first, vec second)
{
    return halves_join(first, second);
}

#else

typedef float step;

static inline vec all_steps(const step *p)
{
    return vec_all(*p);
}

#if STEPS == CPU_STEPS_f32
static inline vec load_weights(const float *p, uint32_t which)
{
    (void)which;
    return vec_load(p);
}
#else
static inline vec load_weights(const struct halves *p, uint32_t which)
{
    return which ? halves_second(halves_load(p)) : halves_first(halves_load(p));
}
#endif

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

static inline void clear_element(step *to, uint32_t at)
{
    to[at] = 0;
}

static inline vec join_steps(vec first, vec second)
{
    (void)second;
    return first;
}

#endif

#if STEPS != CPU_STEPS_bytes
typedef vec x_vector;
typedef vec weight_vector;
typedef vec sum_vector;
#endif

/* ---- of the weight */

#if STEPS == CPU_STEPS_bytes

#elif STEPS == CPU_STEPS_f32

typedef float weight_step;

static inline void set_weight(weight_step *to, uint32_t i, float value)
{
    to[i] = value;
}

/* A vector of steps, from as many elements as they take. */
static inline vec convert_weights(const float *from)
{
    return vec_load(from);
}

/* A vector of steps, from a vector of their first elements and one of their second. */
static inline vec join_weights(vec first, vec second)
{
    (void)second;
    return first;
}

#else

typedef struct halves weight_step;

static inline void set_weight(weight_step *to, uint32_t i, float value)
{
    halves_set(to, i, value);
}

static inline vec convert_weights(const float *from)
{
    return halves_convert(vec_load(from), vec_load(from + VEC_LANES));
}

static inline vec join_weights(vec first, vec second)
{
    return halves_join(first, second);
}

#endif
#endif
