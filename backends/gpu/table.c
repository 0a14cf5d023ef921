/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of the kernel table, and the tiles of the kernels that move memory; those of `linear` stand in tiles.c, all
 * of `attention` in attention.c.
 */
#include "backends/gpu/derive.h"

/* Groups of four that a thread of layer_norm holds: the most, and how many are wanted. */
enum { MAX_VALUES = 32, USUAL_VALUES = 4, PROCESSOR_VALUES = 16 };

bool gpu_slot_whole(const struct gpu_slot *slot)
{
    return !gpu_slot_here(slot) || (slot->offset % GPU_ALIGNMENT == 0 && slot->stride % 4 == 0 && slot->width % 4 == 0);
}

static uint32_t quads_of(uint32_t width)
{
    return (width + 3) / 4;
}

static void spec(struct gpu_launch *launch, uint32_t value)
{
    launch->specs[launch->n_specs++] = value;
}

/* ---- kernels with a work-group per row */

/* Threads for a row that is held in registers, then the groups of four of a thread: few groups to wait for little where
 * waves run side by side, few threads on a processor, where they wait for each other. */
const char *gpu_tile_row(const struct gpu_view *view, struct gpu_launch *launch, uint32_t width, uint32_t flags)
{
    const uint32_t wanted = view->limits->cpu_variant ? PROCESSOR_VALUES : USUAL_VALUES;
    uint32_t threads = view->limits->cpu_variant ? 8 : 64;
    while (threads * wanted < quads_of(width) && threads < 256 && threads * 2 <= view->limits->max_workgroup)
        threads *= 2;
    const uint32_t values = (quads_of(width) + threads - 1) / threads;
    if (values > MAX_VALUES)
        return "rows are too wide for one work-group";
    if (threads > view->limits->max_workgroup || threads * sizeof(float) > view->limits->shared_bytes)
        return "the device has too small work-groups";
    launch->workgroup = threads;
    launch->rows_per_group = launch->columns = 1;
    spec(launch, threads);
    spec(launch, values);
    spec(launch, flags);
    return NULL;
}

static const char *tile_layer_norm(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    const struct gpu_slot *x = INPUT(view, LAYER_NORM, X);
    const bool whole = gpu_slot_whole(x) && gpu_slot_whole(INPUT(view, LAYER_NORM, GAMMA)) &&
                       gpu_slot_whole(INPUT(view, LAYER_NORM, BETA)) && gpu_slot_whole(OUTPUT(view, LAYER_NORM, Y));
    return gpu_tile_row(view, launch, x->width,
                        flag(whole, 1) | flag(gpu_slot_here(OUTPUT(view, LAYER_NORM, MEAN)), 2) |
                            flag(gpu_slot_here(OUTPUT(view, LAYER_NORM, RSTD)), 4));
}

static const uint8_t embed_tables[] = {PLN_EMBED_INPUT_TYPE, PLN_EMBED_INPUT_POSITION, PLN_EMBED_INPUT_GAMMA,
                                       PLN_EMBED_INPUT_BETA, PLN_EMBED_INPUT_WORD};

static bool whole_tables(const struct gpu_view *view)
{
    bool whole = true;
    for (uint32_t i = 0; i < sizeof embed_tables; i++)
        whole &= view->slots[embed_tables[i]].panel || gpu_slot_whole(&view->slots[embed_tables[i]]);
    return whole;
}

static const char *tile_embed(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    const struct gpu_slot *y = OUTPUT(view, EMBED, Y);
    return gpu_tile_row(
        view, launch, y->width,
        flag(gpu_slot_whole(y) && gpu_slot_whole(INPUT(view, EMBED, EMBEDDINGS)), 1) |
            flag(gpu_slot_here(INPUT(view, EMBED, IDS)), 2) | flag(gpu_slot_here(INPUT(view, EMBED, POSITIONS)), 4) |
            flag(gpu_slot_here(OUTPUT(view, EMBED, MEAN)), 8) | flag(gpu_slot_here(OUTPUT(view, EMBED, RSTD)), 16) |
            flag(INPUT(view, EMBED, WORD)->panel != 0, 32) | flag(whole_tables(view), 64));
}

