/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans: one a bucket of sizes, with its memory and a compiled plan of each segment.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "common/round.h"
#include "scheduler/scheduler.h"

/* The next multiple of a quarter of the power of two below: at most a quarter too much, few buckets. */
static uint32_t bucket_of(uint32_t n, uint32_t multiple)
{
    uint32_t power = 16;
    while (power < n && power < 1u << 30)
        power *= 2;
    uint32_t step = power / 4 > multiple ? power / 4 : multiple;
    if (n <= 16)
        step = n <= 4 ? 4 : 16;
    return (uint32_t)round_up(n, step);
}

void sched_bucket(const pln_schedule *schedule, const uint32_t *dims, uint32_t *capacity)
{
    uint32_t multiple = 1;
    for (uint32_t i = 0; i < schedule->devices->n; i++)
        if (schedule->devices->devices[i].entry.info.row_multiple > multiple)
            multiple = schedule->devices->devices[i].entry.info.row_multiple;
    memset(capacity, 0, GRAPH_SYMBOLS * sizeof *capacity);
    for (uint32_t i = 1; i < schedule->graph->n_symbols; i++) {
        const uint32_t n = dims[i] ? dims[i] : 1;
        capacity[i] = bucket_of(n, n > multiple ? multiple : 1);
    }
}

static pln_status allocate_blocks(pln_schedule *schedule, struct sched_memory *memory, pln_error *error)
{
    pln_runtime *runtime = schedule->devices->runtime;
    const bool host = sched_on_host(memory->device);
    void **list = calloc(memory->n_blocks + 1, sizeof *list);
    if (!list)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u blocks", memory->n_blocks);
    if (host)
        memory->host = list;
    else
        memory->buffers = (pln_buffer **)list;
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < memory->n_blocks; i++) {
        if (!host) {
            sched_enter(memory->open);
            status = seam_buffer_create(&memory->open->seam, memory->block_bytes[i], &memory->buffers[i], error);
            sched_leave(memory->open);
        } else {
            memory->host[i] = runtime->host.allocate(runtime, memory->block_bytes[i]);
            if (!memory->host[i])
                status = pln_fail(error, PLN_NO_MEMORY, "no host memory for the arena of %llu bytes",
                                  (unsigned long long)memory->block_bytes[i]);
        }
    }
    return status;
}

/* How many rows are made with a constant in this plan: for devices that choose between ways of packing it. */
static void hint_rows(pln_schedule *schedule, struct sched_use *use, const uint32_t *capacity)
{
    for (uint32_t i = 0; i < schedule->graph->n_nodes; i++) {
        const struct graph_node *node = schedule->graph->nodes[i];
        const uint32_t rows = node->outputs[0] ? pln_dim_rows(node->outputs[0]->rows, capacity) : 0;
        for (uint32_t j = 0; schedule->places[i].device == use->device && j < node->n_inputs; j++)
            if (node->inputs[j] == use->value)
                uses_hint(&use->uses, node->op, j, rows);
    }
}

/* The sources of weights are given back while they are packed, since together they are as large as what is packed. */
static pln_status acquire_constants(pln_schedule *schedule, const uint32_t *capacity, pln_error *error)
{
    enum { MOST_BEHIND = 8 << 20 };
    pln_status status = PLN_OK;
    uint64_t behind = 0; /* bytes that were read since the last time */
    for (uint32_t i = 0; status == PLN_OK && i < schedule->n_uses; i++) {
        struct sched_use *use = &schedule->uses[i];
        if (use->constant)
            continue;
        hint_rows(schedule, use, capacity);
        status = sched_go_on(schedule->devices->runtime, "packing weights", i, schedule->n_uses, error);
        if (status != PLN_OK)
            break;
        status = sched_constant_acquire(schedule->devices, use->device, use->value, use->uses.list, use->uses.n,
                                        &use->constant, error);
        behind += (uint64_t)use->value->rows.offset * use->value->width * sizeof(float);
        if (behind > MOST_BEHIND && schedule->handed_over) {
            schedule->handed_over(schedule->handed_over_context);
            behind = 0;
        }
    }
    if (behind && schedule->handed_over)
        schedule->handed_over(schedule->handed_over_context);
    return status;
}

