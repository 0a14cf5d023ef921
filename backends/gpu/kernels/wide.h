/* SPDX-License-Identifier: Apache-2.0
 *
 * Sixteen elements side by side, for the OpenCL texts of CPUs: two registers of AVX2, one of AVX-512.
 */
/* The first n of 16 elements, the others zero. */
static float16 load16(__global const float *from, uint n)
{
    float v[16] = {0.0f};
    if (n >= 16u)
        return vload16(0, from);
    for (uint i = 0; i < n; i++)
        v[i] = from[i];
    return vload16(0, v);
}

static void store16(__global float *to, uint n, float16 x)
{
    float v[16];
    if (n >= 16u) {
        vstore16(x, 0, to);
        return;
    }
    vstore16(x, 0, v);
    for (uint i = 0; i < n; i++)
        to[i] = v[i];
}