static const char *accepts_embed(const struct gpu_view *view)
{
    for (uint32_t i = 0; i < sizeof embed_tables; i++)
        if (view->slots[embed_tables[i]].panel && embed_tables[i] != PLN_EMBED_INPUT_WORD)
            return "a table other than that of words lies in panels";
    return NULL;
}

/* ---- element by element */

enum { ELEMENT_THREADS = 128, ELEMENT_QUADS = 4 * ELEMENT_THREADS };

static const char *tile_elements(const struct gpu_view *view, struct gpu_launch *launch, uint32_t width)
{
    const uint32_t quads = quads_of(width);
    launch->workgroup = ELEMENT_THREADS < view->limits->max_workgroup ? ELEMENT_THREADS : view->limits->max_workgroup;
    launch->rows_per_group = quads < ELEMENT_QUADS ? ELEMENT_QUADS / quads : 1;
    launch->columns = 1;
    spec(launch, launch->workgroup);
    spec(launch, launch->rows_per_group);
    spec(launch, quads);
    return NULL;
}

static const char *tile_activation(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    const pln_activation_params *p = (const void *)view->params;
    const struct gpu_slot *x = INPUT(view, ACTIVATION, X), *residual = INPUT(view, ACTIVATION, RESIDUAL);
    const struct gpu_slot *y = OUTPUT(view, ACTIVATION, Y);
    const bool drops = p->drop_below && gpu_slot_here(INPUT(view, ACTIVATION, ORIGIN)) &&
                       gpu_slot_here(INPUT(view, ACTIVATION, RANDOM));
    tile_elements(view, launch, x->width);
    spec(launch, p->activation);
    spec(launch, flag(gpu_slot_whole(x) && gpu_slot_whole(residual) && gpu_slot_whole(y), 1) |
                     flag(gpu_slot_here(residual), 2) | flag(drops, 4));
    return p->activation > PLN_ACTIVATION_SQRT_SOFTPLUS ? "unknown activation" : NULL;
}

static const char *tile_accumulate(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    const struct gpu_slot *state = INPUT(view, ACCUMULATE, STATE), *x = INPUT(view, ACCUMULATE, X);
    tile_elements(view, launch, state->width);
    spec(launch, flag(gpu_slot_whole(state) && gpu_slot_whole(x), 1));
    return NULL;
}

static const char *tile_gather(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    const struct gpu_slot *x = INPUT(view, GATHER, X), *y = OUTPUT(view, GATHER, Y);
    tile_elements(view, launch, y->width);
    spec(launch, flag(gpu_slot_whole(x) && gpu_slot_whole(y), 1));
    return x->panel ? "the table lies in panels" : NULL;
}

/* ---- reductions */

enum { REDUCE_THREADS = 128, COLUMN_THREADS = 64 };

static const char *tile_reduce(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    if (REDUCE_THREADS > view->limits->max_workgroup)
        return "the device has too small work-groups";
    launch->workgroup = REDUCE_THREADS;
    launch->rows_per_group = launch->columns = 1;
    spec(launch, REDUCE_THREADS);
    return NULL;
}

static const char *tile_cross_entropy(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    const char *reason = tile_reduce(view, launch, table_per_group);
    spec(launch, flag(gpu_slot_whole(INPUT(view, CROSS_ENTROPY, LOGITS)), 1) |
                     flag(gpu_slot_here(OUTPUT(view, CROSS_ENTROPY, LSE)), 2));
    return reason;
}

