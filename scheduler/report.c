/* SPDX-License-Identifier: Apache-2.0
 *
 * What people ask of a schedule: bytes before anything is allocated, who runs what, kernels, numbers of the last run.
 */
#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "scheduler/scheduler.h"

static bool informs(const pln_devices *devices, uint32_t index)
{
    return devices->devices[index].backend->seam.table.plan_info;
}

/* Before anything is made. */
static pln_status ask_info(pln_devices *devices, uint32_t index, const pln_segment *view, pln_plan_info *info,
                           pln_error *error)
{
    struct sched_open *open = sched_open_acquire(devices, index);
    sched_enter(open);
    const pln_status status = seam_plan_info(&open->seam, view, NULL, info, error);
    sched_leave(open);
    sched_open_release(&open);
    return status;
}

/* Constants of several segments of one device, dry: each is there once. */
static pln_status estimate_constants(pln_schedule *s, const struct sched_plan *plan, uint32_t index, pln_memory *memory,
                                     pln_error *error)
{
    struct arena arena = {0};
    pln_segment view;
    pln_plan_info info = {0};
    pln_status status = sched_view_device(s, index, plan->capacity, &arena, &view, error);
    if (status == PLN_OK)
        status = ask_info(s->devices, index, &view, &info, error);
    arena_finish(&arena);
    memory->constant_bytes = info.constant_bytes;
    return status;
}

/* Scratch and constants of the segments of one device, dry. */
static pln_status estimate_segments(pln_schedule *s, const struct sched_plan *plan, uint32_t index, pln_memory *memory,
                                    pln_error *error)
{
    pln_status status = PLN_OK;
    uint32_t seen = 0;
    for (uint32_t i = 0; status == PLN_OK && i < s->n_segments; i++) {
        const struct sched_segment *segment = &s->segments[i];
        if (segment->device != index || !informs(s->devices, index))
            continue;
        struct arena arena = {0};
        pln_segment view;
        status = sched_view(s, NULL, index, segment->first, segment->n, plan->capacity, &arena, &view, error);
        pln_plan_info info = {0};
        if (status == PLN_OK)
            status = ask_info(s->devices, index, &view, &info, error);
        arena_finish(&arena);
        memory->scratch_bytes += info.scratch_bytes;
        memory->constant_bytes += info.constant_bytes;
        seen++;
    }
    return status == PLN_OK && seen > 1 ? estimate_constants(s, plan, index, memory, error) : status;
}

static void take_program(pln_program *program, const pln_launch_program *told, const char *op)
{
    *program = (pln_program){
        .language = told->language,
        .node = told->node,
        .op = op,
        .kernel = told->kernel,
        .text = told->text,
        .bytes = told->bytes,
        .tile_rows = told->tile_rows,
        .tile_columns = told->tile_columns,
        .workgroup = told->workgroup,
        .subgroup = told->subgroup,
        .n_constants = told->n_constants,
    };
    memcpy(program->constants, told->constants, sizeof program->constants);
    memcpy(program->options, told->options, sizeof program->options);
}

/* Programs of one segment, dry: as many as fit into n, *count is how many there are. */
static pln_status list_programs(pln_schedule *s, const struct sched_segment *segment, const uint32_t *capacity,
                                pln_program *programs, uint32_t n, uint32_t *count, pln_error *error)
{
    struct arena arena = {0};
    pln_segment view;
    pln_launch_program *told = calloc(n + 1ul, sizeof *told);
    pln_plan_info info = {.n_kernels = n, .programs = n ? told : NULL};
    if (!told)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u programs", n);
    pln_status status =
        sched_view(s, NULL, segment->device, segment->first, segment->n, capacity, &arena, &view, error);
    if (status == PLN_OK)
        status = ask_info(s->devices, segment->device, &view, &info, error);
    *count = info.n_kernels;
    for (uint32_t i = 0; status == PLN_OK && i < *count && i < n; i++)
        take_program(&programs[i], &told[i], graph_op(s->graph->nodes[segment->first + told[i].node]->op)->name);
    free(told);
    arena_finish(&arena);
    return status;
}

static pln_status check_device(const pln_schedule *schedule, uint32_t index, pln_error *error)
{
    const uint32_t n = schedule->devices->n;
    return index < n ? PLN_OK
                     : pln_fail(error, PLN_INVALID, "there is no device %u in a list of %u, from 0 on", index, n);
}

static pln_status all_programs(pln_schedule *schedule, const uint32_t *capacity, uint32_t index, pln_program *programs,
                               uint32_t room, uint32_t *n, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < schedule->n_segments; i++) {
        const uint32_t left = *n < room ? room - *n : 0;
        uint32_t more = 0;
        if (schedule->segments[i].device == index && informs(schedule->devices, index))
            status = list_programs(schedule, &schedule->segments[i], capacity, left ? programs + *n : NULL, left, &more,
                                   error);
        *n += more;
    }
    return status;
}

