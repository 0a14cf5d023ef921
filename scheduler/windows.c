/* SPDX-License-Identifier: Apache-2.0
 *
 * States that are used away from home. A state lies in the domain of the first device of the list. A segment of another
 * domain has the windows that its nodes use there: copied before it runs, and back after it if they are written.
 */
#include "common/fail.h"
#include "scheduler/scheduler.h"

static bool same_window(const pln_value *a, const pln_value *b)
{
    return a->base == b->base && a->first == b->first && a->width == b->width && a->row_stride == b->row_stride &&
           a->rows.offset == b->rows.offset;
}

const pln_value *sched_window(const pln_schedule *schedule, const pln_value *value)
{
    uint32_t i = value->base->id;
    while (!same_window(schedule->graph->values[i], value))
        i++;
    return schedule->graph->values[i];
}

/* Elements from the first to behind the last. */
static uint64_t end_of(const pln_value *v)
{
    return v->first + (uint64_t)(v->rows.offset - 1) * v->row_stride + v->width;
}

static bool overlap(const pln_value *a, const pln_value *b)
{
    return a->base == b->base && a->first < end_of(b) && b->first < end_of(a);
}

/* Two copies of the same elements would not see each other. */
static pln_status add_window(pln_schedule *s, struct sched_segment *segment, const struct graph_node *node,
                             const pln_value *value, bool written, pln_error *error)
{
    const pln_value *window = sched_window(s, value);
    for (uint32_t i = 0; i < segment->n_windows; i++) {
        struct sched_window *other = &segment->windows[i];
        if (other->value == window) {
            other->written |= written;
            return PLN_OK;
        }
        if (overlap(other->value, window) && (written || other->written))
            return pln_fail_node(error, PLN_UNSUPPORTED, (int32_t)node->id,
                                 "state %s is written on device %s by overlapping windows: place node %s elsewhere",
                                 window->base->name, s->devices->devices[segment->device].entry.name, node->name);
    }
    segment->windows[segment->n_windows++] = (struct sched_window){window, written};
    return PLN_OK;
}

pln_status sched_find_windows(pln_schedule *s, struct sched_segment *segment, pln_error *error)
{
    const uint32_t domain = s->devices->devices[segment->device].domain;
    segment->windows = arena_allocate(&s->arena, (segment->n * GRAPH_OPERANDS + 1) * sizeof *segment->windows);
    if (!segment->windows)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for windows of states");
    pln_status status = PLN_OK;
    for (uint32_t i = segment->first; i < segment->first + segment->n; i++) {
        const struct graph_node *node = s->graph->nodes[i];
        for (uint32_t j = 0; status == PLN_OK && j < node->n_inputs; j++) {
            const pln_value *value = node->inputs[j];
            if (value && value->kind == PLN_VALUE_STATE && sched_home(s, value->base) != domain)
                status = add_window(s, segment, node, value, j < graph_op(node->op)->writes, error);
        }
    }
    return status;
}