static const char *tile_binary(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    const char *reason = tile_reduce(view, launch, table_per_group);
    const bool whole = gpu_slot_whole(INPUT(view, BINARY_CROSS_ENTROPY, LOGITS)) &&
                       gpu_slot_whole(INPUT(view, BINARY_CROSS_ENTROPY, LABELS));
    spec(launch, flag(whole, 1) | flag(gpu_slot_here(INPUT(view, BINARY_CROSS_ENTROPY, WEIGHTS)), 2));
    return reason;
}

static const char *tile_squares(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    const char *reason = tile_reduce(view, launch, table_per_group);
    const bool whole =
        gpu_slot_whole(INPUT(view, MEAN_SQUARED_ERROR, X)) && gpu_slot_whole(INPUT(view, MEAN_SQUARED_ERROR, LABELS));
    spec(launch, flag(whole, 1));
    return reason;
}

static const char *tile_span(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    const char *reason = tile_reduce(view, launch, table_per_group);
    launch->columns = 2; /* first and last */
    spec(launch, flag(gpu_slot_here(OUTPUT(view, SPAN_CROSS_ENTROPY, LSE)), 1));
    return reason;
}

/* The last pass of every loss: how many means, and how many elements a unit of weight stands for. */
static const char *tile_mean(const struct gpu_view *view, struct gpu_launch *launch, uint32_t planes, uint32_t factor)
{
    uint32_t none;
    const char *reason = tile_reduce(view, launch, &none);
    spec(launch, planes);
    spec(launch, factor);
    spec(launch, flag(gpu_slot_here(&view->slots[2]), 1) | flag(gpu_slot_here(&view->slots[3]), 2)); /* total, count */
    return reason;
}

static const char *tile_mean_of_rows(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    return tile_mean(view, launch, 1, 1);
}

static const char *tile_mean_of_elements(const struct gpu_view *view, struct gpu_launch *launch,
                                         uint32_t *table_per_group)
{
    (void)table_per_group;
    return tile_mean(view, launch, 1, view->params[0]);
}

static const char *tile_mean_of_spans(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    return tile_mean(view, launch, 2, 1);
}

static const char *tile_segment_mean(const struct gpu_view *view, struct gpu_launch *launch, uint32_t *table_per_group)
{
    (void)table_per_group;
    launch->workgroup = COLUMN_THREADS;
    launch->rows_per_group = 1;
    launch->columns = ceil_div(quads_of(view->slots[0].width), COLUMN_THREADS);
    spec(launch, COLUMN_THREADS);
    spec(launch,
         flag(gpu_slot_whole(INPUT(view, SEGMENT_MEAN, X)) && gpu_slot_whole(OUTPUT(view, SEGMENT_MEAN, Y)), 1));
    return NULL;
}

static uint32_t term_and_weight(const struct gpu_view *view)
{
    (void)view;
    return 2;
}

static uint32_t two_terms_and_weights(const struct gpu_view *view)
{
    (void)view;
    return 4;
}

static bool skip_embed(const struct gpu_view *view, uint32_t pass)
{
    return pass == 1 && !gpu_drops(view);
}

#define ARITY(OP)                                                                                                      \
    .op = PLN_OP_##OP, .n_inputs = PLN_##OP##_INPUTS, .n_outputs = PLN_##OP##_OUTPUTS, .version = PLN_##OP##_VERSION
#define PARAMS(name) .params_size = sizeof(pln_##name##_params)

