/* SPDX-License-Identifier: Apache-2.0
 *
 * A segment becomes a list of kernel objects with all their arguments set; a run uploads the dims, enqueues the list on
 * an in-order queue and waits once.
 */
#include "backends/opencl/opencl.h"
#include "common/uses.h"

#include <string.h>

/* Where the record of a launch has `first` of each binding (kernels/dialect.h). */
enum { RECORD_FIRST = 32, RECORD_SLOT_WORDS = 3 };

struct pln_plan {
    pln_device *device;
    cl_command_queue queue;
    uint32_t n_nodes, n_launches;
    struct clb_launch {
        struct gpu_launch lowered;
        cl_kernel kernel;
        cl_event event; /* of the run under way, else NULL */
        uint32_t node;
    } * launches;
    cl_mem words;            /* binding 0: dims, then the records */
    cl_mem scratch;          /* NULL if no launch needs any */
    uint64_t scratch_bytes;  /* of both, exact */
    uint32_t dims[GPU_DIMS]; /* stays put while the upload is under way */
    uint64_t *node_ns;       /* [n_nodes] of a timed plan, else NULL */
};

/* ---- lowering a segment ---- */

struct walk {
    pln_device *device;
    const pln_segment *segment;
    uint32_t node, n_launches, n_words;
    uint64_t scratch_bytes;    /* the most that one launch needs: nodes run one after the other and share it */
    pln_plan *plan;            /* where launches are recorded, or NULL to count only */
    uint32_t *words;           /* host copy of the plan buffer, NULL to count only */
    pln_plan_info *told;       /* where programs are noted, or NULL */
    pln_kernel_info *kernels;  /* where names are noted, or NULL */
    uint32_t kernels_capacity; /* room there */
};

static pln_status count_launch(void *context, const struct gpu_launch *launch, pln_error *error)
{
    struct walk *walk = context;
    (void)error;
    if (walk->n_launches < walk->kernels_capacity)
        snprintf(walk->kernels[walk->n_launches].name, sizeof walk->kernels[0].name, "%s", launch->kernel);
    if (walk->told && pln_plan_program(walk->told, walk->told->n_kernels, walk->n_launches))
        *pln_plan_program(walk->told, walk->told->n_kernels, walk->n_launches) =
            gpu_program(launch, walk->node, PLN_LANGUAGE_OPENCL_C);
    if (launch->scratch_bytes > walk->scratch_bytes)
        walk->scratch_bytes = launch->scratch_bytes;
    walk->n_launches++;
    walk->n_words += launch->n_words;
    return PLN_OK;
}

static pln_status walk_nodes(struct walk *walk, gpu_emit_fn *emit, pln_error *error)
{
    walk->n_launches = 0;
    walk->n_words = GPU_DIMS;
    for (uint32_t i = 0; i < walk->segment->n_nodes; i++) {
        walk->node = i;
        pln_status status = gpu_lower(&walk->device->limits, walk->segment, i, emit, walk, error);
        if (status) {
            if (error)
                error->node = (int32_t)i;
            return status;
        }
    }
    return PLN_OK;
}

static uint64_t plan_bytes(const struct walk *walk)
{
    return walk->scratch_bytes + (uint64_t)walk->n_words * 4;
}

/* ---- recording ---- */

/* The buffer that a binding lies in, and the bytes before it there. */
static cl_mem find_memory(const struct walk *walk, const struct gpu_binding *binding, uint64_t *offset)
{
    *offset = binding->offset;
    if (binding->value == GPU_BIND_SCRATCH)
        return walk->plan->scratch;
    const pln_value_info *value = pln_segment_value(walk->segment, binding->value);
    if (!value) {
        *offset = 0;
        return walk->plan->words;
    }
    if (value->kind == PLN_VALUE_CONSTANT)
        return value->constant->memory;
    return value->buffer->memory;
}

/* Arguments: the plan buffer, the bindings, the number of the record's first word. */
static pln_status bind_launch(struct walk *walk, struct clb_launch *launch, uint32_t *record, pln_error *error)
{
    const struct gpu_launch *lowered = &launch->lowered;
    uint32_t first_word = walk->n_words;
    cl_int code = clb.SetKernelArg(launch->kernel, 0, sizeof(cl_mem), &walk->plan->words);
    for (uint32_t i = 0; i < lowered->n_bindings && code == CL_SUCCESS; i++) {
        uint64_t offset;
        cl_mem memory = find_memory(walk, &lowered->bindings[i], &offset);
        if (offset)
            record[RECORD_FIRST + i * RECORD_SLOT_WORDS] += (uint32_t)(offset / lowered->bindings[i].element);
        code = clb.SetKernelArg(launch->kernel, i + 1, sizeof memory, &memory);
    }
    if (code == CL_SUCCESS)
        code = clb.SetKernelArg(launch->kernel, lowered->n_bindings + 1, sizeof first_word, &first_word);
    return code == CL_SUCCESS ? PLN_OK : clb_fail(walk->device, code, "clSetKernelArg", error);
}