/* What the device says of its nodes for this bucket, for reports. */
static pln_status note_kernels(pln_schedule *schedule, struct sched_open *open, const struct sched_segment *segment,
                               const pln_segment *view, pln_error *error)
{
    pln_verdict *verdicts = calloc(segment->n, sizeof *verdicts);
    if (!verdicts)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u verdicts", segment->n);
    sched_enter(open);
    const pln_status status = seam_supports(&open->seam, view, verdicts, error);
    sched_leave(open);
    for (uint32_t i = 0; status == PLN_OK && i < segment->n; i++) {
        struct sched_place *place = &schedule->places[segment->first + i];
        place->estimated_ns = verdicts[i].estimated_ns;
        snprintf(place->kernel, sizeof place->kernel, "%s", verdicts[i].kernel);
    }
    free(verdicts);
    return status;
}

static pln_status compile_segment(pln_schedule *schedule, struct sched_plan *plan, uint32_t index, pln_error *error)
{
    const struct sched_segment *segment = &schedule->segments[index];
    struct sched_open *open = plan->opens[segment->device];
    struct arena arena = {0};
    pln_segment view;
    pln_status status =
        sched_view(schedule, plan, segment->device, segment->first, segment->n, plan->capacity, &arena, &view, error);
    if (status == PLN_OK)
        status = note_kernels(schedule, open, segment, &view, error);
    sched_enter(open);
    if (status == PLN_OK)
        status = seam_plan_create(&open->seam, &view, &plan->segments[index], error);
    if (status == PLN_OK && seam_informs(&open->seam)) {
        pln_plan_info info = {0};
        status = seam_plan_info(&open->seam, &view, plan->segments[index], &info, error);
        plan->planned_bytes += info.scratch_bytes;
    }
    sched_leave(open);
    arena_finish(&arena);
    return status;
}

/* The largest value that goes through host memory: rows with their padding. A state goes by windows. */
static pln_status allocate_staging(pln_schedule *schedule, struct sched_plan *plan, pln_error *error)
{
    uint64_t most = 1;
    for (uint32_t i = 0; i < schedule->graph->n_values; i++) {
        const pln_value *value = schedule->graph->values[i];
        const uint64_t bytes = 4 * graph_value_elements(value, plan->capacity);
        const bool moves = value->kind != PLN_VALUE_CONSTANT && value->kind != PLN_VALUE_STATE;
        if (moves && bytes > most)
            most = bytes;
    }
    for (uint32_t i = 0; i < schedule->n_segments; i++)
        for (uint32_t j = 0; j < schedule->segments[i].n_windows; j++) {
            const uint64_t bytes = 4 * graph_value_elements(schedule->segments[i].windows[j].value, plan->capacity);
            most = bytes > most ? bytes : most;
        }
    for (uint32_t i = 0; i < schedule->graph->n_outputs; i++) {
        const pln_value *value = schedule->graph->outputs[i].value;
        const uint64_t bytes = 4 * graph_value_elements(value, plan->capacity);
        if (value->row_stride != value->width && bytes > most)
            most = bytes;
    }
    if (schedule->devices->n_domains == 1)
        most = 1; /* nothing but host memory */
    pln_runtime *runtime = schedule->devices->runtime;
    plan->staging = runtime->host.allocate(runtime, most);
    return plan->staging
               ? PLN_OK
               : pln_fail(error, PLN_NO_MEMORY, "no host memory for staging of %llu bytes", (unsigned long long)most);
}

/* All that the plan is made of lies on devices as they are open now. */
static pln_status take_opens(pln_schedule *schedule, struct sched_plan *plan, pln_error *error)
{
    pln_devices *devices = schedule->devices;
    plan->opens = calloc(devices->n, sizeof(struct sched_open *));
    if (!plan->opens)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a plan on %u devices", devices->n);
    for (uint32_t i = 0; i < devices->n; i++)
        plan->opens[i] = sched_open_acquire(devices, i);
    for (uint32_t i = 0; i < devices->n_domains; i++)
        if (plan->memory[i].device)
            plan->memory[i].open = plan->opens[plan->memory[i].device - devices->devices];
    return PLN_OK;
}

