/* SPDX-License-Identifier: Apache-2.0
 *
 * The run: inputs in, copies and segments in order, outputs back.
 */
#include <string.h>

#include "common/clock.h"
#include "common/door.h"
#include "scheduler/scheduler.h"

struct run {
    pln_schedule *schedule;
    struct sched_plan *plan;
    const uint32_t *dims; /* [GRAPH_SYMBOLS] */
    pln_run numbers;      /* the same for backends */
    bool *flying;         /* [segments]: it is on its way */
    bool asks;            /* the caller's progress */
};

/* Rows of `width` elements of 4 bytes, from one stride to another. */
static void move_rows(char *out, uint64_t out_stride, const char *in, uint64_t in_stride, uint64_t rows, uint64_t width)
{
    if (out_stride == width && in_stride == width) {
        memcpy(out, in, rows * width * 4);
        return;
    }
    for (uint64_t r = 0; r < rows; r++)
        memcpy(out + r * out_stride * 4, in + r * in_stride * 4, width * 4);
}

static pln_status write_value(const struct run *run, const pln_value *value, uint32_t domain, const void *data,
                              pln_error *error)
{
    struct sched_location at;
    pln_status status = sched_locate(run->schedule, run->plan, value, domain, &at, error);
    const uint64_t rows = pln_dim_rows(value->rows, run->dims);
    if (status != PLN_OK || !rows)
        return status;
    if (at.data) {
        move_rows(at.data, value->row_stride, data, value->width, rows, value->width);
        return PLN_OK;
    }
    if (value->row_stride != value->width) {
        move_rows(run->plan->staging, value->row_stride, data, value->width, rows, value->width);
        data = run->plan->staging;
    }
    return sched_write(&at, value->dtype, rows * value->row_stride, data, error);
}

/* Elements between the first and the last of a value, both included. */
static uint64_t span_of(const struct run *run, const pln_value *value)
{
    const uint64_t rows = pln_dim_rows(value->rows, run->dims);
    return rows ? (rows - 1) * value->row_stride + value->width : 0;
}

/* value may be a window: what lies between its first and its last element is read. */
static pln_status read_value(const struct run *run, const pln_value *value, void *data, pln_error *error)
{
    struct sched_location at;
    pln_status status =
        sched_locate(run->schedule, run->plan, value, sched_home(run->schedule, value->base), &at, error);
    const uint64_t rows = pln_dim_rows(value->rows, run->dims);
    if (status != PLN_OK || !rows)
        return status;
    if (at.data) {
        move_rows(data, value->width, at.data, value->row_stride, rows, value->width);
        return PLN_OK;
    }
    const bool dense = value->row_stride == value->width;
    status = sched_read(&at, value->dtype, span_of(run, value), dense ? data : run->plan->staging, error);
    if (status == PLN_OK && !dense)
        move_rows(data, value->width, run->plan->staging, value->row_stride, rows, value->width);
    return status;
}

/* A base, or a window of a state, from one domain to another, through host memory. */
static pln_status copy_value(const struct run *run, const pln_value *value, uint32_t from_domain, uint32_t to_domain,
                             pln_error *error)
{
    struct sched_location from, to;
    pln_status status = sched_locate(run->schedule, run->plan, value, from_domain, &from, error);
    if (status == PLN_OK)
        status = sched_locate(run->schedule, run->plan, value, to_domain, &to, error);
    const uint64_t n = span_of(run, value);
    if (status != PLN_OK || !n)
        return status;
    run->schedule->statistics.copies++;
    run->schedule->statistics.copied_bytes += 4 * n;
    void *host = from.data ? from.data : to.data;
    if (!host)
        host = run->plan->staging;
    if (!from.data)
        status = sched_read(&from, value->dtype, n, host, error);
    if (status == PLN_OK && !to.data)
        status = sched_write(&to, value->dtype, n, host, error);
    return status;
}

static pln_status copy_windows(const struct run *run, const struct sched_segment *segment, bool back, pln_error *error)
{
    const pln_schedule *s = run->schedule;
    const uint32_t domain = s->devices->devices[segment->device].domain;
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < segment->n_windows; i++) {
        const struct sched_window *window = &segment->windows[i];
        const uint32_t home = sched_home(s, window->value->base);
        if (!back || window->written)
            status = copy_value(run, window->value, back ? domain : home, back ? home : domain, error);
    }
    return status;
}

