/* SPDX-License-Identifier: Apache-2.0
 *
 * Backward ops that go over rows, and the update of a step: their tiles, and what their passes see.
 */
#include "backends/gpu/derive.h"

enum { WHOLE = 1, ELEMENT_THREADS = 128, ELEMENT_QUADS = 4 * ELEMENT_THREADS, ROW_THREADS = 64 };

static bool here(const struct gpu_slot *slot)
{
    return gpu_slot_here(slot);
}

static uint32_t quads_of(uint32_t width)
{
    return ceil_div(width, 4);
}

/* ---- element by element: S1 = rows of a work-group, S2 = groups of four of a row, then what the kernel asks for */

static const char *tile_quads(const struct gpu_view *view, struct gpu_launch *launch, uint32_t width, uint32_t flags)
{
    const uint32_t quads = quads_of(width), most = view->limits->max_workgroup;
    const uint32_t rows = quads < ELEMENT_QUADS ? ELEMENT_QUADS / quads : 1;
    set_specs(launch, 4, (uint32_t[]){ELEMENT_THREADS < most ? ELEMENT_THREADS : most, rows, quads, flags});
    launch->rows_per_group = rows;
    launch->columns = 1;
    return NULL;
}

/* Slots a and b have rows that are read or written by groups of four. */
static uint32_t whole(const struct gpu_view *view, uint32_t a, uint32_t b)
{
    return flag(gpu_slot_whole(&view->slots[a]) && gpu_slot_whole(&view->slots[b]), WHOLE);
}

const char *gpu_tile_activation_backward(const struct gpu_view *view, struct gpu_launch *launch,
                                         uint32_t *table_per_group)
{
    enum { DROPOUT = 4 };
    (void)table_per_group;
    const pln_activation_backward_params *p = (const void *)view->params;
    const struct gpu_slot *x = INPUT(view, ACTIVATION_BACKWARD, X);
    const bool drops = p->drop_below && here(INPUT(view, ACTIVATION_BACKWARD, ORIGIN)) &&
                       here(INPUT(view, ACTIVATION_BACKWARD, RANDOM));
    const bool aligned = whole(view, 0, 4) && gpu_slot_whole(x);
    tile_quads(view, launch, view->slots[0].width, flag(aligned, WHOLE) | flag(drops, DROPOUT));
    launch->specs[4] = launch->specs[3];
    launch->specs[3] = here(x) ? p->activation : PLN_ACTIVATION_NONE;
    launch->n_specs = 5;
    return p->activation > PLN_ACTIVATION_SQRT_SOFTPLUS ? "unknown activation" : NULL;
}

const char *gpu_tile_loss_backward(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    enum { WEIGHTS = 2 };
    (void)table_per_group;
    const bool floats = view->node->op != PLN_OP_CROSS_ENTROPY_BACKWARD; /* labels as wide as logits */
    const bool weights = view->node->op == PLN_OP_BINARY_CROSS_ENTROPY_BACKWARD &&
                         here(INPUT(view, BINARY_CROSS_ENTROPY_BACKWARD, WEIGHTS));
    const bool aligned = whole(view, 0, view->n_slots - 1) && (!floats || gpu_slot_whole(&view->slots[1]));
    return tile_quads(view, launch, view->slots[0].width, flag(aligned, WHOLE) | flag(weights, WEIGHTS));
}

const char *gpu_tile_adamw(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    const struct gpu_slot *parameter = OUTPUT(view, ADAMW, PARAMETER);
    const bool aligned = gpu_slot_whole(parameter) && gpu_slot_whole(OUTPUT(view, ADAMW, FIRST_MOMENT)) &&
                         gpu_slot_whole(OUTPUT(view, ADAMW, SECOND_MOMENT)) &&
                         gpu_slot_whole(OUTPUT(view, ADAMW, GRADIENT));
    return tile_quads(view, launch, parameter->width, flag(aligned, WHOLE));
}

/* ---- a thread a row, a work-group a row */

const char *gpu_tile_threads(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    (void)view;
    set_specs(launch, 1, (uint32_t[]){ROW_THREADS});
    launch->rows_per_group = ROW_THREADS;
    launch->columns = 1;
    return NULL;
}

/* ---- layer_norm and embed: S1 = groups of four of a thread, S2 = flags */

