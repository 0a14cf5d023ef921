/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of a level's kernels, in the order of ops.def.
 */
#include "backends/cpu/kernel.h"

cpu_kernel *const CPU_NAME(kernels)[] = {
#define PLN_OP(number, version, NAME, name, inputs, outputs, in_place, params, gradient) CPU_NAME(name),
#include "graph/ops.def"
#undef PLN_OP
};
