#version 460
/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiles where glslc knows what linear_matrix needs.
 */
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require

void main() {}
