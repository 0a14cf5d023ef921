/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of a plan: from when to when each value is needed in each domain, and where it lies there.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "scheduler/scheduler.h"

enum { HOST_ALIGNMENT = 64 };

/* Steps are node numbers; copies of a segment happen at the step of its first node. */
struct life {
    bool used;
    uint32_t begin, end;
};

struct layout {
    pln_schedule *schedule;
    struct sched_plan *plan;
    struct life *lives; /* [domains][values], of bases */
};

static const struct sched_segment *segment_of_node(const pln_schedule *s, uint32_t node)
{
    uint32_t i = 0;
    while (s->segments[i].first + s->segments[i].n <= node)
        i++;
    return &s->segments[i];
}

/* The value (a base, or a window of a state from another domain) is needed in the domain at that step. */
static void touch(struct layout *l, uint32_t domain, const pln_value *base, uint32_t begin, uint32_t step)
{
    struct life *life = &l->lives[domain * l->schedule->graph->n_values + base->id];
    if (!life->used)
        *life = (struct life){true, begin, step};
    if (begin < life->begin)
        life->begin = begin;
    if (step > life->end)
        life->end = step;
}

static bool placed_here(const pln_value *value)
{
    return value && value->kind != PLN_VALUE_CONSTANT && value->kind != PLN_VALUE_STATE;
}

/* From when on a value must be there to be read by a node: it is made in this domain, copied to it, or an input. */
static uint32_t begin_of(const pln_schedule *s, const pln_value *base, uint32_t domain, uint32_t node)
{
    if (!base->producer)
        return 0;
    return sched_domain_of(s, base->producer->id) == domain ? base->producer->id : segment_of_node(s, node)->first;
}

static void find_lives(struct layout *l)
{
    const pln_schedule *s = l->schedule;
    for (uint32_t i = 0; i < s->graph->n_nodes; i++) {
        const struct graph_node *node = s->graph->nodes[i];
        const uint32_t domain = sched_domain_of(s, i);
        for (uint32_t j = 0; j < node->n_outputs; j++)
            if (placed_here(node->outputs[j]))
                touch(l, domain, node->outputs[j]->base, i, i);
        for (uint32_t j = 0; j < node->n_inputs; j++) {
            if (!placed_here(node->inputs[j]))
                continue;
            const pln_value *base = node->inputs[j]->base;
            touch(l, domain, base, begin_of(s, base, domain, i), i);
        }
    }
    for (uint32_t i = 0; i < s->n_segments; i++)
        for (uint32_t j = 0; j < s->segments[i].n_copies; j++) {
            const struct sched_copy *copy = &s->segments[i].copies[j];
            touch(l, copy->from, copy->value, s->segments[i].first, s->segments[i].first);
            touch(l, copy->to, copy->value, s->segments[i].first, s->segments[i].first);
        }
    for (uint32_t i = 0; i < s->n_segments; i++)
        for (uint32_t j = 0; j < s->segments[i].n_windows; j++) {
            const struct sched_segment *segment = &s->segments[i];
            touch(l, sched_domain_of(s, segment->first), segment->windows[j].value, segment->first,
                  segment->first + segment->n - 1);
        }
    for (uint32_t i = 0; i < s->graph->n_outputs; i++) {
        const pln_value *base = s->graph->outputs[i].value->base;
        if (placed_here(base))
            touch(l, sched_home(s, base), base, base->producer ? base->producer->id : 0, s->graph->n_nodes);
    }
}

/* The input whose memory output 0 of the node can take over: it ends here and nothing else of the node reads it. */
static const pln_value *dying_input(const struct layout *l, const struct graph_node *node, uint32_t domain)
{
    const struct graph_op *op = graph_op(node->op);
    if (op->in_place < 0)
        return NULL;
    const pln_value *in = node->inputs[op->in_place], *out = node->outputs[0];
    if (!in || in->base != in || in->kind != PLN_VALUE_TEMPORARY || in->row_stride != out->row_stride)
        return NULL;
    for (uint32_t i = 0; i < node->n_inputs; i++)
        if ((int32_t)i != op->in_place && node->inputs[i] && node->inputs[i]->base == in)
            return NULL;
    const struct life *life = &l->lives[domain * l->schedule->graph->n_values + in->id];
    return sched_domain_of(l->schedule, in->producer->id) == domain && life->end == node->id ? in : NULL;
}

