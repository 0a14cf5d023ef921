/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes the real numbers of a run, gives the status of the device's work: uploads the dims, enqueues the steps on an
 * in-order queue, waits once, and looks at what became of each.
 */
#include "backends/opencl/opencl.h"

#include <string.h>
#include <time.h>

#include "common/clock.h"

static pln_status enqueue_step(pln_plan *plan, struct clb_step *step, pln_failure *error)
{
    size_t local = step->step.launch.workgroup;
    size_t global = local * gpu_launch_groups(&step->step.launch, plan->dims);
    if (global == 0)
        return PLN_OK;
    cl_int code = clb.EnqueueNDRangeKernel(plan->queue, step->kernel, 1, NULL, &global, &local, 0, NULL, &step->event);
    if (code == CL_SUCCESS)
        return PLN_OK;
    step->event = NULL;
    pln_status status = clb_fail(plan->device, code, step->step.launch.kernel, error);
    if (error)
        error->node = (int32_t)step->step.node;
    return status;
}

/* Commands that were enqueued before a failure are under way: the caller waits for them in any case. */
static pln_status enqueue_all(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    uint32_t n_dims = run->n_dims < GPU_DIMS ? run->n_dims : GPU_DIMS;
    memcpy(plan->dims, run->dims, n_dims * sizeof plan->dims[0]);
    cl_int code =
        clb.EnqueueWriteBuffer(plan->queue, plan->words, CL_FALSE, 0, sizeof plan->dims, plan->dims, 0, NULL, NULL);
    if (code != CL_SUCCESS)
        return clb_fail(plan->device, code, "clEnqueueWriteBuffer", error);
    pln_status status = PLN_OK;
    for (uint32_t i = 0; i < plan->steps.n && status == PLN_OK; i++)
        status = enqueue_step(plan, gpu_step_at(&plan->steps, i), error);
    return status;
}

/* Work that failed, or was dropped, shows as the state of its event, not in the calls that put it there. */
static pln_status check_step(pln_plan *plan, const struct clb_step *step, pln_failure *error)
{
    pln_device *device = plan->device;
    cl_int state = CL_COMPLETE;
    cl_int code = clb.GetEventInfo(step->event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
    if (code != CL_SUCCESS)
        return clb_fail(device, code, "clGetEventInfo", error);
    if (state == CL_COMPLETE)
        return PLN_OK;
    device->lost = true;
    return pln_failed(error, PLN_DEVICE_LOST, (int32_t)step->step.node,
                      "%s: kernel %s ended in state %d: the device is lost until it is closed",
                      device->entry->info.name, step->step.launch.kernel, (int)state);
}

static pln_status add_time(pln_plan *plan, const struct clb_step *step, pln_failure *error)
{
    cl_ulong begin = 0, end = 0;
    cl_int code = clb.GetEventProfilingInfo(step->event, CL_PROFILING_COMMAND_START, sizeof begin, &begin, NULL);
    if (code == CL_SUCCESS)
        code = clb.GetEventProfilingInfo(step->event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
    if (code != CL_SUCCESS)
        return clb_fail(plan->device, code, "clGetEventProfilingInfo", error);
    plan->node_ns[step->step.node] += end - begin;
    return PLN_OK;
}

static pln_status collect_events(pln_plan *plan, pln_status status, pln_failure *error)
{
    if (plan->node_ns)
        memset(plan->node_ns, 0, plan->n_nodes * sizeof plan->node_ns[0]);
    for (uint32_t i = 0; i < plan->steps.n; i++) {
        struct clb_step *step = gpu_step_at(&plan->steps, i);
        if (!step->event)
            continue;
        if (status == PLN_OK)
            status = check_step(plan, step, error);
        if (status == PLN_OK && plan->node_ns)
            status = add_time(plan, step, error);
        clb.ReleaseEvent(step->event);
        step->event = NULL;
    }
    return status;
}

static pln_status finish(pln_plan *plan, pln_status status, pln_failure *error)
{
    const cl_int code = clb.Finish(plan->queue);
    if (status == PLN_OK && code != CL_SUCCESS)
        status = clb_fail(plan->device, code, "clFinish", error);
    return collect_events(plan, status, error);
}

pln_status clb_plan_run(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    pln_status status = clb_begin(plan->device, error);
    return status == PLN_OK ? finish(plan, enqueue_all(plan, run, error), error) : status;
}

/* ---- runs that do not block */

/* A timed plan has a queue of its own: what was submitted before is through when it begins, and what is submitted, read or
 * written after it finds it at its end. */
pln_status clb_plan_submit(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    pln_device *device = plan->device;
    pln_status status = clb_begin(device, error);
    if (status != PLN_OK)
        return status;
    cl_int code = plan->queue != device->queue ? clb.Finish(device->queue) : CL_SUCCESS;
    if (code != CL_SUCCESS)
        return clb_fail(device, code, "clFinish", error);
    status = enqueue_all(plan, run, error);
    code = plan->queue != device->queue ? clb.Finish(plan->queue) : clb.Flush(plan->queue);
    if (status == PLN_OK && code != CL_SUCCESS)
        status = clb_fail(device, code, "clFlush", error);
    return status == PLN_OK ? PLN_OK : finish(plan, status, error);
}

/* Of the last step that was enqueued, behind which nothing of the run comes: the queue is in order. NULL: there is none. */
static cl_event last_event(const pln_plan *plan)
{
    for (uint32_t i = plan->steps.n; i-- > 0;) {
        const struct clb_step *step = gpu_step_at(&plan->steps, i);
        if (step->event)
            return step->event;
    }
    return NULL;
}

/* An error counts as an end: it is looked at when events are collected. */
static bool is_on_its_way(cl_event event)
{
    cl_int state = CL_COMPLETE;
    return clb.GetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL) == CL_SUCCESS &&
           state > CL_COMPLETE;
}

/* OpenCL waits without a limit only: with one, its state is asked for again and again. */
pln_status clb_plan_wait(pln_plan *plan, uint64_t timeout_ns, pln_failure *error)
{
    static const uint64_t least_ns = 20000, most_ns = 500000;
    const uint64_t begin = clock_ns();
    cl_event last = last_event(plan);
    if (!last)
        return finish(plan, PLN_OK, error);
    if (timeout_ns == UINT64_MAX)
        clb.WaitForEvents(1, &last);
    for (uint64_t pause = least_ns; is_on_its_way(last); pause = pause < most_ns ? 2 * pause : most_ns) {
        const uint64_t gone = clock_ns() - begin;
        if (gone >= timeout_ns)
            return PLN_TIMED_OUT;
        nanosleep(&(struct timespec){.tv_nsec = (long)(pause < timeout_ns - gone ? pause : timeout_ns - gone)}, NULL);
    }
    return collect_events(plan, PLN_OK, error);
}

pln_status clb_plan_timing(pln_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_failure *error)
{
    if (!plan->node_ns)
        return pln_failed(error, PLN_INVALID, -1, "opencl: the plan was not made for timing");
    for (uint32_t i = 0; i < n_nodes; i++)
        node_ns[i] = i < plan->n_nodes ? plan->node_ns[i] : 0;
    return PLN_OK;
}