const char *gpu_tile_layer_norm_backward(const struct gpu_view *view, struct gpu_launch *launch,
                                         uint32_t *table_per_group)
{
    (void)table_per_group;
    const bool aligned = gpu_slot_whole(INPUT(view, LAYER_NORM_BACKWARD, D_Y)) &&
                         gpu_slot_whole(INPUT(view, LAYER_NORM_BACKWARD, X)) &&
                         gpu_slot_whole(INPUT(view, LAYER_NORM_BACKWARD, GAMMA)) &&
                         gpu_slot_whole(OUTPUT(view, LAYER_NORM_BACKWARD, D_X));
    return gpu_tile_row(view, launch, INPUT(view, LAYER_NORM_BACKWARD, X)->width, flag(aligned, WHOLE));
}

/* S1 = flags. A work-group has 32 columns, and all rows. */
const char *gpu_tile_column_sums(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    enum { GAMMA = 2, BETA = 4, THREADS = 256, FEW_THREADS = 64, QUADS = 8 };
    (void)table_per_group;
    const uint32_t threads = view->limits->max_workgroup < THREADS ? FEW_THREADS : THREADS;
    if (threads > view->limits->max_workgroup || 2 * threads * 4 * sizeof(float) > view->limits->shared_bytes)
        return "the device has too small work-groups";
    set_specs(launch, 2,
              (uint32_t[]){threads,
                           whole(view, 0, 1) | flag(here(&view->slots[4]), GAMMA) | flag(here(&view->slots[5]), BETA)});
    launch->rows_per_group = 1;
    launch->columns = ceil_div(quads_of(view->slots[0].width), QUADS);
    return NULL;
}

bool gpu_skip_norm_backward(const struct gpu_view *node, uint32_t pass)
{
    if (pass == 0)
        return !here(OUTPUT(node, LAYER_NORM_BACKWARD, D_X));
    return !here(OUTPUT(node, LAYER_NORM_BACKWARD, D_GAMMA)) && !here(OUTPUT(node, LAYER_NORM_BACKWARD, D_BETA));
}

void gpu_derive_norm_sums(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_set_slots(view, 6,
                  (struct gpu_slot[]){*INPUT(node, LAYER_NORM_BACKWARD, D_Y), *INPUT(node, LAYER_NORM_BACKWARD, X),
                                      *INPUT(node, LAYER_NORM_BACKWARD, MEAN), *INPUT(node, LAYER_NORM_BACKWARD, RSTD),
                                      *OUTPUT(node, LAYER_NORM_BACKWARD, D_GAMMA),
                                      *OUTPUT(node, LAYER_NORM_BACKWARD, D_BETA)});
}

/* The sum of rows of embed, made again, and d_y after dropout. */
static struct gpu_slot embed_sum(const struct gpu_view *node)
{
    const struct gpu_slot *d_y = INPUT(node, EMBED_BACKWARD, D_Y);
    struct gpu_slot sum = gpu_scratch(0, d_y->rows, d_y->width, d_y);
    sum.stride = gpu_round_up(d_y->width, 4);
    return sum;
}

static struct gpu_slot embed_d_y(const struct gpu_view *node)
{
    struct gpu_slot d_y = embed_sum(node);
    d_y.offset = gpu_area(d_y.rows, d_y.stride);
    return d_y;
}

static bool embed_drops(const struct gpu_view *node)
{
    const pln_embed_backward_params *p = (const void *)node->params;
    return p->drop_below && here(INPUT(node, EMBED_BACKWARD, ORIGIN)) && here(INPUT(node, EMBED_BACKWARD, RANDOM));
}

uint64_t gpu_embed_backward_bytes(const struct gpu_view *node)
{
    const struct gpu_slot d_y = embed_d_y(node);
    return embed_drops(node) ? 2 * d_y.offset : d_y.offset;
}

bool gpu_skip_embed_backward(const struct gpu_view *node, uint32_t pass)
{
    if (pass == 1)
        return !embed_drops(node);
    if (pass == 2)
        return !here(OUTPUT(node, EMBED_BACKWARD, D_X));
    return pass == 3 && !here(OUTPUT(node, EMBED_BACKWARD, D_GAMMA)) && !here(OUTPUT(node, EMBED_BACKWARD, D_BETA));
}

