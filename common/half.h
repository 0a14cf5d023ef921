/* SPDX-License-Identifier: Apache-2.0
 *
 * Half floats as bit patterns: IEEE binary16 (f16) and bfloat16 (bf16), to and from f32. Header-only, so that plugins
 * can use it too. Narrowing rounds to nearest, ties to even; NaN stays NaN.
 */
#ifndef COMMON_HALF_H
#define COMMON_HALF_H

#include <stdint.h>
#include <string.h>

static inline float half_float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t half_bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float bfloat_to_float(uint16_t half)
{
    return half_float_of_bits((uint32_t)half << 16);
}

static inline uint16_t float_to_bfloat(float value)
{
    const uint32_t bits = half_bits_of_float(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u); /* quiet, so that the payload cannot become infinity */
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static inline float half_to_float(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t exponent = half >> 10 & 0x1fu, fraction = half & 0x3ffu;
    if (exponent == 0x1fu)
        return half_float_of_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24, exact in f32 */
        const float magnitude = (float)fraction * 0x1p-24f;
        return half_float_of_bits(sign | half_bits_of_float(magnitude));
    }
    return half_float_of_bits(sign | (exponent + 112u) << 23 | fraction << 13);
}

static inline uint16_t float_to_half(float value)
{
    const uint32_t bits = half_bits_of_float(value);
    const uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
    if (magnitude >= 0x477ff000u) /* 65520, halfway to what would be 65536 */
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x38800000u) { /* below 2^-14: adding 1/2 leaves the subnormal, rounded, in the low bits */
        const float shifted = half_float_of_bits(magnitude) + 0.5f;
        return (uint16_t)(sign | (half_bits_of_float(shifted) - 0x3f000000u));
    }
    return (uint16_t)(sign | ((magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13));
}
#endif
