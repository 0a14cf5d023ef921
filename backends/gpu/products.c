/* SPDX-License-Identifier: Apache-2.0
 *
 * Products whose operands do not lie as `linear` wants them: weights that are trained where it wants panels, and the
 * two products of its backward pass. A pass brings each operand into scratch, transposed if need be, and the kernels of
 * `linear` do the rest.
 */
#include "backends/gpu/derive.h"

enum { PANEL_ROWS = 32, TILE_ROWS = 64, TILE_COLUMNS = 256, THREADS = 64 };
enum { WHOLE = 1, TRANSPOSE = 2 };

/* ---- operands in scratch */

/* A weight of the product: rows, or panels for the cpu variant. */
static struct gpu_slot weight_at(const struct gpu_view *view, uint64_t offset, uint32_t rows, uint32_t depth)
{
    const bool panels = gpu_row_find(view->limits, PLN_OP_LINEAR)->cpu;
    struct gpu_slot slot = gpu_scratch(offset, rows, gpu_round_up(depth, 4), NULL);
    slot.panel = panels ? PANEL_ROWS : 0;
    return slot;
}

static uint64_t weight_bytes(const struct gpu_slot *slot)
{
    return gpu_area(slot->panel ? gpu_round_up(slot->rows, slot->panel) : slot->rows, slot->stride);
}

/* Pass `arrange`: slot 0 to slot 1. TRANSPOSE is told by the shapes' roles, kept in the params. */
static void derive_arrange(struct gpu_view *view, struct gpu_slot source, struct gpu_slot result, bool transpose)
{
    const uint32_t params[] = {transpose};
    source.output = false;
    if (result.panel) {
        result.rows = gpu_round_up(result.rows, result.panel);
        result.dim = (pln_dim){0, 0, result.rows};
    }
    gpu_set_slots(view, 2, (struct gpu_slot[]){source, gpu_written(result)});
    gpu_set_params(view, params, sizeof params);
}

const char *gpu_tile_arrange(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    const struct gpu_slot *source = &view->slots[0], *result = &view->slots[1];
    if (source->panel || source->element != sizeof(float))
        return "the operand lies in panels, or in f16";
    if (THREADS > view->limits->max_workgroup)
        return "the device has too small work-groups";
    set_specs(
        launch, 3,
        (uint32_t[]){THREADS, result->panel, flag(gpu_slot_whole(source), WHOLE) | flag(view->params[0], TRANSPOSE)});
    launch->rows_per_group = TILE_ROWS;
    launch->columns = ceil_div(result->width, TILE_COLUMNS);
    return NULL;
}

/* A `linear` of these operands, with scratch for the sums of slices from `slices` on. */
static void derive_linear(struct gpu_view *view, struct gpu_slot x, struct gpu_slot weight, struct gpu_slot residual,
                          struct gpu_slot y, uint64_t slices)
{
    const pln_linear_params params = {.activation = PLN_ACTIVATION_NONE};
    x.output = weight.output = residual.output = false;
    struct gpu_slot slots[PLN_LINEAR_INPUTS + PLN_LINEAR_OUTPUTS + 1];
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        slots[i] = gpu_absent();
    slots[PLN_LINEAR_INPUT_X] = x;
    slots[PLN_LINEAR_INPUT_WEIGHT] = weight;
    slots[PLN_LINEAR_INPUT_RESIDUAL] = residual;
    slots[PLN_LINEAR_INPUTS + PLN_LINEAR_OUTPUT_Y] = gpu_written(y);
    slots[PLN_LINEAR_INPUTS + PLN_LINEAR_OUTPUT_PREACTIVATION] = gpu_written(gpu_absent());
    gpu_set_slots(view, PLN_LINEAR_INPUTS + PLN_LINEAR_OUTPUTS, slots);
    gpu_set_params(view, &params, sizeof params);
    const uint32_t width = gpu_linear_slices_width(view);
    const bool sums = width && !weight.panel;
    view->slots[view->n_slots] = gpu_written(sums ? gpu_scratch(slices, x.rows, width, &x) : gpu_absent());
    view->n_slots++; /* the sums are no scratch of the row's first pass */
}

static uint64_t slices_bytes(const struct gpu_view *linear)
{
    const struct gpu_slot *sums = &linear->slots[linear->n_slots - 1];
    return gpu_slot_here(sums) ? gpu_area(sums->rows, sums->stride) : 0;
}

/* ---- linear with a weight that is trained, cpu variant */

static bool needs_panels(const struct gpu_view *view)
{
    return !INPUT(view, LINEAR, WEIGHT)->panel;
}

static struct gpu_slot trained_panels(const struct gpu_view *node)
{
    const struct gpu_slot *weight = INPUT(node, LINEAR, WEIGHT);
    return weight_at(node, 0, weight->rows, weight->width);
}

uint64_t gpu_linear_cpu_bytes(const struct gpu_view *node)
{
    const struct gpu_slot panels = trained_panels(node);
    return needs_panels(node) ? weight_bytes(&panels) : 0;
}

bool gpu_skip_linear_cpu(const struct gpu_view *node, uint32_t pass)
{
    return (pass == 0 && !needs_panels(node)) || (pass == 2 && !gpu_drops(node));
}

