/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin for the roof: device 0 says that it is a processor and computes nothing, device 1 says that it is a GPU and
 * computes as the reference does, after a pause, so that small work is far below the roof of large products.
 */
#include <stdbool.h>
#include <time.h>

#include "backends/reference/reference.h"

static const pln_backend *right;
static bool lazy;

static pln_status count(uint32_t *n, pln_failure *error)
{
    (void)error;
    *n = 2;
    return PLN_OK;
}

static pln_status describe(uint32_t index, const pln_device *device, pln_device_description *info, pln_failure *error)
{
    const pln_status status = right->device_info(0, device, info, error);
    info->kind = index == 0 ? PLN_DEVICE_KIND_CPU : PLN_DEVICE_KIND_DISCRETE;
    return status;
}

/* One device is open for runs at a time. */
static pln_status open_device(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *error)
{
    lazy = index == 0;
    return right->device_open(0, opening, device, error);
}

static pln_status run_plan(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    static const struct timespec pause = {.tv_nsec = 50000000};
    if (lazy)
        return PLN_OK;
    nanosleep(&pause, NULL);
    return right->plan_run(plan, run, error);
}

PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max);

const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{
    static pln_backend impostor;
    right = pln_reference_query(abi_min, abi_max);
    if (!right)
        return NULL;
    impostor = *right;
    impostor.name = "impostor";
    impostor.device_count = count;
    impostor.device_info = describe;
    impostor.device_open = open_device;
    impostor.plan_run = run_plan;
    return &impostor;
}
