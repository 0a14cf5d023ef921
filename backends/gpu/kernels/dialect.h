/* SPDX-License-Identifier: Apache-2.0
 *
 * What makes one kernel text GLSL 4.60 (VULKAN is defined by the compiler) and OpenCL C 1.2. A kernel reads
 *
 *     #include "dialect.h"
 *     SPEC(1, NAME, default)               a specialization constant; S0 is always the work-group's size, WG
 *     #define OPERANDS(READ, READ_HALF, WRITE) bindings in order, of
 *         READ(1, float, x) WRITE(2, float, y)     element x[i], the aligned group of four from it on X4(x, i), the group of
 *                                                  that number QUAD(x, i / 4); row r of it begins at element ROW(x, r)
 *         READ_HALF(1, w)                          the same, or the group of four f16 of that number QUAD_HALF(w, i / 4)
 *     KERNEL(name)
 *     BODY(LOCAL(float, tile, 64))         memory shared by the work-group or NO_LOCALS, the code, END
 *
 * Rules: one-dimensional work-groups; no return before a barrier; helpers take and give values only; a loop that indexes a
 * private array is marked UNROLL; fma chains instead of dot(); no subgroup operations, no half arithmetic; operands may alias,
 * so a thread reads an element for the last time before it writes the one at the same place.
 *
 * C knows a kernel's operands by the same names: backends/gpu/embed_texts.py makes slots.h of the lists OPERANDS.
 */
#define PLN_KERNEL
#include "pleione_ops.h"
#include "protocol.h"

#ifdef VULKAN
#extension GL_EXT_control_flow_attributes : require
layout(constant_id = 0) const uint WG = 64u;
layout(local_size_x_id = 0) in;
#define SPEC(id, name, value) layout(constant_id = id) const uint name = value;
#define KERNEL(name)                                                                                                   \
    layout(push_constant) uniform launch { uint record; };                                                             \
    layout(binding = 0, std430) readonly buffer plan_block { uint plan[]; };                                           \
    OPERANDS(READ, READ_HALF, WRITE)
#define READ(at, type, name)                                                                                           \
    const uint name##_slot = uint(at - 1);                                                                           \
    layout(binding = at, std430) readonly buffer name##_block { type name[]; };                                        \
    layout(binding = at, std430) readonly buffer name##_block4 { vec4 name##_4[]; };
#define READ_HALF(at, name)                                                                                            \
    READ(at, float, name)                                                                                              \
    layout(binding = at, std430) readonly buffer name##_block_half { uvec2 name##_half[]; };
#define QUAD_HALF(name, i) vec4(unpackHalf2x16(name##_half[i].x), unpackHalf2x16(name##_half[i].y))
#define WRITE(at, type, name)                                                                                          \
    const uint name##_slot = uint(at - 1);                                                                           \
    layout(binding = at, std430) buffer name##_block { type name[]; };                                                 \
    layout(binding = at, std430) buffer name##_block4 { vec4 name##_4[]; };