void gpu_derive_embed_sum(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_set_slots(view, 8,
                  (struct gpu_slot[]){*INPUT(node, EMBED_BACKWARD, IDS), *INPUT(node, EMBED_BACKWARD, EMBEDDINGS),
                                      *INPUT(node, EMBED_BACKWARD, TOKEN_TYPES),
                                      *INPUT(node, EMBED_BACKWARD, POSITIONS), *INPUT(node, EMBED_BACKWARD, WORD),
                                      *INPUT(node, EMBED_BACKWARD, TYPE), *INPUT(node, EMBED_BACKWARD, POSITION),
                                      gpu_written(embed_sum(node))});
}

const char *gpu_tile_embed_sum(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    enum { IDS = 2, POSITIONS = 4 };
    (void)table_per_group;
    for (uint32_t i = 4; i < 7; i++)
        if (here(&view->slots[i]) && view->slots[i].panel)
            return "a table lies in panels";
    return tile_quads(view, launch, view->slots[5].width,
                      flag(here(&view->slots[0]), IDS) | flag(here(&view->slots[3]), POSITIONS));
}

void gpu_derive_embed_dropout(const struct gpu_view *node, struct gpu_view *view)
{
    const pln_embed_backward_params *p = (const void *)node->params;
    const pln_activation_backward_params params = {
        .site = p->site, .drop_below = p->drop_below, .keep_scale = p->keep_scale};
    gpu_set_slots(view, 5,
                  (struct gpu_slot[]){*INPUT(node, EMBED_BACKWARD, D_Y), gpu_absent(),
                                      *INPUT(node, EMBED_BACKWARD, ORIGIN), *INPUT(node, EMBED_BACKWARD, RANDOM),
                                      gpu_written(embed_d_y(node))});
    gpu_set_params(view, &params, sizeof params);
}

/* The node as a layer_norm_backward. */
void gpu_derive_embed_norm(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_set_slots(view, PLN_LAYER_NORM_BACKWARD_INPUTS + PLN_LAYER_NORM_BACKWARD_OUTPUTS,
                  (struct gpu_slot[]){gpu_absent(), gpu_absent(),
                                      embed_drops(node) ? embed_d_y(node) : *INPUT(node, EMBED_BACKWARD, D_Y),
                                      embed_sum(node), *INPUT(node, EMBED_BACKWARD, GAMMA),
                                      *INPUT(node, EMBED_BACKWARD, MEAN), *INPUT(node, EMBED_BACKWARD, RSTD),
                                      *OUTPUT(node, EMBED_BACKWARD, D_GAMMA), *OUTPUT(node, EMBED_BACKWARD, D_BETA),
                                      *OUTPUT(node, EMBED_BACKWARD, D_X)});
}

void gpu_derive_embed_sums(const struct gpu_view *node, struct gpu_view *view)
{
    struct gpu_view norm = *node;
    gpu_derive_embed_norm(node, &norm);
    gpu_derive_norm_sums(&norm, view);
}

/* ---- scatter_add, gather_backward: indices are looked through first */

uint64_t gpu_scatter_bytes(const struct gpu_view *node)
{
    return gpu_area(INPUT(node, SCATTER_ADD, INDEX)->rows, 2);
}

static struct gpu_slot equal_spans(const struct gpu_view *node)
{
    const struct gpu_slot *index = INPUT(node, SCATTER_ADD, INDEX);
    return gpu_scratch(0, index->rows, 2, index);
}

void gpu_derive_equal_rows(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_set_slots(view, 2, (struct gpu_slot[]){*INPUT(node, SCATTER_ADD, INDEX), gpu_written(equal_spans(node))});
}

void gpu_derive_scatter(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_set_slots(view, 4,
                  (struct gpu_slot[]){*INPUT(node, SCATTER_ADD, INDEX), *INPUT(node, SCATTER_ADD, X),
                                      *OUTPUT(node, SCATTER_ADD, Y), equal_spans(node)});
}

const char *gpu_tile_scatter(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    set_specs(launch, 2, (uint32_t[]){ROW_THREADS, whole(view, 1, 2)});
    launch->rows_per_group = launch->columns = 1;
    return NULL;
}

uint64_t gpu_gather_bytes(const struct gpu_view *node)
{
    return gpu_area(OUTPUT(node, GATHER_BACKWARD, D_X)->rows, 1);
}

static struct gpu_slot first_uses(const struct gpu_view *node)
{
    const struct gpu_slot *d_x = OUTPUT(node, GATHER_BACKWARD, D_X);
    return gpu_scratch(0, d_x->rows, 1, d_x);
}

