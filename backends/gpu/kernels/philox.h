/* SPDX-License-Identifier: Apache-2.0
 *
 * Dropout as graph/ops.def describes it: Philox4x32-10, and what four neighbouring elements are multiplied with.
 */
#ifdef VULKAN
#define U4 uvec4
#define MKU4(a, b, c, d) uvec4(a, b, c, d)
FUNCTION uint high_product(uint a, uint b)
{
    uint high, low;
    umulExtended(a, b, high, low);
    return high;
}
#else
#define U4 uint4
#define MKU4(a, b, c, d) (uint4)(a, b, c, d)
#define high_product(a, b) ((uint)(((ulong)(a) * (ulong)(b)) >> 32)) /* mul_hi is wrong in oclgrind */
#endif

/* The key and the first word of the counter, from the element of random where they begin. */
#define RANDOM(at)                                                                                                     \
    TO_UINT(random[(at) + PLN_RANDOM_SEED_LOW]), TO_UINT(random[(at) + PLN_RANDOM_SEED_HIGH]),                         \
        TO_UINT(random[(at) + PLN_RANDOM_STEP])

FUNCTION U4 philox(uint k0, uint k1, uint a, uint b, uint c, uint d)
{
    for (uint i = 0u; i < 10u; i++) {
        const uint p = 0xd2511f53u * a, q = 0xcd9e8d57u * c;
        const uint next_a = high_product(0xcd9e8d57u, c) ^ b ^ k0, next_c = high_product(0xd2511f53u, a) ^ d ^ k1;
        a = next_a;
        b = q;
        c = next_c;
        d = p;
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    return MKU4(a, b, c, d);
}

/* Word e % 4, by its bits: comparisons with 0 .. 3 become a switch over two bits, which oclgrind takes for eight. The bit that
 * tells neighbours apart comes last, or clang puts the words into memory for NVIDIA. */
FUNCTION uint word_of(U4 w, uint e)
{
    const uint even = (e & 2u) != 0u ? w.z : w.x, odd = (e & 2u) != 0u ? w.w : w.y;
    return (e & 1u) != 0u ? odd : even;
}

/* v, with zeros where the word is below the bound. */
FUNCTION F4 drop4(U4 w, uint below, F4 v)
{
    return MK4(w.x < below ? 0.0f : v.x, w.y < below ? 0.0f : v.y, w.z < below ? 0.0f : v.z, w.w < below ? 0.0f : v.w);
}

/* Of words e to e + 3 of a sequence: they may lie in two counters. */
FUNCTION F4 dropout4(uint k0, uint k1, uint step, uint site, uint sequence, uint first, uint e, uint below, float scale)
{
    const uint s = e & 3u;
    const U4 w = philox(k0, k1, step, site, sequence, first + (e >> 2));
    U4 n = w;
    if (s != 0u)
        n = philox(k0, k1, step, site, sequence, first + (e >> 2) + 1u);
    const uint a = word_of(w, s), b = s + 1u < 4u ? word_of(w, s + 1u) : word_of(n, s - 3u);
    const uint c = s + 2u < 4u ? word_of(w, s + 2u) : word_of(n, s - 2u);
    const uint d = s + 3u < 4u ? word_of(w, s + 3u) : word_of(n, s - 1u);
    return drop4(MKU4(a, b, c, d), below, SPLAT4(scale));
}

/* Of columns c to c + 3 of a row of that width, `at` its row of origin. The kernel binds origin and random (slots given), and
 * its params have the three fields of dropout from `fields` on. */
#define DROPOUT4(at, c, width, random_at, fields)                                                                      \
    dropout4(RANDOM(random_at), PARAM(fields), TO_UINT(origin[(at) + PLN_ORIGIN_SEQUENCE]), 0u,                        \
             TO_UINT(origin[(at) + PLN_ORIGIN_POSITION]) * (width) + (c), PARAM((fields) + 1u),                        \
             PARAM_FLOAT((fields) + 2u))