#define BODY(locals) locals void main() {
#define LOCAL(type, name, size) shared type name[size];
#define QUAD(name, i) name##_4[i]
#define LOCAL4(name, i) vec4(name[i], name[(i) + 1u], name[(i) + 2u], name[(i) + 3u])
#define F4 vec4
#define MK4(a, b, c, d) vec4(a, b, c, d)
#define UNROLL [[unroll]]
#define UNROLL_FREELY [[unroll]] /* no private array is indexed */
#define ROLLED [[dont_unroll]]    /* unrolled it takes too many registers */
#define BARRIER barrier()
#define THREAD gl_LocalInvocationID.x
#define GROUP (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x)
#define FUNCTION
#define FUNCTION_APART
#define TO_FLOAT(x) float(x)
#define TO_UINT(x) uint(x)
#define TO_INT(x) int(x)
#define BITS_FLOAT(u) uintBitsToFloat(u)
#else
enum { WG = S0 };
#define GPU_PASTE(a, b) a##b
#define SPEC(id, name, value) enum { name = GPU_PASTE(S, id) };
#define KERNEL(name)                                                                                                   \
    enum { OPERANDS(SLOT, SLOT_HALF, SLOT) };                                                                          \
    __kernel __attribute__((reqd_work_group_size(S0, 1, 1))) void name(                                                \
        __global const uint *plan OPERANDS(READ, READ_HALF, WRITE)
#define SLOT(at, type, name) name##_slot = at - 1,
#define SLOT_HALF(at, name) SLOT(at, float, name)
#define READ(at, type, name) , __global const type *name
#define READ_HALF(at, name) READ(at, float, name)
#define QUAD_HALF(name, i) half_quad(((__global const uint2 *)name)[i])
#define WRITE(at, type, name) , __global type *name
#define BODY(locals) , uint record) { locals
#define LOCAL(type, name, size) __local type name[size] __attribute__((aligned(16)));
#define QUAD(name, i) (((__global float4 *)name)[i])
#define LOCAL4(name, i) (*(__local const float4 *)(name + (i)))
#define F4 float4
#define MK4(a, b, c, d) (float4)(a, b, c, d)
#define UNROLL _Pragma("unroll")
#define ROLLED _Pragma("nounroll")
#if defined(__NVPTX__) || defined(cl_nv_pragma_unroll)
#define UNROLL_FREELY UNROLL
#else
#define UNROLL_FREELY /* Intel's compiler spills what it unrolls too far */
#endif
#define BARRIER barrier(CLK_LOCAL_MEM_FENCE)
#define THREAD ((uint)get_local_id(0))
#define GROUP ((uint)(get_group_id(1) * get_num_groups(0) + get_group_id(0)))
#define FUNCTION static
#ifdef cl_intel_subgroups /* the code of a large function counts against the loops around it, which then stay rolled */
#define FUNCTION_APART static __attribute__((noinline))
#else
#define FUNCTION_APART static
#endif
#define TO_FLOAT(x) ((float)(x))
#define TO_UINT(x) ((uint)(x))
#define TO_INT(x) ((int)(x))
#define BITS_FLOAT(u) as_float((uint)(u))
#endif
#ifndef VULKAN
/* vload_half is core, but not every compiler declares it. Subnormals are made without subnormal f32. */
FUNCTION float half_float(uint bits)
{
    const uint magnitude = (bits & 0x7fffu) << 13, bias = 0x38000000u;
    const float normal = as_float(magnitude + (magnitude < 0x0f800000u ? bias : 2u * bias));
    const float small = as_float(magnitude + 0x38800000u) - 6.103515625e-5f;
    return as_float(as_uint(magnitude < 0x00800000u ? small : normal) | (bits & 0x8000u) << 16);
}
FUNCTION float4 half_quad(uint2 bits)
{
    return (float4)(half_float(bits.x), half_float(bits.x >> 16), half_float(bits.y), half_float(bits.y >> 16));
}
#endif
#define END }
#define X4(name, i) QUAD(name, (i) >> 2)
#define NO_LOCALS

#define LARGEST 3.402823466e+38f
#define INFINITE BITS_FLOAT(0x7f800000u)
#define NOT_A_NUMBER BITS_FLOAT(0x7fc00000u)
#define SPLAT4(x) MK4(x, x, x, x)
#define FMA4(s, v, sum) fma(SPLAT4(s), v, sum)
#define SUM4(v) ((v.x + v.y) + (v.z + v.w))
#define LESSER(a, b) ((a) < (b) ? (a) : (b))
#define GREATER(a, b) ((a) > (b) ? (a) : (b))
#define HAS(flag) ((FLAGS & (flag)) != 0u)
#define WHOLE HAS(GPU_WHOLE) /* rows are aligned and a multiple of 4 wide */

/* The record, protocol.h. */
#define PARAM(i) plan[record + (i)]
#define PARAM_FLOAT(i) BITS_FLOAT(PARAM(i))
#define COUNT_AT(symbol, scale, offset) (plan[record + scale] * plan[plan[record + symbol]] + plan[record + offset])
#define COUNT COUNT_AT(GPU_RECORD_SYMBOL, GPU_RECORD_SCALE, GPU_RECORD_OFFSET) /* real rows of the run */
#define OTHER_COUNT COUNT_AT(GPU_RECORD_OTHER_SYMBOL, GPU_RECORD_OTHER_SCALE, GPU_RECORD_OTHER_OFFSET)
#define FIRST_ROW plan[record + GPU_RECORD_ROW_FIRST]
#define WINDOW_END plan[record + GPU_RECORD_ROW_END]
#define ROWS_END LESSER(COUNT, WINDOW_END) /* where the window, or what is real of it, ends */
#define TABLE_FIRST plan[record + GPU_RECORD_TABLE_FIRST]
#define TABLE_END plan[record + GPU_RECORD_TABLE_END]
#define TABLE_PANEL plan[record + GPU_RECORD_TABLE_PANEL]
/* Of an operand, by its name. A name that goes on to another macro may be one of the compiler's own (PoCL has `distance` as
 * a macro), so every one of these pastes it itself. */
#define FIRST(name) plan[record + GPU_RECORD_FIRST + GPU_SLOT_WORDS * name##_slot]
#define STRIDE(name) plan[record + GPU_RECORD_STRIDE + GPU_SLOT_WORDS * name##_slot]
#define WIDTH(name) plan[record + GPU_RECORD_WIDTH + GPU_SLOT_WORDS * name##_slot] /* 0: the operand is absent */
#define ROW(name, r)                                                                                                   \
    (plan[record + GPU_RECORD_FIRST + GPU_SLOT_WORDS * name##_slot] +                                                  \
     (r) * plan[record + GPU_RECORD_STRIDE + GPU_SLOT_WORDS * name##_slot])

/* Four elements of a row from column c on, absent ones `fill`; `whole` is a constant: rows are aligned and a multiple of 4
 * wide. */
#define READ4_ELSE(whole, name, row, c, width, fill)                                                                   \
    ((whole) ? X4(name, (row) + (c)) : READ_PART(name, (row) + (c), TO_INT((width) - (c)), fill))
#define READ4(whole, name, row, c, width) READ4_ELSE(whole, name, row, c, width, 0.0f)
#ifdef VULKAN
#define READ_PART(name, at, n, fill)                                                                                   \
    MK4((n) > 0 ? name[at] : (fill), (n) > 1 ? name[(at) + 1u] : (fill), (n) > 2 ? name[(at) + 2u] : (fill),           \
        (n) > 3 ? name[(at) + 3u] : (fill))
#define WRITE_PART(name, at, n, v)                                                                                     \
    name[at] = v.x;                                                                                                    \
    if (n > 1u)                                                                                                        \
        name[(at) + 1u] = v.y;                                                                                         \
    if (n > 2u)                                                                                                        \
        name[(at) + 2u] = v.z;                                                                                         \
    if (n > 3u)                                                                                                        \
        name[(at) + 3u] = v.w;
#else
FUNCTION_APART float4 read_part(__global const float *from, int n, float fill)
{
    return (float4)(n > 0 ? from[0] : fill, n > 1 ? from[1] : fill, n > 2 ? from[2] : fill, n > 3 ? from[3] : fill);
}
FUNCTION_APART void write_part(__global float *to, uint n, float4 v)
{
    to[0] = v.x;
    if (n > 1u)
        to[1] = v.y;
    if (n > 2u)
        to[2] = v.z;
    if (n > 3u)
        to[3] = v.w;
}
#define READ_PART(name, at, n, fill) read_part(name + (at), n, fill)
#define WRITE_PART(name, at, n, v) write_part(name + (at), n, v);
#endif
#define WRITE4(whole, name, row, c, width, v)                                                                          \
    if ((c) < (width)) {                                                                                               \
        if (whole) {                                                                                                   \
            X4(name, (row) + (c)) = v;                                                                                 \
        } else {                                                                                                       \
            WRITE_PART(name, (row) + (c), (width) - (c), v)                                                            \
        }                                                                                                              \
    }

/* tile[0] = the sum of `value` over the threads, in a fixed order; the tile may be used again after the next barrier. */
#define SUM_OF_GROUP(tile, value)                                                                                      \
    BARRIER;                                                                                                           \
    tile[THREAD] = value;                                                                                              \
    BARRIER;                                                                                                           \
    for (uint half_ = WG / 2u; half_ > 0u; half_ >>= 1) {                                                              \
        if (THREAD < half_)                                                                                            \
            tile[THREAD] += tile[THREAD + half_];                                                                      \
        BARRIER;                                                                                                       \
    }
#define MAX_OF_GROUP(tile, value)                                                                                      \
    BARRIER;                                                                                                           \
    tile[THREAD] = value;                                                                                              \
    BARRIER;                                                                                                           \
    for (uint half_ = WG / 2u; half_ > 0u; half_ >>= 1) {                                                              \
        if (THREAD < half_)                                                                                            \
            tile[THREAD] = max(tile[THREAD], tile[THREAD + half_]);                                                    \
        BARRIER;                                                                                                       \
    }
