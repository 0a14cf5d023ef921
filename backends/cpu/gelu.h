/* SPDX-License-Identifier: Apache-2.0
 *
 * GELU: x/2 (1 + erf(x / sqrt(2))) is max(x, 0) less a T(a), where a = |x| and T is the tail of the normal
 * distribution. Absolute error below 7e-8 (1 + |x|), at level bf16 1e-5.
 */
#ifndef BACKENDS_CPU_GELU_H
#define BACKENDS_CPU_GELU_H

#include "backends/cpu/elementary.h"

#if defined(__AVX512F__)
/* a T(a) in 16 pieces, a vector of coefficients: piece i is a polynomial of a - 0.4 i, the highest power first. Minimax
 * fits; from the last piece on a T(a) is nothing in f32. */
#if defined(__AVX512BF16__)
enum { GELU_DEGREE = 3 }; /* error 9e-6: products round to 4e-3 of what they take */
static const float gelu_pieces[GELU_DEGREE + 1][VEC_LANES] __attribute__((aligned(64))) = {
    {0.0252795401f, 0.0930884334f, 0.128634684f, 0.0989301341f, 0.0429089696f, 0.000536610979f, -0.0154394589f,
     -0.014108446f, -0.00797247388f, -0.00333720631f, -0.00109693051f, -0.000290891447f, -6.31810501e-5f,
     -1.13453601e-5f, -1.69500848e-6f, -2.11633291e-7f},
    {-0.401856414f, -0.337034342f, -0.19701415f, -0.0556576932f, 0.0297021223f, 0.05327083f, 0.0419822024f,
     0.0232506174f, 0.00996962433f, 0.0034362226f, 0.000970036708f, 0.000226727461f, 4.41789171e-5f, 7.21018502e-6f,
     9.88874178e-7f, 1.14252777e-7f},
    {0.500095653f, 0.197285994f, -0.0198857855f, -0.117947033f, -0.12267823f, -0.0852389391f, -0.0455536608f,
     -0.0196091491f, -0.00694143752f, -0.00204310409f, -0.000503298832f, -0.000104201478f, -1.81828424e-5f,
     -2.67950419e-6f, -3.33947399e-7f, -3.52370901e-8f},
    {0, 0.137822466f, 0.169484401f, 0.138090002f, 0.087685629f, 0.0455038596f, 0.0196746778f, 0.00715368336f,
     0.00219810701f, 0.00057237595f, 0.000126518597f, 2.37639101e-5f, 3.7953899e-6f, 5.15644564e-7f, 5.96091105e-8f,
     5.8642051e-9f},
};
#else
enum { GELU_DEGREE = 5 }; /* error 1.4e-8 */
static const float gelu_pieces[GELU_DEGREE + 1][VEC_LANES] __attribute__((aligned(64))) = {
    {-0.00579886255f, -0.0197299233f, -0.0217561787f, -0.0082314677f, 0.00520217102f, 0.0089103894f, 0.00545301635f,
     0.00128218234f, -0.000628361569f, -0.000791506492f, -0.000438709683f, -0.000166423166f, -4.77399385e-5f,
     -1.07914975e-5f, -1.9646469e-6f, -2.91903719e-7f},
    {0.0677530135f, 0.0442723313f, -0.000650333342f, -0.032009854f, -0.033819417f, -0.0180227306f, -0.00305083944f,
     0.00341234679f, 0.0036731136f, 0.00207794076f, 0.000834157027f, 0.000257484957f, 6.32831997e-5f, 1.26193221e-5f,
     2.06542835e-6f, 2.79611864e-7f},
    {-0.000125124415f, 0.0942715393f, 0.129777042f, 0.099423503f, 0.0425967164f, 2.0613955e-6f, -0.0157656673f,
     -0.0141852235f, -0.00793474931f, -0.00328970884f, -0.00107060572f, -0.000280905952f, -6.03163203e-5f,
     -1.06978321e-5f, -1.57711262e-6f, -1.94117457e-7f},
    {-0.398936862f, -0.338803847f, -0.196993232f, -0.0543781764f, 0.0310544491f, 0.0539913409f, 0.0421034924f,
     0.0231143014f, 0.00982274398f, 0.00335312425f, 0.000936678693f, 0.000216430994f, 4.16484417e-5f, 6.70561197e-6f,
     9.06295345e-7f, 1.03074298e-7f},
    {0.499999924f, 0.197270238f, -0.0198978136f, -0.117953597f, -0.122674063f, -0.0852318138f, -0.0455493373f,
     -0.0196081295f, -0.00694194113f, -0.00204373758f, -0.000503649888f, -0.00010433462f, -1.82210477e-5f,
     -2.68813891e-6f, -3.35519798e-7f, -3.54706775e-8f},
    {0, 0.137831293f, 0.169484325f, 0.138083618f, 0.0876788742f, 0.0455002631f, 0.0196740823f, 0.0071543623f,
     0.00219884073f, 0.000572791141f, 0.000126685262f, 2.3815348e-5f, 3.80802944e-6f, 5.18164419e-7f, 6.00214295e-8f,
     5.92000644e-9f},
};
#endif

static inline vec vec_gelu_loss(vec a)
{
    const vec shift = vec_all(12582912.0f), b = vec_smaller(vec_all(6.19f), a); /* shift as in vec_exp_parts */
    const vec shifted = b * 2.5f + shift, r = b - (shifted - shift) * 0.4f;
    vec p = vec_pick(gelu_pieces[0], vec_bits(shifted));
#pragma GCC unroll 5
    for (uint32_t i = 1; i <= GELU_DEGREE; i++)
        p = p * r + vec_pick(gelu_pieces[i], vec_bits(shifted));
    return p;
}
#else
static inline vec vec_gelu_loss(vec a)
{
    const vec b = vec_smaller(vec_all(6), a);
    return b * vec_normal_tail(b);
}
#endif

static inline vec vec_gelu(vec x)
{
    return vec_larger(vec_all(0), x) - vec_gelu_loss(vec_absolute(x));
}
#endif
