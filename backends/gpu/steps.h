/* SPDX-License-Identifier: Apache-2.0
 *
 * What a segment comes to on a GPU, before anything is allocated or called: the launches of its nodes, in order. Both
 * plugins keep what is the API's behind each of them: their step begins with a gpu_step.
 */
#ifndef BACKENDS_GPU_STEPS_H
#define BACKENDS_GPU_STEPS_H

#include "backends/gpu/gpu.h"

struct gpu_step { /* one launch */
    struct gpu_launch launch;
    uint32_t node;
    uint32_t groups; /* at capacity */
    uint32_t record; /* word in the plan buffer */
};

struct gpu_steps { /* of a plan, or of a dry plan_info */
    uint32_t n, room;
    uint32_t words;         /* of the plan buffer: dims, then the records */
    size_t bytes;           /* of a step, that of the API */
    uint64_t scratch_bytes; /* the most that one step needs: nodes run one after the other and share it */
    char *items;            /* of the host's allocator: 0 behind the gpu_step of each */
};

struct gpu_steps_rules {
    const pln_host *host;
    const struct gpu_limits *limits;
    size_t step_bytes;
    uint32_t record_multiple; /* words that records begin at multiples of */
    uint64_t most_groups;     /* of a launch; 0: any number */
};

static inline void *gpu_step_at(const struct gpu_steps *steps, uint32_t i)
{
    return steps->items ? steps->items + i * steps->bytes : NULL;
}

/* gpu_lower for all nodes. A failure names the node; released by the caller on PLN_OK only. */
pln_status gpu_steps_create(const struct gpu_steps_rules *rules, const pln_segment *segment, struct gpu_steps *steps,
                            pln_failure *error);
void gpu_steps_release(const pln_host *host, struct gpu_steps *steps);
/* Bytes of dims and records. */
uint64_t gpu_steps_bytes(const struct gpu_steps *steps);
/* Fills the programs of a dry plan_info that has room for so many. */
void gpu_steps_programs(const struct gpu_steps *steps, pln_language language, uint32_t room, const pln_plan_info *info);
#endif