static pln_status record_launch(void *context, const struct gpu_launch *lowered, pln_error *error)
{
    struct walk *walk = context;
    struct clb_launch *launch = &walk->plan->launches[walk->n_launches++];
    uint32_t *record = walk->words + walk->n_words;
    launch->lowered = *lowered;
    launch->node = walk->node;
    pln_status status = clb_kernel_create(walk->device, lowered, &launch->kernel, error);
    if (status)
        return status;
    memcpy(record, lowered->record, lowered->n_words * sizeof record[0]);
    status = bind_launch(walk, launch, record, error);
    walk->n_words += lowered->n_words;
    return status;
}

static pln_status record_plan(struct walk *walk, pln_error *error)
{
    const pln_host *host = walk->device->host;
    size_t bytes = walk->n_words * sizeof walk->words[0];
    walk->words = host->allocate(host->context, bytes);
    if (!walk->words)
        return pln_fail(error, PLN_NO_MEMORY, "no host memory for the records of a plan, %zu bytes", bytes);
    pln_status status = walk_nodes(walk, record_launch, error);
    if (!status) {
        cl_int code =
            clb.EnqueueWriteBuffer(walk->plan->queue, walk->plan->words, CL_TRUE, 0, bytes, walk->words, 0, NULL, NULL);
        status = code == CL_SUCCESS ? PLN_OK : clb_fail(walk->device, code, "clEnqueueWriteBuffer", error);
    }
    host->release(host->context, walk->words);
    return status;
}

/* ---- creating ---- */

static pln_status choose_queue(pln_plan *plan, bool timed, pln_error *error)
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

static pln_status allocate_host(pln_plan *plan, bool timed, pln_error *error)
{
    const pln_host *host = plan->device->host;
    size_t n = plan->n_launches;
    plan->launches = host->allocate(host->context, n * sizeof plan->launches[0] + 1);
    if (timed)
        plan->node_ns = host->allocate(host->context, plan->n_nodes * sizeof plan->node_ns[0] + 1);
    if (plan->launches && (!timed || plan->node_ns))
        return PLN_OK;
    return pln_fail(error, PLN_NO_MEMORY, "no host memory for a plan of %zu launches", n);
}

static pln_status allocate_device(pln_plan *plan, const struct walk *walk, pln_error *error)
{
    plan->scratch_bytes = plan_bytes(walk);
    pln_status status =
        clb_memory_create(plan->device, (uint64_t)walk->n_words * 4, "the records of a plan", &plan->words, error);
    if (!status && walk->scratch_bytes)
        status = clb_memory_create(plan->device, walk->scratch_bytes, "the scratch of a plan", &plan->scratch, error);
    return status;
}

pln_status clb_plan_create(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_error *error)
{
    const pln_host *host = device->host;
    struct walk walk = {.device = device, .segment = segment};
    bool timed = (segment->flags & PLN_SEGMENT_TIMED) != 0;
    *plan = NULL;
    pln_status status = clb_ready(device, error);
    if (status)
        return status;
    if (segment->n_symbols > GPU_DIMS)
        return pln_fail(error, PLN_UNSUPPORTED, "opencl: %u symbols, a plan holds %d", segment->n_symbols, GPU_DIMS);
    status = walk_nodes(&walk, count_launch, error);
    if (status)
        return status;
    pln_plan *made = host->allocate(host->context, sizeof *made);
    if (!made)
        return pln_fail(error, PLN_NO_MEMORY, "no host memory for a plan, %zu bytes", sizeof *made);
    made->device = device;
    made->n_nodes = segment->n_nodes;
    made->n_launches = walk.n_launches;
    walk.plan = made;
    status = choose_queue(made, timed, error);
    if (!status)
        status = allocate_host(made, timed, error);
    if (!status)
        status = allocate_device(made, &walk, error);
    if (!status)
        status = record_plan(&walk, error);
    *plan = made;
    if (status)
        clb_plan_destroy(plan);
    return status;
}

