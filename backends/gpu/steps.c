/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a segment, gives steps: the launches of its nodes in order, each with its place in the plan buffer.
 */
#include <string.h>

#include "backends/gpu/steps.h"
#include "common/round.h"

struct lowering {
    const struct gpu_steps_rules *rules;
    const pln_segment *segment;
    struct gpu_steps *steps;
    uint32_t node;
};

static pln_status grow(const pln_host *host, struct gpu_steps *steps, pln_failure *error)
{
    if (steps->n < steps->room)
        return PLN_OK;
    const uint32_t room = steps->room ? steps->room * 2 : 64;
    char *larger = host->allocate(host->context, room * steps->bytes);
    if (!larger)
        return pln_failed(error, PLN_NO_MEMORY, -1, "no host memory for a plan of %u launches", room);
    if (steps->n)
        memcpy(larger, steps->items, steps->n * steps->bytes);
    host->release(host->context, steps->items);
    steps->items = larger;
    steps->room = room;
    return PLN_OK;
}

static pln_status add_step(void *context, const struct gpu_launch *launch, pln_failure *error)
{
    const struct lowering *lowering = context;
    const struct gpu_steps_rules *rules = lowering->rules;
    struct gpu_steps *steps = lowering->steps;
    const uint64_t groups = gpu_launch_groups(launch, lowering->segment->capacity);
    if (rules->most_groups && groups > rules->most_groups)
        return pln_failed(error, PLN_UNSUPPORTED, -1, "kernel %s needs %llu work-groups, the device allows %llu",
                          launch->kernel, (unsigned long long)groups, (unsigned long long)rules->most_groups);
    const pln_status status = grow(rules->host, steps, error);
    if (status != PLN_OK)
        return status;
    struct gpu_step *step = gpu_step_at(steps, steps->n++);
    *step = (struct gpu_step){
        .launch = *launch, .node = lowering->node, .groups = (uint32_t)groups, .record = steps->words};
    steps->words += (uint32_t)round_up(launch->n_words, rules->record_multiple);
    if (launch->scratch_bytes > steps->scratch_bytes)
        steps->scratch_bytes = launch->scratch_bytes;
    return PLN_OK;
}

pln_status gpu_steps_create(const struct gpu_steps_rules *rules, const pln_segment *segment, struct gpu_steps *steps,
                            pln_failure *error)
{
    *steps = (struct gpu_steps){.words = GPU_DIMS, .bytes = rules->step_bytes};
    if (segment->n_symbols > GPU_DIMS)
        return pln_failed(error, PLN_UNSUPPORTED, -1, "%u symbols, a plan holds %d", segment->n_symbols, GPU_DIMS);
    struct lowering lowering = {.rules = rules, .segment = segment, .steps = steps};
    pln_status status = PLN_OK;
    for (; lowering.node < segment->n_nodes && status == PLN_OK; lowering.node++)
        status = gpu_lower(rules->limits, segment, lowering.node, add_step, &lowering, error);
    if (status == PLN_OK)
        return PLN_OK;
    if (error)
        error->node = (int32_t)lowering.node - 1;
    gpu_steps_release(rules->host, steps);
    return status;
}

void gpu_steps_release(const pln_host *host, struct gpu_steps *steps)
{
    host->release(host->context, steps->items);
    *steps = (struct gpu_steps){0};
}

uint64_t gpu_steps_bytes(const struct gpu_steps *steps)
{
    return steps->words * sizeof(uint32_t);
}

void gpu_steps_programs(const struct gpu_steps *steps, pln_language language, uint32_t room, const pln_plan_info *info)
{
    for (uint32_t i = 0; i < steps->n && i < room; i++) {
        const struct gpu_step *step = gpu_step_at(steps, i);
        const pln_launch_program program = gpu_program(&step->launch, step->node, language);
        pln_plan_give_program(info, room, i, &program);
    }
}
