/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a segment, gives a plan: allocates what the plan itself needs, and makes a kernel object of each step with all
 * its arguments set.
 */
#include "backends/opencl/opencl.h"

#include <string.h>

static pln_status choose_queue(pln_plan *plan, bool timed, pln_failure *error)
{
    pln_device *device = plan->device;
    cl_int code = CL_SUCCESS;
    if (timed && !device->timed_queue)
        device->timed_queue =
            clb.CreateCommandQueue(device->context, device->entry->id, CL_QUEUE_PROFILING_ENABLE, &code);
    if (code != CL_SUCCESS)
        return clb_fail(device, code, "clCreateCommandQueue", error);
    plan->queue = timed ? device->timed_queue : device->queue;
    return PLN_OK;
}

static pln_status allocate_buffers(pln_plan *plan, pln_failure *error)
{
    const struct gpu_steps *steps = &plan->steps;
    pln_status status =
        clb_memory_create(plan->device, gpu_steps_bytes(steps), "the records of a plan", &plan->words, error);
    if (status == PLN_OK && steps->scratch_bytes)
        status = clb_memory_create(plan->device, steps->scratch_bytes, "the scratch of a plan", &plan->scratch, error);
    return status;
}

/* The buffer that a binding lies in, and the bytes before it there. */
static cl_mem find_memory(const pln_plan *plan, const pln_segment *segment, const struct gpu_binding *binding,
                          uint64_t *offset)
{
    *offset = binding->offset;
    if (binding->value == GPU_BIND_SCRATCH)
        return plan->scratch;
    const pln_value_info *value = pln_segment_value(segment, binding->value);
    if (!value) {
        *offset = 0;
        return plan->words;
    }
    if (value->kind == PLN_VALUE_CONSTANT)
        return value->constant->memory;
    return value->buffer->memory;
}

/* Arguments: the plan buffer, the bindings, the number of the record's first word. */
static pln_status set_arguments(const pln_plan *plan, const pln_segment *segment, const struct clb_step *step,
                                uint32_t *record, pln_failure *error)
{
    const struct gpu_launch *launch = &step->step.launch;
    cl_int code = clb.SetKernelArg(step->kernel, 0, sizeof(cl_mem), &plan->words);
    for (uint32_t i = 0; i < launch->n_bindings && code == CL_SUCCESS; i++) {
        uint64_t offset;
        cl_mem memory = find_memory(plan, segment, &launch->bindings[i], &offset);
        if (offset)
            record[GPU_RECORD_FIRST + i * GPU_SLOT_WORDS] += (uint32_t)(offset / launch->bindings[i].element);
        code = clb.SetKernelArg(step->kernel, i + 1, sizeof memory, &memory);
    }
    if (code == CL_SUCCESS)
        code = clb.SetKernelArg(step->kernel, launch->n_bindings + 1, sizeof step->step.record, &step->step.record);
    return code == CL_SUCCESS ? PLN_OK : clb_fail(plan->device, code, "clSetKernelArg", error);
}

static pln_status bind_steps(pln_plan *plan, const pln_segment *segment, uint32_t *words, pln_failure *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; i < plan->steps.n && status == PLN_OK; i++) {
        struct clb_step *step = gpu_step_at(&plan->steps, i);
        const struct gpu_launch *launch = &step->step.launch;
        if (!pln_host_goes_on(plan->device->host, "compiling", i, plan->steps.n))
            return pln_failed(error, PLN_CANCELLED, -1, "cancelled while compiling, after %u kernels of %u", i,
                              plan->steps.n);
        memcpy(words + step->step.record, launch->record, launch->n_words * sizeof *words);
        status = clb_kernel_create(plan->device, launch, &step->kernel, error);
        if (status == PLN_OK)
            status = set_arguments(plan, segment, step, words + step->step.record, error);
        if (status != PLN_OK && error)
            error->node = (int32_t)step->step.node;
    }
    return status;
}