void clb_plan_destroy(pln_plan **plan)
{
    pln_plan *p = *plan;
    if (!p)
        return;
    const pln_host *host = p->device->host;
    for (uint32_t i = 0; p->launches && i < p->n_launches; i++)
        if (p->launches[i].kernel)
            clb.ReleaseKernel(p->launches[i].kernel);
    clb_memory_destroy(&p->words);
    clb_memory_destroy(&p->scratch);
    host->release(host->context, p->launches);
    host->release(host->context, p->node_ns);
    host->release(host->context, p);
    *plan = NULL;
}

/* ---- running ---- */

static pln_status enqueue_launch(pln_plan *plan, uint32_t i, pln_error *error)
{
    struct clb_launch *launch = &plan->launches[i];
    size_t local = launch->lowered.workgroup;
    size_t global = local * gpu_launch_groups(&launch->lowered, plan->dims);
    if (global == 0)
        return PLN_OK;
    cl_int code =
        clb.EnqueueNDRangeKernel(plan->queue, launch->kernel, 1, NULL, &global, &local, 0, NULL, &launch->event);
    if (code == CL_SUCCESS)
        return PLN_OK;
    launch->event = NULL;
    pln_status status = clb_fail(plan->device, code, launch->lowered.kernel, error);
    if (error)
        error->node = (int32_t)launch->node;
    return status;
}

/* Commands that were enqueued before a failure are under way: the caller waits for them in any case. */
static pln_status enqueue_all(pln_plan *plan, const pln_run *run, pln_error *error)
{
    uint32_t n_dims = run->n_dims < GPU_DIMS ? run->n_dims : GPU_DIMS;
    memcpy(plan->dims, run->dims, n_dims * sizeof plan->dims[0]);
    cl_int code =
        clb.EnqueueWriteBuffer(plan->queue, plan->words, CL_FALSE, 0, sizeof plan->dims, plan->dims, 0, NULL, NULL);
    if (code != CL_SUCCESS)
        return clb_fail(plan->device, code, "clEnqueueWriteBuffer", error);
    pln_status status = PLN_OK;
    for (uint32_t i = 0; i < plan->n_launches && !status; i++)
        status = enqueue_launch(plan, i, error);
    return status;
}