static pln_status create_plan(pln_schedule *schedule, const uint32_t *capacity, struct sched_plan **plan,
                              pln_error *error)
{
    pln_status status = sched_plan_layout(schedule, capacity, plan, error);
    if (status == PLN_OK)
        status = take_opens(schedule, *plan, error);
    if (status == PLN_OK)
        status = sched_find_flyers(schedule, *plan, error);
    for (uint32_t i = 0; status == PLN_OK && i < schedule->devices->n_domains; i++)
        if ((*plan)->memory[i].n_blocks)
            status = allocate_blocks(schedule, &(*plan)->memory[i], error);
    if (status == PLN_OK)
        status = allocate_staging(schedule, *plan, error);
    if (status == PLN_OK)
        status = acquire_constants(schedule, capacity, error);
    for (uint32_t i = 0; status == PLN_OK && i < schedule->n_segments; i++) {
        status = sched_go_on(schedule->devices->runtime, "compiling", i, schedule->n_segments, error);
        if (status == PLN_OK)
            status = compile_segment(schedule, *plan, i, error);
    }
    if (status != PLN_OK)
        sched_plan_destroy(schedule, plan);
    return status;
}

void sched_plan_destroy(pln_schedule *schedule, struct sched_plan **plan)
{
    struct sched_plan *p = *plan;
    *plan = NULL;
    if (!p)
        return;
    pln_runtime *runtime = schedule->devices->runtime;
    for (uint32_t i = 0; p->segments && i < schedule->n_segments; i++) {
        if (!p->segments[i])
            continue;
        struct sched_open *open = p->opens[schedule->segments[i].device];
        sched_enter(open);
        seam_plan_destroy(&p->segments[i]);
        sched_leave(open);
    }
    for (uint32_t i = 0; p->memory && i < schedule->devices->n_domains; i++) {
        struct sched_memory *memory = &p->memory[i];
        for (uint32_t j = 0; j < memory->n_blocks; j++) {
            if (memory->host)
                runtime->host.release(runtime, memory->host[j]);
            else if (memory->buffers && memory->buffers[j])
                sched_buffer_destroy(memory->open, &memory->buffers[j]);
        }
        free(memory->host);
        free(memory->buffers);
        free(memory->items);
        free(memory->block_bytes);
    }
    runtime->host.release(runtime, p->staging);
    for (uint32_t i = 0; p->opens && i < schedule->devices->n; i++)
        sched_open_release(&p->opens[i]);
    free(p->opens);
    free(p->spent);
    free(p->flies);
    free(p->flying);
    free(p->waits);
    free(p->memory);
    free(p->instances);
    free(p->segments);
    free(p);
}

static bool has_room(const uint32_t *capacity, const uint32_t *wanted)
{
    for (uint32_t i = 0; i < GRAPH_SYMBOLS; i++)
        if (capacity[i] < wanted[i])
            return false;
    return true;
}

/* Where the plan for a bucket hangs. */
static struct sched_plan **find_plan(pln_schedule *schedule, const uint32_t *capacity)
{
    struct sched_plan **link = &schedule->plans;
    while (*link && !(schedule->cover ? has_room((*link)->capacity, capacity)
                                      : memcmp((*link)->capacity, capacity, sizeof(*link)->capacity) == 0))
        link = &(*link)->next;
    return link;
}

/* Keeps the first n plans; of those that cover, none that the new one will cover. */
static void drop_plans(pln_schedule *schedule, uint32_t n, const uint32_t *capacity)
{
    struct sched_plan **link = &schedule->plans;
    while (*link) {
        struct sched_plan *plan = *link;
        if (n && !(schedule->cover && has_room(capacity, plan->capacity))) {
            n--;
            link = &plan->next;
        } else {
            *link = plan->next;
            sched_plan_destroy(schedule, &plan);
        }
    }
}

void sched_drop_plans(pln_schedule *schedule)
{
    drop_plans(schedule, 0, schedule->dims);
}

void sched_be_steady(pln_schedule *schedule)
{
    if (!schedule->steady)
        drop_plans(schedule, 0, schedule->dims);
    schedule->steady = schedule->cover = true;
}

pln_status sched_plan_get(pln_schedule *schedule, const uint32_t *dims, struct sched_plan **plan, pln_error *error)
{
    uint32_t capacity[GRAPH_SYMBOLS];
    sched_bucket(schedule, dims, capacity);
    struct sched_plan **link = find_plan(schedule, capacity), *p = *link;
    if (p) {
        *link = p->next;
    } else {
        drop_plans(schedule, schedule->max_plans - 1, capacity);
        pln_status status = create_plan(schedule, capacity, &p, error);
        if (status == PLN_NO_MEMORY && schedule->plans) {
            drop_plans(schedule, 0, capacity);
            status = create_plan(schedule, capacity, &p, error);
        }
        if (status != PLN_OK)
            return status;
    }
    p->next = schedule->plans;
    schedule->plans = p;
    *plan = p;
    return PLN_OK;
}
