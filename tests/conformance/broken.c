/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin with one fault, to see that conformance finds it: the reference, and the option fault=NAME, which damages
 * the memory of each run, keeps the numbers of the first, refuses every node or foretells a constant that is too small.
 */
#include <string.h>

#include "backends/reference/reference.h"

enum fault { NONE, ELEMENT, UNWRITTEN, ROW, PADDING, GUARD, INPUT, STALE, REFUSE, BYTES };
static const char *const names[] = {"none",  "element", "unwritten", "row",    "padding",
                                    "guard", "input",   "stale",     "refuse", "bytes"};

/* One device and one plan at a time is all that conformance opens. */
static struct {
    const pln_backend *right;
    enum fault fault;
    pln_value_info input, output;
    uint32_t runs, dims[64];
} state;

static pln_status open_broken(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *error)
{
    const char *wanted = pln_opening_value(opening, "fault");
    for (uint32_t i = 0; i < opening->n_settings; i++)
        if (strcmp(pln_opening_setting(opening, i)->key, "fault") != 0)
            return pln_failed(error, PLN_INVALID, -1, "no such option");
    for (uint32_t i = 0; wanted && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], wanted) == 0) {
            state.fault = (enum fault)i;
            pln_opening bare = *opening;
            bare.n_settings = 0;
            return state.right->device_open(index, &bare, device, error);
        }
    return pln_failed(error, PLN_INVALID, -1, "no such fault");
}

static pln_status judge(pln_device *device, const pln_segment *segment, pln_verdict *verdicts, uint32_t stride,
                        pln_failure *error)
{
    const pln_status status = state.right->supports(device, segment, verdicts, stride, error);
    for (uint32_t i = 0; state.fault == REFUSE && i < segment->n_nodes; i++)
        *(pln_verdict *)(void *)((char *)verdicts + (size_t)i * stride) =
            (pln_verdict){.size = sizeof *verdicts, .reason = "out of order"};
    return status;
}

static pln_status create(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *error)
{
    const pln_node_info *last = pln_segment_node(segment, segment->n_nodes - 1);
    const pln_value_info *input = pln_segment_value(segment, pln_segment_node(segment, 0)->inputs[0]);
    state.input = input ? *input : (pln_value_info){0};
    uint32_t first = 0; /* output that is there: gradients may be left out */
    while (last->outputs[first] == PLN_ABSENT)
        first++;
    state.output = *pln_segment_value(segment, last->outputs[first]);
    state.runs = 0;
    return state.right->plan_create(device, segment, plan, error);
}

static pln_status tell(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                       pln_failure *error)
{
    const pln_status status = state.right->plan_info(device, segment, plan, info, error);
    if (state.fault == BYTES && !plan)
        info->constant_bytes /= 2;
    return status;
}

static void damage(const pln_run *run)
{
    const pln_value_info *y = &state.output;
    const uint32_t rows = pln_dim_rows(y->rows, run->dims);
    float *data = y->data;
    switch (state.fault) {
    case ELEMENT:
        data[(rows - 1) * y->row_stride + y->width - 1] += 1e-3f;
        break;
    case UNWRITTEN:
        memcpy(&data[(rows - 1) * y->row_stride + y->width - 1], &data[-1], sizeof *data);
        break;
    case ROW:
        data[rows * y->row_stride] = 0;
        break;
    case PADDING:
        data[y->width] = 0;
        break;
    case GUARD:
        data[-1] = 0;
        break;
    case INPUT:
        if (state.input.data)
            *(float *)state.input.data += 1;
        break;
    default:
        break;
    }
}

/* A plan that keeps the numbers of its first run is what a recorded command buffer may do. */
static pln_status run_broken(pln_plan *plan, const pln_run *run, pln_failure *error)
{
    if (state.runs++ == 0)
        memcpy(state.dims, run->dims, run->n_dims * sizeof *run->dims);
    pln_run as_run = *run;
    if (state.fault == STALE)
        as_run.dims = state.dims;
    const pln_status status = state.right->plan_run(plan, &as_run, error);
    damage(run);
    return status;
}

PLN_BACKEND_EXPORT const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max);

const pln_backend *pln_backend_query(uint32_t abi_min, uint32_t abi_max)
{
    static pln_backend broken;
    state.right = pln_reference_query(abi_min, abi_max);
    if (!state.right)
        return NULL;
    broken = *state.right;
    broken.name = "broken";
    broken.device_open = open_broken;
    broken.supports = judge;
    broken.plan_create = create;
    broken.plan_run = run_broken;
    broken.plan_info = tell;
    return &broken;
}