/* Work that failed, or was dropped, shows as the state of its event, not in the calls that put it there. */
static pln_status check_launch(pln_plan *plan, const struct clb_launch *launch, pln_error *error)
{
    pln_device *device = plan->device;
    cl_int state = CL_COMPLETE;
    cl_int code = clb.GetEventInfo(launch->event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
    if (code != CL_SUCCESS)
        return clb_fail(device, code, "clGetEventInfo", error);
    if (state == CL_COMPLETE)
        return PLN_OK;
    device->lost = true;
    return pln_fail_node(error, PLN_DEVICE_LOST, (int32_t)launch->node,
                         "%s: kernel %s ended in state %d: the device is lost until it is closed",
                         device->entry->info.name, launch->lowered.kernel, (int)state);
}

static pln_status add_time(pln_plan *plan, const struct clb_launch *launch, pln_error *error)
{
    cl_ulong begin = 0, end = 0;
    cl_int code = clb.GetEventProfilingInfo(launch->event, CL_PROFILING_COMMAND_START, sizeof begin, &begin, NULL);
    if (code == CL_SUCCESS)
        code = clb.GetEventProfilingInfo(launch->event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
    if (code != CL_SUCCESS)
        return clb_fail(plan->device, code, "clGetEventProfilingInfo", error);
    plan->node_ns[launch->node] += end - begin;
    return PLN_OK;
}

static pln_status collect_events(pln_plan *plan, pln_status status, pln_error *error)
{
    if (plan->node_ns)
        memset(plan->node_ns, 0, plan->n_nodes * sizeof plan->node_ns[0]);
    for (uint32_t i = 0; i < plan->n_launches; i++) {
        struct clb_launch *launch = &plan->launches[i];
        if (!launch->event)
            continue;
        if (!status)
            status = check_launch(plan, launch, error);
        if (!status && plan->node_ns)
            status = add_time(plan, launch, error);
        clb.ReleaseEvent(launch->event);
        launch->event = NULL;
    }
    return status;
}

pln_status clb_plan_run(pln_plan *plan, const pln_run *run, pln_error *error)
{
    pln_status status = clb_ready(plan->device, error);
    if (status)
        return status;
    status = enqueue_all(plan, run, error);
    cl_int code = clb.Finish(plan->queue);
    if (!status && code != CL_SUCCESS)
        status = clb_fail(plan->device, code, "clFinish", error);
    return collect_events(plan, status, error);
}

pln_status clb_plan_timing(pln_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_error *error)
{
    if (!plan->node_ns)
        return pln_fail(error, PLN_INVALID, "opencl: the plan was not made for timing");
    for (uint32_t i = 0; i < n_nodes; i++)
        node_ns[i] = i < plan->n_nodes ? plan->node_ns[i] : 0;
    return PLN_OK;
}

/* ---- telling ---- */

/* What the compiler tells: OpenCL has no word for registers, and for spills only Intel's drivers have one. */
static void describe_kernel(const pln_device *device, const struct clb_launch *launch, pln_kernel_info *info)
{
    enum { SPILL_MEM_SIZE_INTEL = 0x4109 }; /* cl_intel_required_subgroup_size */
    cl_ulong local = 0, spilled = 0;
    size_t multiple = 0;
    cl_device_id id = device->entry->id;
    clb.GetKernelWorkGroupInfo(launch->kernel, id, CL_KERNEL_LOCAL_MEM_SIZE, sizeof local, &local, NULL);
    clb.GetKernelWorkGroupInfo(launch->kernel, id, SPILL_MEM_SIZE_INTEL, sizeof spilled, &spilled, NULL);
    clb.GetKernelWorkGroupInfo(launch->kernel, id, CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE, sizeof multiple,
                               &multiple, NULL);
    *info = (pln_kernel_info){
        .spills = (uint32_t)spilled,
        .shared_bytes = (uint32_t)local,
        .subgroup = (uint32_t)multiple,
    };
    snprintf(info->name, sizeof info->name, "%s", launch->lowered.kernel);
}

/* What the constants will take, from the uses that the segment shows. */
static pln_status add_constants(const pln_device *device, const pln_segment *segment, uint64_t *total, pln_error *error)
{
    struct uses *uses = uses_create(device->host, segment);
    if (!uses)
        return pln_fail(error, PLN_NO_MEMORY, "no host memory for the uses of constants");
    for (uint32_t i = 0; i < segment->n_values; i++) {
        const pln_value_info *constant = pln_segment_value(segment, (int32_t)i);
        const pln_constant_info info = {
            .size = sizeof info,
            .rows = pln_dim_rows(constant->rows, segment->capacity),
            .width = constant->width,
            .n_uses = uses[i].n,
            .uses = uses[i].list,
            .name = constant->name,
        };
        if (constant->kind != PLN_VALUE_CONSTANT)
            continue;
        const struct gpu_constant_layout layout = gpu_constant_layout(&device->limits, &info);
        *total += gpu_constant_bytes(&layout);
    }
    uses_release(device->host, uses);
    return PLN_OK;
}

static pln_status dry_info(pln_device *device, const pln_segment *segment, pln_plan_info *info, pln_error *error)
{
    struct walk walk = {.device = device, .segment = segment, .told = info, .kernels = info->kernels};
    walk.kernels_capacity = info->kernels ? info->n_kernels : 0;
    pln_status status = walk_nodes(&walk, count_launch, error);
    if (status)
        return status;
    info->n_kernels = walk.n_launches;
    info->scratch_bytes = plan_bytes(&walk);
    info->constant_bytes = 0;
    return add_constants(device, segment, &info->constant_bytes, error);
}

pln_status clb_plan_info(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                         pln_error *error)
{
    if (!plan)
        return dry_info(device, segment, info, error);
    for (uint32_t i = 0; info->kernels && i < info->n_kernels && i < plan->n_launches; i++)
        describe_kernel(device, &plan->launches[i], &info->kernels[i]);
    info->n_kernels = plan->n_launches;
    info->scratch_bytes = plan->scratch_bytes;
    info->constant_bytes = 0;
    for (uint32_t i = 0; segment && i < segment->n_values; i++)
        if (pln_segment_value(segment, (int32_t)i)->kind == PLN_VALUE_CONSTANT)
            info->constant_bytes += pln_segment_value(segment, (int32_t)i)->constant->bytes;
    return PLN_OK;
}

pln_status clb_supports(pln_device *device, const pln_segment *segment, pln_verdict *verdicts, uint32_t verdict_stride,
                        pln_error *error)
{
    (void)error;
    for (uint32_t i = 0; i < segment->n_nodes; i++)
        gpu_supports(&device->limits, segment, i,
                     (pln_verdict *)(void *)((char *)(void *)verdicts + (size_t)i * verdict_stride));
    return PLN_OK;
}