void gpu_derive_panels(const struct gpu_view *node, struct gpu_view *view)
{
    derive_arrange(view, *INPUT(node, LINEAR, WEIGHT), trained_panels(node), false);
}

/* The residual is added behind dropout. */
void gpu_derive_linear(const struct gpu_view *node, struct gpu_view *view)
{
    if (gpu_row_find(node->limits, PLN_OP_LINEAR)->cpu && needs_panels(node))
        view->slots[PLN_LINEAR_INPUT_WEIGHT] = trained_panels(node);
    if (gpu_drops(node))
        view->slots[PLN_LINEAR_INPUT_RESIDUAL] = gpu_absent();
}

bool gpu_skip_linear(const struct gpu_view *node, uint32_t pass)
{
    return pass == 2 ? !gpu_drops(node) : gpu_skip_linear_sum(node, pass);
}

/* ---- linear_backward_x: d_y times the weight, which is the transposed weight's `linear` */

static struct gpu_slot transposed_weight(const struct gpu_view *node)
{
    const struct gpu_slot *weight = INPUT(node, LINEAR_BACKWARD_X, WEIGHT);
    return weight_at(node, 0, weight->width, weight->rows);
}

void gpu_derive_transposed_weight(const struct gpu_view *node, struct gpu_view *view)
{
    derive_arrange(view, *INPUT(node, LINEAR_BACKWARD_X, WEIGHT), transposed_weight(node), true);
}

void gpu_derive_backward_x(const struct gpu_view *node, struct gpu_view *view)
{
    const struct gpu_slot weight = transposed_weight(node);
    derive_linear(view, *INPUT(node, LINEAR_BACKWARD_X, D_Y), weight, *INPUT(node, LINEAR_BACKWARD_X, RESIDUAL),
                  *OUTPUT(node, LINEAR_BACKWARD_X, D_X), weight_bytes(&weight));
}

uint64_t gpu_backward_x_bytes(const struct gpu_view *node)
{
    const struct gpu_slot weight = transposed_weight(node);
    struct gpu_view linear = *node;
    gpu_derive_backward_x(node, &linear);
    return weight_bytes(&weight) + slices_bytes(&linear);
}

bool gpu_skip_backward_x(const struct gpu_view *node, uint32_t pass)
{
    struct gpu_view linear = *node;
    gpu_derive_backward_x(node, &linear);
    return pass == 2 && !slices_bytes(&linear);
}

/* ---- linear_backward_weight: rows of d_y^T times rows of x^T, real rows of both beside zeros */

static uint32_t depth_of(const struct gpu_view *node)
{
    return gpu_round_up(INPUT(node, LINEAR_BACKWARD_WEIGHT, X)->rows, 4);
}

static struct gpu_slot transposed_d_y(const struct gpu_view *node)
{
    return gpu_scratch(0, INPUT(node, LINEAR_BACKWARD_WEIGHT, D_Y)->width, depth_of(node), NULL);
}

static struct gpu_slot transposed_x(const struct gpu_view *node)
{
    const struct gpu_slot d_y = transposed_d_y(node);
    return weight_at(node, gpu_area(d_y.rows, d_y.stride), INPUT(node, LINEAR_BACKWARD_WEIGHT, X)->width,
                     depth_of(node));
}

void gpu_derive_transposed_d_y(const struct gpu_view *node, struct gpu_view *view)
{
    derive_arrange(view, *INPUT(node, LINEAR_BACKWARD_WEIGHT, D_Y), transposed_d_y(node), true);
}

void gpu_derive_transposed_x(const struct gpu_view *node, struct gpu_view *view)
{
    derive_arrange(view, *INPUT(node, LINEAR_BACKWARD_WEIGHT, X), transposed_x(node), true);
}

void gpu_derive_backward_weight(const struct gpu_view *node, struct gpu_view *view)
{
    const struct gpu_slot x = transposed_x(node), *d_weight = OUTPUT(node, LINEAR_BACKWARD_WEIGHT, D_WEIGHT);
    derive_linear(view, transposed_d_y(node), x, *d_weight, *d_weight, x.offset + weight_bytes(&x));
}

uint64_t gpu_backward_weight_bytes(const struct gpu_view *node)
{
    const struct gpu_slot x = transposed_x(node);
    struct gpu_view linear = *node;
    gpu_derive_backward_weight(node, &linear);
    return x.offset + weight_bytes(&x) + slices_bytes(&linear);
}

bool gpu_skip_backward_weight(const struct gpu_view *node, uint32_t pass)
{
    struct gpu_view linear = *node;
    gpu_derive_backward_weight(node, &linear);
    return (pass == 1 && !gpu_slot_here(OUTPUT(node, LINEAR_BACKWARD_WEIGHT, D_BIAS))) ||
           (pass == 4 && !slices_bytes(&linear));
}

void gpu_derive_bias(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_set_slots(view, 6,
                  (struct gpu_slot[]){*INPUT(node, LINEAR_BACKWARD_WEIGHT, D_Y), gpu_absent(), gpu_absent(),
                                      gpu_absent(), gpu_written(gpu_absent()),
                                      *OUTPUT(node, LINEAR_BACKWARD_WEIGHT, D_BIAS)});
}