static const struct gpu_row rows[] = {
    {ARITY(LINEAR), PARAMS(linear), .cpu = true, .trains = true, .scratch_bytes = gpu_linear_cpu_bytes,
     .skip = gpu_skip_linear_cpu,
     .passes = {{"arrange", "wr", 1, 0, false, gpu_tile_arrange, gpu_derive_panels},
                {"linear_cpu", "rtwr--rr", 0, 0, false, gpu_tile_linear_cpu, gpu_derive_linear},
                {"activation", "rrrwr", 0, 0, false, tile_activation, gpu_derive_dropout}}},
    {ARITY(LINEAR_BACKWARD_X), .cpu = true, .trains = true, .scratch_bytes = gpu_backward_x_bytes,
     .passes = {{"arrange", "wr", 1, 0, false, gpu_tile_arrange, gpu_derive_transposed_weight},
                {"linear_cpu", "rtwr--rr", 0, 0, false, gpu_tile_linear_cpu, gpu_derive_backward_x}}},
    {ARITY(LINEAR_BACKWARD_WEIGHT), .cpu = true, .trains = true, .scratch_bytes = gpu_backward_weight_bytes,
     .skip = gpu_skip_backward_weight,
     .passes = {{"arrange", "wr", 1, 0, false, gpu_tile_arrange, gpu_derive_transposed_d_y},
                {"column_sums", "wwwwww", 0, 0, true, gpu_tile_column_sums, gpu_derive_bias},
                {"arrange", "wr", 1, 0, false, gpu_tile_arrange, gpu_derive_transposed_x},
                {"linear_cpu", "rtwr--rr", 0, 0, false, gpu_tile_linear_cpu, gpu_derive_backward_weight}}},
    {ARITY(ATTENTION), PARAMS(attention), .cpu = true, .trains = true, .accepts = gpu_accepts_attention,
     .scratch_width = gpu_attention_statistics, .skip = gpu_skip_probabilities,
     .passes = {{"attention_cpu", "rttwwwwwwwwwrrwr", 0, 3, false, gpu_tile_attention_cpu},
                {"attention_probabilities", "rttwwwwwwwwwrrwr", 0, 3, false, gpu_tile_probabilities}}},
    {ARITY(EMBED), PARAMS(embed), .trains = true, .accepts = accepts_embed, .skip = skip_embed,
     .passes = {{"embed", "rrrrtwwww--rrr", 11, 11, false, tile_embed},
                {"activation", "rrrwr", 0, 0, false, tile_activation, gpu_derive_dropout}}},
    {ARITY(LINEAR), PARAMS(linear), .trains = true, .scratch_width = gpu_linear_slices_width, .skip = gpu_skip_linear,
     .passes = {{"linear", "rtwr--rrr", 0, 0, false, gpu_tile_linear, gpu_derive_linear},
                {"linear_sum", "--wr--rrr", 0, 0, false, gpu_tile_linear_sum, gpu_derive_linear},
                {"activation", "rrrwr", 0, 0, false, tile_activation, gpu_derive_dropout}}},
    {ARITY(LINEAR_BACKWARD_X), .trains = true, .scratch_bytes = gpu_backward_x_bytes, .skip = gpu_skip_backward_x,
     .passes = {{"arrange", "wr", 1, 0, false, gpu_tile_arrange, gpu_derive_transposed_weight},
                {"linear", "rtwr--rrr", 0, 0, false, gpu_tile_linear, gpu_derive_backward_x},
                {"linear_sum", "--wr--rrr", 0, 0, false, gpu_tile_linear_sum, gpu_derive_backward_x}}},
    {ARITY(LINEAR_BACKWARD_WEIGHT), .trains = true, .scratch_bytes = gpu_backward_weight_bytes,
     .skip = gpu_skip_backward_weight,
     .passes = {{"arrange", "wr", 1, 0, false, gpu_tile_arrange, gpu_derive_transposed_d_y},
                {"column_sums", "wwwwww", 0, 0, true, gpu_tile_column_sums, gpu_derive_bias},
                {"arrange", "wr", 1, 0, false, gpu_tile_arrange, gpu_derive_transposed_x},
                {"linear", "rtwr--rrr", 0, 0, false, gpu_tile_linear, gpu_derive_backward_weight},
                {"linear_sum", "--wr--rrr", 0, 0, false, gpu_tile_linear_sum, gpu_derive_backward_weight}}},
    {ARITY(LAYER_NORM), PARAMS(layer_norm), .trains = true,
     .passes = {{"layer_norm", "rwwrrr", 0, 0, false, tile_layer_norm}}},
    {ARITY(LAYER_NORM_BACKWARD), .trains = true, .skip = gpu_skip_norm_backward,
     .passes = {{"layer_norm_backward", "--rrwrr--r", 2, 2, false, gpu_tile_layer_norm_backward},
                {"column_sums", "wwwwww", 0, 0, true, gpu_tile_column_sums, gpu_derive_norm_sums}}},
    {ARITY(EMBED_BACKWARD), PARAMS(embed_backward), .trains = true, .scratch_bytes = gpu_embed_backward_bytes,
     .skip = gpu_skip_embed_backward,
     .passes = {{"embed_sum", "rrrrwwwr", 7, 7, false, gpu_tile_embed_sum, gpu_derive_embed_sum},
                {"activation_backward", "rrrwr", 0, 0, false, gpu_tile_activation_backward, gpu_derive_embed_dropout},
                {"layer_norm_backward", "--rrwrr--r", 2, 2, false, gpu_tile_layer_norm_backward, gpu_derive_embed_norm},
                {"column_sums", "wwwwww", 0, 0, true, gpu_tile_column_sums, gpu_derive_embed_sums}}},
    {ARITY(ATTENTION), PARAMS(attention), .trains = true, .accepts = gpu_accepts_attention,
     .scratch_width = gpu_attention_statistics, .skip = gpu_skip_probabilities,
     .passes = {{"attention", "rttwwwwwwwwwrrwr", 0, 3, false, gpu_tile_attention},
                {"attention_probabilities", "rttwwwwwwwwwrrwr", 0, 3, false, gpu_tile_probabilities}}},
    {ARITY(ATTENTION_BACKWARD), PARAMS(attention_backward), .trains = true,
     .scratch_bytes = gpu_attention_backward_bytes,
     .passes = {{"attention_delta", "rrr", 0, 0, false, gpu_tile_attention_delta, gpu_derive_attention_delta},
                {"attention_backward", "wwwwwwwwwwwwwwwrr", 0, 0, false, gpu_tile_backward_query,
                 gpu_derive_backward_query},
                {"attention_backward", "wwwwwwwwwwwwwwwrr", 1, 1, false, gpu_tile_backward_keys,
                 gpu_derive_backward_keys}}},
    {ARITY(ATTENTION_BACKWARD_DISTANCE), PARAMS(attention_backward_distance), .trains = true,
     .passes = {{"attention_backward_distance", "wwwwwwwwwwwwwwwr", 15, 15, false, gpu_tile_backward_distance,
                 gpu_derive_backward_distance}}},
    {ARITY(ACTIVATION), PARAMS(activation), .passes = {{"activation", "rrrwr", 0, 0, false, tile_activation}}},
    {ARITY(ACTIVATION_BACKWARD), PARAMS(activation_backward),
     .passes = {{"activation_backward", "rrrwr", 0, 0, false, gpu_tile_activation_backward}}},
    {ARITY(GATHER), .passes = {{"gather", "trr", 1, 1, false, tile_gather}}},
    {ARITY(GATHER_BACKWARD), .scratch_bytes = gpu_gather_bytes,
     .passes = {{"first_uses", "wr", 1, 1, false, gpu_tile_threads, gpu_derive_first_uses},
                {"gather_backward", "wwrr", 2, 2, false, gpu_tile_spread, gpu_derive_gather}}},
    {ARITY(SCATTER_ADD), PARAMS(scatter_add), .trains = true, .scratch_bytes = gpu_scatter_bytes,
     .passes = {{"equal_rows", "wr", 1, 0, false, gpu_tile_threads, gpu_derive_equal_rows},
                {"scatter_add", "wwww", 1, 0, false, gpu_tile_scatter, gpu_derive_scatter}}},
    {ARITY(SEGMENT_MEAN), .passes = {{"segment_mean", "wwr", 2, 2, false, tile_segment_mean}}},
    {ARITY(SEGMENT_MEAN_BACKWARD),
     .passes = {{"segment_mean_backward", "wwr", 2, 2, false, gpu_tile_spread, gpu_derive_mean_backward}}},
    {ARITY(CROSS_ENTROPY), PARAMS(cross_entropy), .scratch_width = term_and_weight,
     .passes = {{"cross_entropy", "rr--r-r", 0, 0, false, tile_cross_entropy},
                {"loss_mean", "wwww", 0, 1, true, tile_mean_of_rows, gpu_derive_loss_mean}}},
    {ARITY(CROSS_ENTROPY_BACKWARD), PARAMS(cross_entropy_backward),
     .passes = {{"cross_entropy_backward", "rrrwr", 0, 0, false, gpu_tile_loss_backward}}},
    {ARITY(BINARY_CROSS_ENTROPY), .scratch_width = term_and_weight,
     .passes = {{"binary_cross_entropy", "rrr---r", 0, 0, false, tile_binary},
                {"loss_mean", "wwww", 0, 1, true, tile_mean_of_elements, gpu_derive_loss_mean}}},
    {ARITY(BINARY_CROSS_ENTROPY_BACKWARD), PARAMS(binary_cross_entropy_backward),
     .passes = {{"binary_cross_entropy_backward", "rrrwr", 0, 0, false, gpu_tile_loss_backward}}},
    {ARITY(MEAN_SQUARED_ERROR), .scratch_width = term_and_weight,
     .passes = {{"mean_squared_error", "rr---r", 0, 0, false, tile_squares},
                {"loss_mean", "wwww", 0, 1, true, tile_mean_of_elements, gpu_derive_loss_mean}}},
    {ARITY(MEAN_SQUARED_ERROR_BACKWARD), PARAMS(mean_squared_error_backward),
     .passes = {{"mean_squared_error_backward", "rrwr", 0, 0, false, gpu_tile_loss_backward}}},
    {ARITY(SPAN_CROSS_ENTROPY), .scratch_width = two_terms_and_weights,
     .passes = {{"span_cross_entropy", "wwrr--r-r", 2, 2, false, tile_span},
                {"loss_mean", "wwww", 0, 1, true, tile_mean_of_spans, gpu_derive_loss_mean}}},
    {ARITY(SPAN_CROSS_ENTROPY_BACKWARD), PARAMS(span_cross_entropy_backward),
     .passes = {{"span_cross_entropy_backward", "rwwwwwr", 0, 0, false, gpu_tile_threads, gpu_derive_span_backward}}},
    {ARITY(ACCUMULATE), PARAMS(accumulate), .trains = true,
     .passes = {{"accumulate", "rrr", 0, 0, false, tile_accumulate}}},
    {ARITY(GLOBAL_NORM), .trains = true, .scratch_bytes = gpu_norm_bytes,
     .passes = {{"square_sums", "rw", 0, 0, false, gpu_tile_squares, gpu_derive_squares},
                {"root_of_sums", "ww-", 0, 2, true, gpu_tile_root, gpu_derive_root}}},
    {ARITY(ADAMW), .trains = true, .states = 4, .passes = {{"adamw", "----wrwrrrr", 7, 7, false, gpu_tile_adamw}}},
};

static bool has_texts(const struct gpu_row *row)
{
    bool found = true;
    for (uint32_t i = 0; i < GPU_PASSES && row->passes[i].kernel; i++)
        found &= gpu_text_find(row->passes[i].kernel) != NULL;
    return found;
}

const struct gpu_row *gpu_row_find(const struct gpu_limits *limits, uint32_t op)
{
    for (uint32_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct gpu_row *row = &rows[i];
        if (row->op == op && (!row->cpu || (limits->cpu_variant && has_texts(row))))
            return row;
    }
    return NULL;
}