void gpu_derive_first_uses(const struct gpu_view *node, struct gpu_view *view)
{
    const struct gpu_slot *index = INPUT(node, GATHER_BACKWARD, INDEX);
    gpu_set_slots(view, 2, (struct gpu_slot[]){*index, gpu_written(first_uses(node))});
    gpu_set_other_count(view, index->dim);
}

void gpu_derive_gather(const struct gpu_view *node, struct gpu_view *view)
{
    const struct gpu_slot *index = INPUT(node, GATHER_BACKWARD, INDEX);
    gpu_set_slots(view, 4,
                  (struct gpu_slot[]){*INPUT(node, GATHER_BACKWARD, D_Y), *index, *OUTPUT(node, GATHER_BACKWARD, D_X),
                                      first_uses(node)});
    gpu_set_other_count(view, index->dim);
}

/* d_y, something, d_x. */
const char *gpu_tile_spread(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    return tile_quads(view, launch, view->slots[2].width, whole(view, 0, 2));
}

void gpu_derive_mean_backward(const struct gpu_view *node, struct gpu_view *view)
{
    const struct gpu_slot *starts = INPUT(node, SEGMENT_MEAN_BACKWARD, STARTS);
    gpu_set_slots(view, 3,
                  (struct gpu_slot[]){*INPUT(node, SEGMENT_MEAN_BACKWARD, D_Y), *starts,
                                      *OUTPUT(node, SEGMENT_MEAN_BACKWARD, D_X)});
    gpu_set_other_count(view, starts->dim);
}

void gpu_derive_span_backward(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_set_other_count(view, INPUT(node, SPAN_CROSS_ENTROPY_BACKWARD, STARTS)->dim);
}

/* ---- global_norm: a sum for each group of rows, then one of them */

static struct gpu_slot square_sums(const struct gpu_view *node)
{
    return gpu_scratch(0, INPUT(node, GLOBAL_NORM, X)->rows, 1, NULL);
}

uint64_t gpu_norm_bytes(const struct gpu_view *node)
{
    return gpu_area(INPUT(node, GLOBAL_NORM, X)->rows, 1);
}

void gpu_derive_squares(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_set_slots(view, 2, (struct gpu_slot[]){*INPUT(node, GLOBAL_NORM, X), gpu_written(square_sums(node))});
}

const char *gpu_tile_squares(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    return tile_quads(view, launch, view->slots[0].width, flag(gpu_slot_whole(&view->slots[0]), WHOLE));
}

void gpu_derive_root(const struct gpu_view *node, struct gpu_view *view)
{
    gpu_set_slots(
        view, 3,
        (struct gpu_slot[]){*OUTPUT(node, GLOBAL_NORM, NORM), square_sums(node), *INPUT(node, GLOBAL_NORM, X)});
}

/* S1 = rows that a sum is of, as in the first pass. */
const char *gpu_tile_root(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    struct gpu_launch first;
    struct gpu_view squares = *view;
    squares.slots[0] = view->slots[2];
    tile_quads(&squares, &first, squares.slots[0].width, 0);
    if (ELEMENT_THREADS > view->limits->max_workgroup)
        return "the device has too small work-groups";
    set_specs(launch, 2, (uint32_t[]){ELEMENT_THREADS, first.rows_per_group});
    launch->rows_per_group = launch->columns = 1;
    return NULL;
}

/* ---- the last pass of every loss: terms and weights of all rows, `total` of the whole step, what was divided by */

void gpu_derive_loss_mean(const struct gpu_view *node, struct gpu_view *view)
{
    static const struct {
        uint32_t op, total, loss, count;
    } losses[] = {
#define LOSS(OP)                                                                                                       \
    {PLN_OP_##OP, PLN_##OP##_INPUT_TOTAL, PLN_##OP##_INPUTS + PLN_##OP##_OUTPUT_LOSS,                                  \
     PLN_##OP##_INPUTS + PLN_##OP##_OUTPUT_COUNT}
        LOSS(CROSS_ENTROPY), LOSS(BINARY_CROSS_ENTROPY), LOSS(MEAN_SQUARED_ERROR), LOSS(SPAN_CROSS_ENTROPY)};
    uint32_t i = 0;
    while (losses[i].op != node->node->op)
        i++;
    struct gpu_slot terms = node->slots[node->n_slots];
    terms.output = false;
    view->params[0] = node->slots[0].width;
    gpu_set_slots(view, 4,
                  (struct gpu_slot[]){node->slots[losses[i].loss], terms, node->slots[losses[i].total],
                                      node->slots[losses[i].count]});
}