static pln_status write_inputs(const struct run *run, const void *const *inputs, pln_error *error)
{
    const pln_graph *graph = run->schedule->graph;
    const uint32_t n_domains = run->schedule->devices->n_domains;
    for (uint32_t i = 0; i < graph->n_values; i++) {
        const pln_value *value = graph->values[i];
        if (value->kind != PLN_VALUE_INPUT || value->base != value)
            continue;
        for (uint32_t domain = 0; domain < n_domains; domain++) {
            if (run->plan->instances[domain * graph->n_values + i] == SCHED_NONE)
                continue;
            const pln_status status = write_value(run, value, domain, inputs[i], error);
            if (status != PLN_OK)
                return status;
        }
    }
    return PLN_OK;
}

/* What is said of a segment that has run. */
static pln_status finish_segment(const struct run *run, uint32_t index, pln_error *error)
{
    pln_schedule *s = run->schedule;
    const struct sched_segment *segment = &s->segments[index];
    struct sched_open *open = run->plan->opens[segment->device];
    pln_status status = PLN_OK;
    if (s->timed && seam_measures(&open->seam)) {
        sched_enter(open);
        status = seam_plan_timing(run->plan->segments[index], s->node_ns + segment->first, segment->n, error);
        sched_leave(open);
    }
    return status == PLN_OK ? copy_windows(run, segment, true, error) : status;
}

static pln_status bring_values(const struct run *run, const struct sched_segment *segment, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < segment->n_copies; i++)
        status = copy_value(run, segment->copies[i].value, segment->copies[i].from, segment->copies[i].to, error);
    return status == PLN_OK ? copy_windows(run, segment, false, error) : status;
}

/* A run that writes states is not left in the middle: they would be neither as before nor as behind it. */
static bool may_stop(const pln_schedule *schedule)
{
    for (uint32_t i = 0; i < schedule->graph->n_values; i++)
        if (schedule->graph->values[i]->kind == PLN_VALUE_STATE)
            return false;
    return true;
}

/* Waits for one that is on its way. */
static pln_status land(const struct run *run, uint32_t index, pln_error *error)
{
    run->flying[index] = false;
    const pln_status status = sched_flight_end(run->schedule, run->plan, index, run->asks, error);
    return status == PLN_OK ? finish_segment(run, index, error) : status;
}

/* Those that segment j must not overtake; j = n_segments: all. */
static pln_status land_before(const struct run *run, uint32_t j, pln_error *error)
{
    const uint32_t n = run->schedule->n_segments;
    pln_status status = PLN_OK;
    for (uint32_t i = 0; i < j && i < n; i++)
        if (run->flying[i] && (j == n || run->plan->waits[j * n + i])) {
            const pln_status landed = land(run, i, status == PLN_OK ? error : NULL);
            status = status == PLN_OK ? landed : status;
        }
    return status;
}

static double elements_of(const struct run *run)
{
    double elements = 1;
    for (uint32_t i = 0; i < run->numbers.n_dims; i++)
        elements *= run->dims[i] ? run->dims[i] : 1;
    return elements;
}

/* Whether a segment will have ended before anybody would be asked: it may take as long as last time, and as the square of
 * its sizes where they have grown. Handing it to a thread would cost such a run more than its host does in all. */
static bool ends_soon(const struct run *run, uint32_t index)
{
    const struct sched_spent *last = &run->plan->spent[index];
    const double grown = last->ns ? elements_of(run) / last->elements : 0;
    return last->ns && (double)last->ns * (grown > 1 ? grown * grown : 1) < SCHED_LOOK_NS / 2;
}

static void note_time(const struct run *run, uint32_t index, uint64_t begin, pln_status status)
{
    if (run->asks && status == PLN_OK)
        run->plan->spent[index] = (struct sched_spent){clock_ns() - begin + 1, elements_of(run)};
}

static pln_status run_segment(const struct run *run, uint32_t index, pln_error *error)
{
    pln_schedule *s = run->schedule;
    const struct sched_segment *segment = &s->segments[index];
    struct sched_open *open = run->plan->opens[segment->device];
    pln_status status = run->plan->waits ? land_before(run, index, error) : PLN_OK;
    if (status == PLN_OK)
        status = bring_values(run, segment, error);
    if (status != PLN_OK)
        return status;
    /* With somebody to ask a run that is not known to be short is watched, so that it can be stopped in its middle. */
    const uint64_t begin = run->asks ? clock_ns() : 0;
    const bool flies = run->plan->flies[index],
               watched = run->asks && open->seam.seam->table.plan_cancel && !ends_soon(run, index);
    if ((flies || watched) && sched_flight_begin(s, run->plan, index, &run->numbers, &status, error)) {
        run->flying[index] = true;
        if (flies)
            return PLN_OK;
        status = land(run, index, error);
        note_time(run, index, begin, status);
        return status;
    }
    if (status != PLN_OK)
        return status;
    sched_enter(open);
    status = seam_plan_run(run->plan->segments[index], &run->numbers, error);
    sched_leave(open);
    note_time(run, index, begin, status);
    return status == PLN_OK ? finish_segment(run, index, error) : status;
}