/* Binds all steps, which completes their records, and writes those. */
static pln_status write_records(pln_plan *plan, const pln_segment *segment, pln_failure *error)
{
    const pln_host *host = plan->device->host;
    const size_t bytes = (size_t)gpu_steps_bytes(&plan->steps);
    uint32_t *words = host->allocate(host->context, bytes);
    if (!words)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for the records of a plan, %zu bytes", bytes);
    pln_status status = bind_steps(plan, segment, words, error);
    if (status == PLN_OK) {
        cl_int code = clb.EnqueueWriteBuffer(plan->queue, plan->words, CL_TRUE, 0, bytes, words, 0, NULL, NULL);
        status = code == CL_SUCCESS ? PLN_OK : clb_fail(plan->device, code, "clEnqueueWriteBuffer", error);
    }
    host->release(host->context, words);
    return status;
}

static pln_status build(pln_plan *plan, const pln_segment *segment, pln_failure *error)
{
    const pln_host *host = plan->device->host;
    const bool timed = (segment->flags & PLN_SEGMENT_TIMED) != 0;
    plan->n_nodes = segment->n_nodes;
    if (timed)
        plan->node_ns = host->allocate(host->context, plan->n_nodes * sizeof plan->node_ns[0] + 1);
    if (timed && !plan->node_ns)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for the times of a plan of %u nodes",
                          plan->n_nodes);
    pln_status status = choose_queue(plan, timed, error);
    if (status == PLN_OK)
        status = allocate_buffers(plan, error);
    return status == PLN_OK ? write_records(plan, segment, error) : status;
}

pln_status clb_plan_create(pln_device *device, const pln_segment *segment, pln_plan **out, pln_failure *error)
{
    const pln_host *host = device->host;
    struct gpu_steps steps;
    *out = NULL;
    pln_status status = clb_begin(device, error);
    if (status == PLN_OK)
        status = clb_steps_create(device, segment, &steps, error);
    if (status != PLN_OK)
        return status;
    pln_plan *plan = host->allocate(host->context, sizeof *plan);
    if (!plan) {
        gpu_steps_release(host, &steps);
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for a plan, %zu bytes", sizeof *plan);
    }
    plan->device = device;
    plan->steps = steps;
    status = build(plan, segment, error);
    *out = plan;
    if (status != PLN_OK)
        clb_plan_destroy(out);
    return status;
}

void clb_plan_destroy(pln_plan **out)
{
    pln_plan *plan = *out;
    if (!plan)
        return;
    const pln_host *host = plan->device->host;
    for (uint32_t i = 0; i < plan->steps.n; i++) {
        const struct clb_step *step = gpu_step_at(&plan->steps, i);
        if (step->kernel)
            clb.ReleaseKernel(step->kernel);
    }
    clb_memory_destroy(&plan->words);
    clb_memory_destroy(&plan->scratch);
    gpu_steps_release(host, &plan->steps);
    host->release(host->context, plan->node_ns);
    host->release(host->context, plan);
    *out = NULL;
}

pln_status clb_plan_info(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                         pln_failure *error)
{
    if (!plan)
        return clb_steps_tell(device, segment, info, error);
    const uint32_t room = info->n_kernels;
    info->n_kernels = plan->steps.n;
    info->scratch_bytes = clb_own_bytes(&plan->steps);
    info->constant_bytes = 0;
    for (uint32_t i = 0; segment && i < segment->n_values; i++)
        if (pln_segment_value(segment, (int32_t)i)->kind == PLN_VALUE_CONSTANT)
            info->constant_bytes += pln_segment_value(segment, (int32_t)i)->constant->bytes;
    for (uint32_t i = 0; i < plan->steps.n && i < room; i++) {
        pln_launch_info kernel;
        clb_kernel_describe(device, gpu_step_at(&plan->steps, i), &kernel);
        pln_plan_give_kernel(info, room, i, &kernel);
    }
    return PLN_OK;
}