/* Gives a caller's array, whose entries may be shorter or longer, what he knows of ours. */
static void give_entries(void *out, uint32_t stride, const void *full, size_t size, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        memcpy((char *)out + (size_t)i * stride, (const char *)full + i * size, stride < size ? stride : size);
}

pln_status pln_schedule_programs(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims, uint32_t index,
                                 pln_program *programs, uint32_t stride, uint32_t room, uint32_t *n_programs,
                                 pln_error *error)
{
    uint32_t taken[GRAPH_SYMBOLS], capacity[GRAPH_SYMBOLS];
    NEED(error, schedule, dims, n_programs);
    NEED_LIST(error, programs, room);
    *n_programs = 0;
    pln_status status = check_device(schedule, index, error);
    if (status == PLN_OK && room)
        status = door_room(__func__, "pln_program", stride, door_least_pln_program, error);
    if (status == PLN_OK)
        status = sched_check_dims(schedule, dims, n_dims, taken, error);
    if (status != PLN_OK)
        return status;
    pln_program *full = calloc((size_t)room + 1, sizeof *full);
    if (!full)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u programs", room);
    sched_bucket(schedule, taken, capacity);
    status = all_programs(schedule, capacity, index, full, room, n_programs, error);
    if (status == PLN_OK)
        give_entries(programs, stride, full, sizeof *full, *n_programs < room ? *n_programs : room);
    free(full);
    return status;
}

/* The arena of a domain counts for its first device. */
static bool first_of_domain(const pln_devices *devices, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (devices->devices[i].domain == devices->devices[index].domain)
            return false;
    return true;
}

pln_status pln_schedule_estimate(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims, uint32_t index,
                                 pln_memory *memory, pln_error *error)
{
    uint32_t taken[GRAPH_SYMBOLS], capacity[GRAPH_SYMBOLS];
    struct sched_plan *plan;
    NEED(error, schedule, dims, memory);
    ROOM(error, pln_memory, memory);
    pln_status status = check_device(schedule, index, error);
    if (status == PLN_OK)
        status = sched_check_dims(schedule, dims, n_dims, taken, error);
    if (status != PLN_OK)
        return status;
    sched_bucket(schedule, taken, capacity);
    status = sched_plan_layout(schedule, capacity, &plan, error);
    if (status != PLN_OK) {
        sched_plan_destroy(schedule, &plan);
        return status;
    }
    const struct sched_device *d = &schedule->devices->devices[index];
    pln_memory m = {.size = sizeof m};
    if (first_of_domain(schedule->devices, index)) {
        const struct sched_memory *planned = &plan->memory[d->domain];
        for (uint32_t i = 0; i < planned->n_blocks; i++)
            m.arena_bytes += planned->block_bytes[i];
        for (uint32_t i = 0; i < schedule->graph->n_values; i++) {
            const pln_value *value = schedule->graph->values[i];
            if (value->kind == PLN_VALUE_STATE && value->base == value && sched_home(schedule, value) == d->domain)
                m.state_bytes += graph_value_elements(value, taken) * d->entry.info.f32_bytes;
        }
    }
    status = estimate_segments(schedule, plan, index, &m, error);
    sched_plan_destroy(schedule, &plan);
    if (status == PLN_OK)
        door_give(memory, &m, sizeof m);
    return status;
}

/* At these numbers, whatever device runs a node. */
static uint64_t count_flops(const pln_schedule *schedule, const uint32_t *dims)
{
    uint64_t flops = 0;
    for (uint32_t i = 0; i < schedule->graph->n_nodes; i++)
        flops += graph_node_flops(schedule->graph->nodes[i], dims);
    return flops;
}

pln_status pln_schedule_flops(const pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims, uint64_t *flops,
                              pln_error *error)
{
    uint32_t taken[GRAPH_SYMBOLS];
    NEED(error, schedule, dims, flops);
    const pln_status status = sched_check_dims(schedule, dims, n_dims, taken, error);
    if (status == PLN_OK)
        *flops = count_flops(schedule, taken);
    return status;
}

pln_status pln_schedule_statistics(const pln_schedule *schedule, pln_statistics *statistics, pln_error *error)
{
    NEED(error, schedule, statistics);
    ROOM(error, pln_statistics, statistics);
    pln_statistics s = schedule->statistics;
    s.nodes = schedule->graph->n_nodes;
    s.segments = schedule->n_segments;
    s.flops = count_flops(schedule, schedule->dims);
    door_give(statistics, &s, sizeof s);
    return PLN_OK;
}

uint32_t pln_schedule_node_count(const pln_schedule *schedule)
{
    return schedule ? schedule->graph->n_nodes : 0;
}

static bool reads(const pln_schedule *s, uint32_t node, const pln_value *value)
{
    const struct graph_node *n = s->graph->nodes[node];
    for (uint32_t i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] && n->inputs[i]->base == value->base &&
            (value->kind != PLN_VALUE_STATE || sched_window(s, n->inputs[i]) == value))
            return true;
    return false;
}

