/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the real numbers of a run, gives the status of the device's work: writes the dims, submits what was recorded,
 * waits, now or when it is asked for, and looks at the sentinels. Nothing is allocated here.
 */
#include "backends/vulkan/vulkan.h"

#include <string.h>

static pln_status write_dims(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    uint32_t dims[GPU_DIMS] = {0};
    if (run->n_dims != plan->n_symbols)
        return pln_failed(error, PLN_INVALID, -1, "a run brings %u dims, its plan was made for %u", run->n_dims,
                          plan->n_symbols);
    for (uint32_t i = 0; i < run->n_dims; i++) {
        if (run->dims[i] > plan->capacity[i])
            return pln_failed(error, PLN_INVALID, -1, "dim %u of a run is %u, its plan was made for %u", i,
                              run->dims[i], plan->capacity[i]);
        dims[i] = run->dims[i];
    }
    memcpy(plan->words->mapped ? plan->words->mapped : plan->control->mapped, dims, sizeof dims);
    memset(plan->control->mapped + sizeof dims, 0, plan->n_submissions * sizeof(uint32_t));
    return PLN_OK;
}

static pln_status look_at_sentinel(const pln_plan *plan, uint32_t submission, pln_failure *error)
{
    uint32_t sentinel;
    memcpy(&sentinel, plan->control->mapped + (GPU_DIMS + submission) * sizeof sentinel, sizeof sentinel);
    if (sentinel != submission + 1)
        return pln_failed(error, PLN_FAILED, -1, "%s dropped work: submission %u of %u did not run to its end",
                          plan->device->physical.info.name, submission + 1, plan->n_submissions);
    return PLN_OK;
}

static pln_status finish_submission(pln_plan *plan, uint32_t submission, pln_failure *error)
{
    const pln_status status = vkb_wait(plan->device, submission % 2, error);
    return status == PLN_OK ? look_at_sentinel(plan, submission, error) : status;
}

/* Two submissions at most are on their way: one runs, one waits behind it. */
pln_status vkb_plan_run(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    pln_status status = write_dims(plan, run, error);
    uint32_t submitted = 0, finished = 0;
    while (status == PLN_OK && finished < plan->n_submissions) {
        if (submitted < plan->n_submissions && submitted < finished + 2) {
            status = vkb_submit(plan->device, plan->commands[submitted], submitted % 2, error);
            submitted += status == PLN_OK;
        } else {
            status = finish_submission(plan, finished++, error);
        }
    }
    for (; finished < submitted && !plan->device->lost; finished++)
        vkb_wait(plan->device, finished % 2, NULL);
    return status;
}

/* ---- runs that do not block */

/* All submissions at once: those of another plan come behind the last of this one, whose fence tells of all before it. */
pln_status vkb_plan_submit(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    pln_device *device = plan->device;
    const struct vkb_functions *vk = &device->instance.vk;
    if (device->physical.compiles_only)
        return pln_failed(error, PLN_FAILED, -1, "%s compiles kernels but runs none", device->physical.info.name);
    const pln_status status = write_dims(plan, run, error);
    if (status != PLN_OK)
        return status;
    for (uint32_t i = 0; i < plan->n_submissions; i++) {
        const VkSubmitInfo submit = {
            .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &plan->commands[i]};
        const bool last = i + 1 == plan->n_submissions;
        const VkResult result = vk->QueueSubmit(device->queue, 1, &submit, last ? plan->fence : VK_NULL_HANDLE);
        if (result == VK_SUCCESS)
            continue;
        if (i) /* nothing of a run that failed is on its way */
            vk->DeviceWaitIdle(device->handle);
        return vkb_fail(device, result, "vkQueueSubmit", error);
    }
    plan->next = device->flights;
    device->flights = plan;
    return PLN_OK;
}

static void land(pln_plan *plan)
{
    pln_plan **link = &plan->device->flights;
    while (*link && *link != plan)
        link = &(*link)->next;
    if (*link)
        *link = plan->next;
    plan->next = NULL;
}

pln_status vkb_plan_wait(pln_plan *plan, uint64_t timeout_ns, pln_failure *error)
{
    pln_device *device = plan->device;
    pln_status status = vkb_wait_for(device, plan->fence, timeout_ns, error);
    if (status == PLN_TIMED_OUT)
        return status;
    land(plan);
    if (status != PLN_OK)
        return status;
    const VkResult result = device->instance.vk.ResetFences(device->handle, 1, &plan->fence);
    if (result != VK_SUCCESS)
        return vkb_fail(device, result, "vkResetFences", error);
    for (uint32_t i = 0; status == PLN_OK && i < plan->n_submissions; i++)
        status = look_at_sentinel(plan, i, error);
    return status;
}

pln_status vkb_settle(pln_device *device, pln_failure *error)
{
    pln_status status = PLN_OK;
    for (pln_plan *plan = device->flights; status == PLN_OK && plan; plan = plan->next)
        status = vkb_wait_for(device, plan->fence, UINT64_MAX, error);
    return status;
}

pln_status vkb_plan_timing(pln_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_failure *error)
{
    const struct vkb_functions *vk = &plan->device->instance.vk;
    if (!plan->timed)
        return pln_failed(error, PLN_UNSUPPORTED, -1, "%s: the plan is not timed or the device has no clock",
                          plan->device->physical.info.name);
    const uint32_t bits = plan->device->physical.timestamp_bits;
    const uint64_t mask = bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
    const double period = (double)plan->device->physical.properties.limits.timestampPeriod;
    for (uint32_t node = 0; node < n_nodes && node < plan->n_nodes; node++) {
        uint64_t ticks[2];
        VkResult result = vk->GetQueryPoolResults(plan->device->handle, plan->queries, node * 2, 2, sizeof ticks, ticks,
                                                  sizeof *ticks, VK_QUERY_RESULT_64_BIT);
        if (result != VK_SUCCESS)
            return vkb_fail(plan->device, result, "vkGetQueryPoolResults", error);
        node_ns[node] = (uint64_t)((double)((ticks[1] - ticks[0]) & mask) * period);
    }
    return PLN_OK;
}
