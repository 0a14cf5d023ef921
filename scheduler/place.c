/* SPDX-License-Identifier: Apache-2.0
 *
 * Who runs what: every device is asked once for every node; a rule decides, else the first device of the list that
 * takes the node; what nobody takes goes to reference. Neighbours on one device are a segment.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "scheduler/scheduler.h"

/* Capacity that devices are asked with, before any run: placement does not hang on sizes. */
enum { NOMINAL = 512 };

struct question {
    pln_schedule *schedule;
    pln_verdict *verdicts; /* [devices][nodes] */
};

pln_status sched_take_rules(pln_schedule *s, const pln_schedule_options *options, pln_error *error)
{
    const pln_devices *devices = s->devices;
    s->n_rules = options->n_place;
    s->rules = arena_allocate(&s->arena, (options->n_place + 1) * sizeof *s->rules);
    if (!s->rules)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for placement rules");
    for (uint32_t i = 0; i < options->n_place; i++) {
        const char *text = options->place[i], *equals = strrchr(text, '=');
        struct sched_rule *rule = &s->rules[i];
        if (!equals || equals == text || (size_t)(equals - text) >= sizeof rule->pattern)
            return pln_fail(error, PLN_INVALID, "placement rule \"%s\" is not PATTERN=DEVICE", text);
        snprintf(rule->pattern, sizeof rule->pattern, "%.*s", (int)(equals - text), text);
        for (rule->device = 0; rule->device < devices->n; rule->device++)
            if (strcmp(devices->devices[rule->device].entry.name, equals + 1) == 0)
                break;
        if (rule->device == devices->n)
            return pln_fail(error, PLN_INVALID, "placement rule \"%s\": device %s is not in the list of devices", text,
                            equals + 1);
    }
    return PLN_OK;
}

static pln_status ask_device(pln_devices *devices, uint32_t device, const pln_segment *view, pln_verdict *verdicts,
                             pln_error *error)
{
    struct sched_open *open = sched_open_acquire(devices, device);
    sched_enter(open);
    const pln_status status = seam_supports(&open->seam, view, verdicts, error);
    sched_leave(open);
    sched_open_release(&open);
    return status;
}

static pln_status ask_devices(struct question *q, pln_error *error)
{
    pln_schedule *s = q->schedule;
    const uint32_t n = s->graph->n_nodes;
    uint32_t capacity[GRAPH_SYMBOLS] = {0};
    for (uint32_t i = 1; i < s->graph->n_symbols; i++)
        capacity[i] = NOMINAL;
    struct arena arena = {0};
    pln_status status = PLN_OK;
    for (uint32_t d = 0; status == PLN_OK && d < s->devices->n; d++) {
        pln_segment view;
        for (uint32_t i = 0; s->gone[d] && i < n; i++)
            snprintf(q->verdicts[d * n + i].reason, sizeof q->verdicts->reason, "it was lost");
        if (s->gone[d])
            continue;
        status = sched_view(s, NULL, d, 0, n, capacity, &arena, &view, error);
        if (status == PLN_OK)
            status = ask_device(s->devices, d, &view, &q->verdicts[d * n], error);
    }
    arena_finish(&arena);
    return status;
}

static const char *join_refusals(struct question *q, const struct graph_node *node, uint32_t n)
{
    char text[1024] = "";
    size_t used = 0;
    for (uint32_t d = 0; d < n && used < sizeof text; d++) {
        const pln_verdict *v = &q->verdicts[d * q->schedule->graph->n_nodes + node->id];
        if (!v->supported)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s: %s", used ? "; " : "",
                                     q->schedule->devices->devices[d].entry.name, v->reason);
    }
    const char *copy = arena_copy(&q->schedule->arena, text);
    return copy ? copy : "";
}

static pln_status place_node(struct question *q, const struct graph_node *node, pln_error *error)
{
    const pln_devices *devices = q->schedule->devices;
    const pln_verdict *verdicts = q->verdicts + node->id;
    const uint32_t n = q->schedule->graph->n_nodes;
    struct sched_place *place = &q->schedule->places[node->id];
    for (uint32_t i = 0; i < q->schedule->n_rules; i++) {
        const struct sched_rule *rule = &q->schedule->rules[i];
        if (q->schedule->gone[rule->device] || fnmatch(rule->pattern, node->name, 0) != 0)
            continue;
        if (!verdicts[rule->device * n].supported)
            return pln_fail_node(error, PLN_UNSUPPORTED, (int32_t)node->id, "device %s does not take node %s: %s",
                                 devices->devices[rule->device].entry.name, node->name,
                                 verdicts[rule->device * n].reason);
        place->device = rule->device;
        place->refusals = "";
        return PLN_OK;
    }
    uint32_t d = 0;
    while (d < devices->n && !verdicts[d * n].supported)
        d++;
    place->refusals = join_refusals(q, node, d);
    place->device = d;
    if (d == devices->n || (q->schedule->no_fallback && d >= devices->n_listed))
        return pln_fail_node(error, PLN_UNSUPPORTED, (int32_t)node->id, "no chosen device takes node %s: %s",
                             node->name, place->refusals);
    return PLN_OK;
}

static pln_status cut_segments(pln_schedule *s, pln_error *error)
{
    s->segments = arena_allocate(&s->arena, (s->graph->n_nodes + 1) * sizeof *s->segments);
    if (!s->segments)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for segments");
    for (uint32_t i = 0; i < s->graph->n_nodes; i++) {
        if (!i || s->places[i].device != s->places[i - 1].device)
            s->segments[s->n_segments++] = (struct sched_segment){.device = s->places[i].device, .first = i};
        s->segments[s->n_segments - 1].n++;
    }
    return PLN_OK;
}

pln_status sched_place_nodes(pln_schedule *schedule, pln_error *error)
{
    const uint32_t n = schedule->graph->n_nodes;
    struct question q = {.schedule = schedule};
    q.verdicts = calloc((size_t)schedule->devices->n * (n + 1), sizeof *q.verdicts);
    schedule->places = arena_allocate(&schedule->arena, (n + 1) * sizeof *schedule->places);
    schedule->node_ns = arena_allocate(&schedule->arena, (n + 1) * sizeof *schedule->node_ns);
    pln_status status = PLN_OK;
    if (!q.verdicts || !schedule->places || !schedule->node_ns)
        status = pln_fail(error, PLN_NO_MEMORY, "no memory to place %u nodes", n);
    if (status == PLN_OK)
        status = ask_devices(&q, error);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++)
        status = place_node(&q, schedule->graph->nodes[i], error);
    free(q.verdicts);
    return status == PLN_OK ? cut_segments(schedule, error) : status;
}