/* Whether the node is the first of its segment that reads what was copied for it. */
static bool reads_first(const pln_schedule *s, const struct sched_segment *segment, uint32_t node,
                        const pln_value *value)
{
    uint32_t first = segment->first;
    while (first < node && !reads(s, first, value))
        first++;
    return first == node && reads(s, node, value);
}

static uint64_t copied_for(const pln_schedule *s, const struct sched_segment *segment, const struct graph_node *node)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < segment->n_copies; i++)
        if (reads_first(s, segment, node->id, segment->copies[i].value))
            bytes += 4 * graph_value_elements(segment->copies[i].value, s->dims);
    for (uint32_t i = 0; i < segment->n_windows; i++)
        if (reads_first(s, segment, node->id, segment->windows[i].value))
            bytes += 4 * graph_value_elements(segment->windows[i].value, s->dims);
    return bytes;
}

pln_status pln_schedule_node(const pln_schedule *schedule, uint32_t index, pln_node_report *report, pln_error *error)
{
    NEED(error, schedule, report);
    ROOM(error, pln_node_report, report);
    const uint32_t n = schedule->graph->n_nodes;
    if (index >= n)
        return pln_fail(error, PLN_INVALID, "there is no node %u in a graph of %u, from 0 on", index, n);
    const struct graph_node *node = schedule->graph->nodes[index];
    const struct sched_place *place = &schedule->places[index];
    uint32_t segment = 0;
    while (schedule->segments[segment].first + schedule->segments[segment].n <= index)
        segment++;
    const pln_node_report r = {
        .size = sizeof r,
        .name = node->name,
        .op = graph_op(node->op)->name,
        .device = schedule->devices->devices[place->device].entry.name,
        .kernel = place->kernel,
        .refusals = place->refusals,
        .segment = segment,
        .estimated_ns = place->estimated_ns,
        .measured_ns = schedule->node_ns[index],
        .copied_bytes = copied_for(schedule, &schedule->segments[segment], node),
        .flops = graph_node_flops(node, schedule->dims),
    };
    door_give(report, &r, sizeof r);
    return PLN_OK;
}

/* Of one segment of the plan: as many as fit into room, *n is how many there are. */
static pln_status list_kernels(const pln_schedule *schedule, uint32_t segment, pln_kernel_info *kernels, uint32_t room,
                               uint32_t *n, pln_error *error)
{
    pln_launch_info *told = calloc(room + 1ul, sizeof *told);
    pln_plan_info info = {.n_kernels = room, .kernels = room ? told : NULL};
    if (!told)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u kernels", room);
    struct sched_open *open = schedule->plans->opens[schedule->segments[segment].device];
    sched_enter(open);
    const pln_status status = seam_plan_info(&open->seam, NULL, schedule->plans->segments[segment], &info, error);
    sched_leave(open);
    for (uint32_t i = 0; status == PLN_OK && i < info.n_kernels && i < room; i++) {
        kernels[i] = (pln_kernel_info){
            .registers = told[i].registers,
            .spills = told[i].spills,
            .shared_bytes = told[i].shared_bytes,
            .subgroup = told[i].subgroup,
            .inverse_throughput = told[i].inverse_throughput,
        };
        memcpy(kernels[i].name, told[i].name, sizeof kernels[i].name);
    }
    free(told);
    *n = info.n_kernels;
    return status;
}

static pln_status all_kernels(const pln_schedule *schedule, uint32_t index, pln_kernel_info *kernels, uint32_t room,
                              uint32_t *n, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < schedule->n_segments; i++) {
        if (schedule->segments[i].device != index || !informs(schedule->devices, index))
            continue;
        const uint32_t left = *n < room ? room - *n : 0;
        uint32_t more = 0;
        status = list_kernels(schedule, i, left ? kernels + *n : NULL, left, &more, error);
        *n += more;
    }
    return status;
}

pln_status pln_schedule_kernels(const pln_schedule *schedule, uint32_t index, pln_kernel_info *kernels, uint32_t stride,
                                uint32_t room, uint32_t *n_kernels, pln_error *error)
{
    NEED(error, schedule, n_kernels);
    NEED_LIST(error, kernels, room);
    *n_kernels = 0;
    pln_status status = check_device(schedule, index, error);
    if (status == PLN_OK && room)
        status = door_room(__func__, "pln_kernel_info", stride, door_least_pln_kernel_info, error);
    if (status == PLN_OK && !schedule->plans)
        status = pln_fail(error, PLN_INVALID, "there is no plan yet");
    if (status != PLN_OK)
        return status;
    pln_kernel_info *full = calloc((size_t)room + 1, sizeof *full);
    if (!full)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u kernels", room);
    status = all_kernels(schedule, index, full, room, n_kernels, error);
    if (status == PLN_OK)
        give_entries(kernels, stride, full, sizeof *full, *n_kernels < room ? *n_kernels : room);
    free(full);
    return status;
}
