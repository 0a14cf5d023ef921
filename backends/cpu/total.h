/* SPDX-License-Identifier: Apache-2.0
 *
 * What a loss is divided with, and where it says so.
 */
#ifndef BACKENDS_CPU_TOTAL_H
#define BACKENDS_CPU_TOTAL_H

#include "backends/cpu/kernel.h"

/* The divisor of column c: the total of a loss that is made in parts, else what was counted. It goes to `kept` too, if
 * that is there. */
static inline double divisor(const struct cpu_operand *total, const struct cpu_operand *kept, uint32_t c,
                             double counted)
{
    const double divisor = total->data ? (double)cpu_vector(total, 0)[c] : counted;
    if (kept->data)
        cpu_vector(kept, 0)[c] = (float)divisor;
    return divisor;
}
#endif