static void add_item(struct layout *l, uint32_t domain, const pln_value *base)
{
    struct sched_plan *plan = l->plan;
    struct sched_memory *memory = &plan->memory[domain];
    const uint32_t at = domain * l->schedule->graph->n_values + base->id;
    const struct life *life = &l->lives[at];
    if (base->producer && sched_domain_of(l->schedule, base->producer->id) == domain &&
        base->producer->outputs[0] == base) {
        const pln_value *in = dying_input(l, base->producer, domain);
        if (in) {
            const int32_t item = plan->instances[domain * l->schedule->graph->n_values + in->id];
            plan->instances[at] = item;
            memory->items[item].end = life->end;
            return;
        }
    }
    const uint64_t bytes = graph_value_elements(base, plan->capacity) *
                           graph_element_bytes(base->dtype, memory->device->entry.info.f32_bytes);
    plan->instances[at] = (int32_t)memory->n_items;
    memory->items[memory->n_items++] =
        (struct graph_memory_item){.bytes = bytes ? bytes : 4, .begin = life->begin, .end = life->end};
}

static bool place_items(struct layout *l)
{
    const pln_devices *devices = l->schedule->devices;
    const uint32_t n_values = l->schedule->graph->n_values;
    for (uint32_t domain = 0; domain < devices->n_domains; domain++) {
        struct sched_memory *memory = &l->plan->memory[domain];
        memory->device = sched_device_of(devices, domain);
        if (!memory->device)
            continue;
        memory->items = calloc(n_values + 1, sizeof *memory->items);
        if (!memory->items)
            return false;
        for (uint32_t i = 0; i < n_values; i++) /* values are numbered in the order of nodes: in-place chains resolve */
            if (l->lives[domain * n_values + i].used)
                add_item(l, domain, l->schedule->graph->values[i]);
        const pln_device_info *info = &memory->device->entry.info;
        const bool host = sched_on_host(memory->device);
        if (!graph_memory_plan(memory->items, memory->n_items, host ? HOST_ALIGNMENT : info->alignment,
                               host || !info->block_bytes ? UINT64_MAX : info->block_bytes, &memory->block_bytes,
                               &memory->n_blocks))
            return false;
        for (uint32_t i = 0; i < memory->n_blocks; i++)
            l->plan->planned_bytes += memory->block_bytes[i];
    }
    return true;
}

pln_status sched_plan_layout(pln_schedule *schedule, const uint32_t *capacity, struct sched_plan **plan,
                             pln_error *error)
{
    const size_t n = (size_t)schedule->devices->n_domains * (schedule->graph->n_values + 1);
    struct sched_plan *p = calloc(1, sizeof *p);
    struct layout layout = {.schedule = schedule, .plan = p, .lives = calloc(n, sizeof *layout.lives)};
    *plan = p;
    bool fits = p && layout.lives;
    if (fits) {
        memcpy(p->capacity, capacity, sizeof p->capacity);
        p->memory = calloc(schedule->devices->n_domains, sizeof *p->memory);
        p->instances = malloc(n * sizeof *p->instances);
        p->segments = calloc(schedule->n_segments + 1, sizeof(struct seam_plan *));
        fits = p->memory && p->instances && p->segments;
    }
    if (fits) {
        for (size_t i = 0; i < n; i++)
            p->instances[i] = SCHED_NONE;
        find_lives(&layout);
        fits = place_items(&layout);
    }
    free(layout.lives);
    if (fits)
        return PLN_OK;
    return pln_fail(error, PLN_NO_MEMORY, "no memory to plan the memory of %u values", schedule->graph->n_values);
}
