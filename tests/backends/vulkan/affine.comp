/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel of the stand-in: pass 0 gives t = 2 x, pass 1 gives y = t + bias, row by row, one work-group a row. `copy` is an
 * output that is always absent (word 4 is 0): declared, and never written.
 */
#version 460
layout(constant_id = 0) const uint WG = 64u;
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint PASS = 0u;
layout(push_constant) uniform launch { uint record; };
layout(binding = 0, std430) readonly buffer plan_block { uint plan[]; };
layout(binding = 1, std430) readonly buffer x_block { float x[]; };
layout(binding = 2, std430) readonly buffer bias_block { float bias[]; };
layout(binding = 3, std430) writeonly buffer y_block { float y[]; };
layout(binding = 4, std430) writeonly buffer copy_block { float copy[]; };

void main()
{
    uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    uint rows = plan[plan[record]], first = plan[record + 1u], window = plan[record + 2u], width = plan[record + 3u];
    if (group >= window || first + group >= rows)
        return;
    for (uint c = gl_LocalInvocationID.x; c < width; c += WG) {
        uint i = group * width + c;
        float result = PASS == 0u ? 2.0 * x[i] : x[i] + bias[c];
        y[i] = result;
        if (plan[record + 4u] != 0u)
            copy[i] = result;
    }
}
