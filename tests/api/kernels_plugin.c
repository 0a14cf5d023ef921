/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin that computes as the reference does and tells of two kernels and two programs.
 */
#include <stdio.h>
#include <string.h>

#include "backends/reference/reference.h"

enum { TOLD = 2 };

static void tell(pln_plan_info *info, uint32_t room, uint32_t i)
{
    pln_launch_info kernel = {.size = sizeof kernel, .inverse_throughput = 70 + i};
    const pln_launch_program program = {
        .size = sizeof program, .language = PLN_LANGUAGE_OPENCL_C, .kernel = i ? "second" : "first"};
    snprintf(kernel.name, sizeof kernel.name, "%s", program.kernel);
    pln_plan_give_kernel(info, room, i, &kernel);
    pln_plan_give_program(info, room, i, &program);
}

static pln_status plan_info(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                            pln_failure *error)
{
    (void)device, (void)segment, (void)plan, (void)error;
    const uint32_t room = info->n_kernels;
    info->n_kernels = TOLD;
    info->scratch_bytes = info->constant_bytes = 0;
    for (uint32_t i = 0; i < TOLD; i++)
        tell(info, room, i);
    return PLN_OK;
}

PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max);

const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{
    static pln_backend table;
    const pln_backend *reference = pln_reference_query(abi_min, abi_max);
    if (!reference)
        return NULL;
    table = *reference;
    table.name = "kernels";
    table.plan_info = plan_info;
    return &table;
}