static pln_status run_segments(struct run *run, pln_error *error)
{
    pln_runtime *runtime = run->schedule->devices->runtime;
    const uint32_t n = run->schedule->n_segments;
    pln_status status = PLN_OK;
    run->asks = runtime->progress && may_stop(run->schedule);
    run->numbers = (pln_run){.size = sizeof run->numbers, .n_dims = run->schedule->graph->n_symbols, .dims = run->dims};
    run->flying = run->plan->flying;
    for (uint32_t i = 0; status == PLN_OK && i < n; i++) {
        if (run->asks)
            status = sched_go_on(runtime, "running", i, n, error);
        if (status == PLN_OK)
            status = run_segment(run, i, error);
    }
    if (run->plan->waits) {
        const pln_status landed = land_before(run, n, status == PLN_OK ? error : NULL);
        status = status == PLN_OK ? landed : status;
    }
    return status;
}

static pln_status read_outputs(const struct run *run, void *const *outputs, pln_error *error)
{
    const pln_graph *graph = run->schedule->graph;
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < graph->n_outputs; i++)
        if (outputs[i])
            status = read_value(run, graph->outputs[i].value, outputs[i], error);
    return status;
}

static pln_status take_dims(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims, pln_error *error)
{
    uint32_t taken[GRAPH_SYMBOLS];
    const pln_status status = sched_check_dims(schedule, dims, n_dims, taken, error);
    if (status == PLN_OK)
        memcpy(schedule->dims, taken, sizeof taken);
    return status;
}

pln_status pln_schedule_prepare(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims, pln_error *error)
{
    struct sched_plan *plan;
    NEED(error, schedule, dims);
    pln_status status = sched_begin(schedule, error);
    if (status != PLN_OK)
        return status;
    status = take_dims(schedule, dims, n_dims, error);
    if (status == PLN_OK)
        status = sched_refresh(schedule, error);
    if (status == PLN_OK)
        status = sched_plan_get(schedule, schedule->dims, &plan, error);
    sched_end(schedule);
    return status;
}

static pln_status run_once(pln_schedule *schedule, const struct sched_bound *bound, pln_error *error)
{
    struct run run = {.schedule = schedule, .dims = schedule->dims};
    pln_status status;
    schedule->statistics = (pln_statistics){0};
    status = sched_plan_get(schedule, schedule->dims, &run.plan, error);
    if (status == PLN_OK)
        status = write_inputs(&run, bound->inputs, error);
    if (status == PLN_OK)
        status = run_segments(&run, error);
    if (status == PLN_OK)
        status = read_outputs(&run, bound->outputs, error);
    if (run.plan)
        schedule->statistics.planned_bytes = run.plan->planned_bytes;
    return status;
}

/* Each device may be lost a few times before it is given up. */
static pln_status run_bound(pln_schedule *schedule, const struct sched_bound *bound, pln_error *error)
{
    enum { TRIES = 3 };
    pln_status status = sched_check_ranges(schedule, schedule->dims, bound->inputs, error);
    if (status == PLN_OK)
        status = sched_refresh(schedule, error);
    if (status != PLN_OK)
        return status;
    status = run_once(schedule, bound, error);
    for (uint32_t i = 0; status == PLN_DEVICE_LOST && i < TRIES * schedule->devices->n; i++) {
        status = sched_recover(schedule, error);
        if (status == PLN_OK)
            status = run_once(schedule, bound, error);
        else
            break;
    }
    return status;
}

pln_status sched_run(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims, const struct sched_bound *bound,
                     pln_error *error)
{
    pln_status status = sched_begin(schedule, error);
    if (status != PLN_OK)
        return status;
    status = take_dims(schedule, dims, n_dims, error);
    if (status == PLN_OK)
        status = run_bound(schedule, bound, error);
    sched_end(schedule);
    return status;
}

pln_status pln_schedule_run(pln_schedule *schedule, const uint32_t *dims, uint32_t n_dims, const pln_binding *inputs,
                            uint32_t n_inputs, const pln_binding *outputs, uint32_t n_outputs, pln_error *error)
{
    NEED(error, schedule, dims);
    NEED_LIST(error, inputs, n_inputs);
    NEED_LIST(error, outputs, n_outputs);
    pln_status status = sched_begin(schedule, error);
    if (status != PLN_OK)
        return status;
    status = take_dims(schedule, dims, n_dims, error);
    if (status == PLN_OK)
        status = sched_bind(schedule, inputs, n_inputs, outputs, n_outputs, error);
    if (status == PLN_OK)
        status = run_bound(schedule, &(struct sched_bound){schedule->inputs, schedule->outputs}, error);
    sched_end(schedule);
    return status;
}
