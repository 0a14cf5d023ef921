/* SPDX-License-Identifier: Apache-2.0
 *
 * A backend that computes as the reference does and looks at every struct that crosses: its size must be that of the
 * library, which is HOST_MORE bytes longer than here (or shorter, if that is negative). What it fills itself is longer than
 * the library may know, and filled to its end. With OVERRUN it writes all of it, as it must not.
 */
#include <string.h>

#include "backends/reference/reference.h"

#ifndef HOST_MORE
#define HOST_MORE 0
#endif

enum {
#define CROSSES(type) SEEN_##type,
#include "tests/api/crossing.def"
#undef CROSSES
    STRUCTS
};
static const char *const names[STRUCTS] = {
#define CROSSES(type) #type,
#include "tests/api/crossing.def"
#undef CROSSES
};
static const pln_backend *right;
static unsigned seen = 1u << SEEN_pln_backend;
static char wrong[160]; /* the first thing that was; the process ends with it in a sentence */

static void look(int which, uint32_t size, size_t ours, uint32_t stride)
{
    const long expected = (long)ours + HOST_MORE;
    seen |= 1u << which;
    if (!*wrong && (long)size != expected)
        snprintf(wrong, sizeof wrong, "crossing: %s has size %u, expected %ld", names[which], size, expected);
    if (!*wrong && stride && (long)stride < expected)
        snprintf(wrong, sizeof wrong, "crossing: %s has stride %u, expected %ld", names[which], stride, expected);
}
#define LOOK(type, pointer) look(SEEN_##type, (pointer)->size, sizeof(type), 0)
#define LOOK_AT(type, pointer, stride) look(SEEN_##type, (pointer)->size, sizeof(type), stride)

static pln_status judge(pln_status status, pln_failure *failure)
{
    LOOK(pln_failure, failure);
    return *wrong ? pln_failed(failure, PLN_FAILED, -1, "%s", wrong) : status;
}

static pln_status count(uint32_t *n, pln_failure *failure)
{
    return judge(right->device_count(n, failure), failure);
}

/* A row of the table that is longer than the library's, or shorter. */
static pln_status describe(uint32_t index, const pln_device *device, pln_device_description *info, pln_failure *failure)
{
    static const pln_setting_info rows[] = {
        {.size = sizeof *rows, .key = "colour", .values = "red|blue", .help = "of nothing", .usual = "red"},
        {.size = sizeof *rows, .key = "depth", .values = "NUMBER", .help = "of it", .least = 1, .most = 9},
    };
    pln_device_description full;
    memset(&full, 0xEE, sizeof full);
    full.size = sizeof full;
    LOOK(pln_device_description, info);
    pln_status status = right->device_info(index, device, &full, failure);
    full.settings = rows;
    full.n_settings = 2;
    full.setting_stride = sizeof *rows;
    seen |= 1u << SEEN_pln_setting_info;
#ifdef OVERRUN
    *info = full;
#else
    pln_give(info, &full);
#endif
    return judge(status, failure);
}

static pln_status open_device(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *failure)
{
    LOOK(pln_opening, opening);
    LOOK(pln_host, opening->host);
    for (uint32_t i = 0; i < opening->n_settings; i++)
        LOOK_AT(pln_setting, pln_opening_setting(opening, i), opening->setting_stride);
    const char *colour = pln_opening_value(opening, "colour");
    if (colour && strcmp(colour, "blue") != 0)
        return pln_failed(failure, PLN_INVALID, -1, "crossing: the colour is not %s", colour);
    pln_opening bare = {.size = sizeof bare}; /* not *opening, which may be shorter */
    pln_give(&bare, opening);
    bare.n_settings = 0;
    return judge(right->device_open(index, &bare, device, failure), failure);
}

static void look_at_segment(const pln_segment *segment)
{
    LOOK(pln_segment, segment);
    for (uint32_t i = 0; i < segment->n_nodes; i++)
        LOOK_AT(pln_node_info, pln_segment_node(segment, i), segment->node_stride);
    for (uint32_t i = 0; i < segment->n_values; i++)
        LOOK_AT(pln_value_info, pln_segment_value(segment, (int32_t)i), segment->value_stride);
}

static pln_status supports(pln_device *device, const pln_segment *segment, pln_verdict *verdicts, uint32_t stride,
                           pln_failure *failure)
{
    look_at_segment(segment);
    for (uint32_t i = 0; i < segment->n_nodes; i++)
        LOOK_AT(pln_verdict, (pln_verdict *)(void *)((char *)verdicts + (size_t)i * stride), stride);
    pln_status status = right->supports(device, segment, verdicts, stride, failure);
    for (uint32_t i = 0; i < segment->n_nodes; i++) {
        pln_verdict full;
        pln_verdict *given = (pln_verdict *)(void *)((char *)verdicts + (size_t)i * stride);
        memset(&full, 0, sizeof full);
        full.size = sizeof full;
        full.supported = given->supported;
        full.estimated_ns = 7;
        memcpy(full.kernel, "crossing", 9);
        memcpy(full.reason, given->reason, sizeof full.reason);
        pln_give(given, &full);
    }
    return judge(status, failure);
}

static pln_status create_constant(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                                  pln_failure *failure)
{
    LOOK(pln_constant_info, info);
    for (uint32_t i = 0; i < info->n_uses; i++)
        LOOK_AT(pln_constant_use, pln_constant_use_at(info, i), info->use_stride);
    return judge(right->constant_create(device, info, constant, failure), failure);
}

static pln_status create_plan(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *failure)
{
    look_at_segment(segment);
    return judge(right->plan_create(device, segment, plan, failure), failure);
}

static pln_status run_plan(pln_plan *plan, const pln_run *run, pln_failure *failure)
{
    LOOK(pln_run, run);
    return judge(right->plan_run(plan, run, failure), failure);
}

/* The name of the one kernel says what is still unseen. */
static pln_status tell(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                       pln_failure *failure)
{
    const uint32_t room = info->n_kernels;
    pln_launch_info kernel;
    pln_launch_program program;
    (void)device, (void)segment, (void)plan;
    memset(&kernel, 0, sizeof kernel);
    memset(&program, 0, sizeof program);
    LOOK(pln_plan_info, info);
    if (info->kernels && room)
        LOOK_AT(pln_launch_info, info->kernels, info->kernel_stride);
    if (info->programs && room)
        LOOK_AT(pln_launch_program, info->programs, info->program_stride);
    kernel.size = sizeof kernel;
    program.size = sizeof program;
    program.kernel = "crossing";
    program.language = PLN_LANGUAGE_OPENCL_C;
    snprintf(kernel.name, sizeof kernel.name, "all");
    for (int i = 0; i < STRUCTS; i++)
        if (!(seen & 1u << i))
            snprintf(kernel.name, sizeof kernel.name, "%s", names[i]);
    info->n_kernels = 1;
    pln_plan_give_kernel(info, room, 0, &kernel);
    pln_plan_give_program(info, room, 0, &program);
    return judge(PLN_OK, failure);
}

PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max);

const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{
    static pln_backend table;
    right = pln_reference_query(abi_min, abi_max);
    if (!right)
        return NULL;
    table = *right;
    table.size = sizeof table;
    table.name = NAME;
    table.device_count = count;
    table.device_info = describe;
    table.device_open = open_device;
    table.supports = supports;
    table.constant_create = create_constant;
    table.plan_create = create_plan;
    table.plan_run = run_plan;
    table.plan_info = tell;
    return &table;
}
