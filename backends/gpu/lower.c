/* SPDX-License-Identifier: Apache-2.0
 *
 * From a node to launches: where its operands lie, which windows of rows the device can bind, what the record says.
 */
#include <string.h>

#include "backends/gpu/table.h"
#include "common/fail.h"

/* Assumed of every device, for estimates only. */
enum { FLOPS_PER_NS = 1000, BYTES_PER_NS = 100 };

uint32_t gpu_launch_groups(const struct gpu_launch *launch, const uint32_t *dims)
{
    const uint32_t rows = pln_dim_rows(launch->rows, dims);
    if (rows <= launch->first_row)
        return 0;
    const uint32_t left = rows - launch->first_row, n = left < launch->window_rows ? left : launch->window_rows;
    return (n + launch->rows_per_group - 1) / launch->rows_per_group * launch->columns;
}

/* ---- operands */

static void slot_of_constant(const struct gpu_limits *limits, uint32_t op, uint32_t input, const pln_value_info *value,
                             struct gpu_slot *slot)
{
    struct gpu_constant_layout layout;
    if (value->constant)
        memcpy(&layout, value->constant, sizeof layout);
    else
        layout =
            gpu_constant_layout(limits, &(pln_constant_info){.rows = slot->rows,
                                                             .width = slot->width,
                                                             .n_uses = 1,
                                                             .uses = &(pln_constant_use){.op = op, .input = input}});
    slot->offset = 0;
    slot->element = layout.half ? sizeof(uint16_t) : sizeof(float);
    slot->panel = layout.panel;
    slot->stride = layout.panel ? layout.width : layout.stride;
}

static struct gpu_slot slot_of(const struct gpu_limits *limits, const pln_segment *segment, const pln_node_info *node,
                               uint32_t index, bool output)
{
    const uint32_t n = output ? node->n_outputs : node->n_inputs;
    const int32_t at = index < n ? (output ? node->outputs : node->inputs)[index] : PLN_ABSENT;
    const pln_value_info *value = pln_segment_value(segment, at);
    if (!value)
        return (struct gpu_slot){.value = GPU_BIND_NONE, .output = output};
    struct gpu_slot slot = {.value = at,
                            .output = output,
                            .state = value->kind == PLN_VALUE_STATE,
                            .offset = value->offset,
                            .dim = value->rows,
                            .rows = pln_dim_rows(value->rows, segment->capacity),
                            .width = value->width,
                            .stride = value->row_stride,
                            .element = sizeof(float),
                            .name = value->name};
    if (value->kind == PLN_VALUE_CONSTANT)
        slot_of_constant(limits, node->op, index, value, &slot);
    return slot;
}

static void view_init(struct gpu_view *view, const struct gpu_limits *limits, const pln_segment *segment,
                      const pln_node_info *node, const struct gpu_row *row)
{
    *view = (struct gpu_view){.limits = limits, .node = node};
    if (node->params)
        memcpy(view->params, node->params, node->params_size < row->params_size ? node->params_size : row->params_size);
    for (uint32_t i = 0; i < row->n_inputs; i++)
        view->slots[view->n_slots++] = slot_of(limits, segment, node, i, false);
    for (uint32_t i = 0; i < row->n_outputs; i++)
        view->slots[view->n_slots++] = slot_of(limits, segment, node, i, true);
}

/* ---- windows */

static uint64_t alignment_of(const struct gpu_limits *limits)
{
    return limits->offset_alignment > GPU_ALIGNMENT ? limits->offset_alignment : GPU_ALIGNMENT;
}

/* First element of row r in its memory. */
static uint64_t element(const struct gpu_slot *slot, uint64_t r)
{
    return slot->offset / slot->element + r * slot->stride;
}

/* What a binding of rows [first, first + n) spans, from an aligned start to its end. */
static struct gpu_binding bind_rows(const struct gpu_limits *limits, const struct gpu_slot *slot, uint32_t first,
                                    uint32_t n)
{
    if (!gpu_slot_here(slot))
        return (struct gpu_binding){.value = GPU_BIND_NONE};
    const uint64_t begin = element(slot, first) * slot->element;
    const uint64_t offset = begin - begin % alignment_of(limits);
    const uint32_t last = slot->element < sizeof(float) ? slot->stride : slot->width; /* whole words */
    const uint64_t panel = slot->panel ? slot->panel : 1, whole = (n + panel - 1) / panel * panel;
    const uint64_t elements = slot->panel ? whole * slot->stride : n ? (n - 1) * (uint64_t)slot->stride + last : 0;
    return (struct gpu_binding){slot->value, offset, begin - offset + elements * slot->element, slot->output,
                                slot->element};
}

bool gpu_slot_fits(const struct gpu_view *view, const struct gpu_slot *slot)
{
    return bind_rows(view->limits, slot, 0, slot->rows).bytes <= view->limits->max_range;
}

/* The most rows of which any window can be bound; panels stay whole. */
static uint32_t window_of(const struct gpu_view *view, const struct gpu_slot *slot)
{
    const struct gpu_limits *limits = view->limits;
    if (gpu_slot_fits(view, slot))
        return slot->rows;
    const uint64_t fixed = alignment_of(limits) + (uint64_t)slot->width * slot->element;
    if (limits->max_range < fixed || !slot->stride)
        return 0;
    const uint64_t n = (limits->max_range - fixed) / (slot->stride * slot->element) + 1;
    const uint32_t rows = n < slot->rows ? (uint32_t)n : slot->rows;
    return slot->panel ? rows / slot->panel * slot->panel : rows;
}

struct windows {
    uint32_t rows, table; /* of one launch */
};

/* The launch's rows may be cut anywhere; whole groups waste less. */
static uint32_t cut_rows(const struct gpu_view *view, const struct gpu_launch *launch, uint32_t rows, uint32_t window)
{
    const uint64_t most = view->limits->max_flops, all = view->node->flops;
    if (most && all > most) {
        const uint64_t n = (uint64_t)rows * most / all;
        window = n < window ? (uint32_t)n : window;
        window = window ? window : 1;
    }
    if (window < rows && window > launch->rows_per_group)
        window -= window % launch->rows_per_group;
    return window;
}

static const struct gpu_slot *find_window(const struct gpu_view *view, const struct gpu_pass *pass,
                                          struct windows *windows)
{
    for (uint32_t i = 0; pass->access[i]; i++) {
        const struct gpu_slot *slot = &view->slots[i];
        if (pass->access[i] == '-' || !gpu_slot_here(slot))
            continue;
        uint32_t n = window_of(view, slot);
        if (pass->access[i] == 't' && n < slot->rows)
            n -= n % 4; /* groups of four columns of y stay whole */
        if ((n == 0 && slot->rows > 0) || (n < slot->rows && pass->access[i] == 'w'))
            return slot;
        if (pass->access[i] == 'r' && n < windows->rows)
            windows->rows = n;
        if (pass->access[i] == 't' && n < windows->table)
            windows->table = n;
    }
    return NULL;
}

/* ---- records */

static void fill_slot(const struct gpu_view *view, const struct gpu_slot *slot, uint32_t first, uint32_t n,
                      bool written, struct gpu_launch *launch)
{
    const uint32_t at = launch->n_bindings++;
    uint32_t *record = &launch->record[GPU_SLOT_WORDS * at];
    launch->bindings[at] = bind_rows(view->limits, slot, first, n);
    launch->bindings[at].written = written;
    record[GPU_RECORD_FIRST] = record[GPU_RECORD_STRIDE] = record[GPU_RECORD_WIDTH] = 0;
    if (!gpu_slot_here(slot))
        return;
    const uint64_t skipped = launch->bindings[at].offset / slot->element;
    record[GPU_RECORD_FIRST] = (uint32_t)(element(slot, 0) - skipped); /* wraps: row `first` comes out right */
    record[GPU_RECORD_STRIDE] = slot->stride;
    record[GPU_RECORD_WIDTH] = slot->width;
}

static void fill_bindings(const struct gpu_view *view, const struct gpu_pass *pass, bool again, uint32_t table_first,
                          uint32_t table_rows, struct gpu_launch *launch)
{
    launch->n_bindings = 0;
    for (uint32_t i = 0; pass->access[i]; i++) {
        const struct gpu_slot *slot = &view->slots[i];
        const bool written = slot->output && !(again && i == view->n_slots); /* the scratch of the first pass */
        if (pass->access[i] == 'r') {
            const uint32_t left = slot->rows - launch->first_row;
            fill_slot(view, slot, launch->first_row, left < launch->window_rows ? left : launch->window_rows, written,
                      launch);
        } else if (pass->access[i] == 't') {
            fill_slot(view, slot, table_first, table_rows, written, launch);
        } else if (pass->access[i] == 'w') {
            fill_slot(view, slot, 0, slot->rows, written, launch);
        }
    }
    launch->n_words = GPU_RECORD_SLOTS + GPU_SLOT_WORDS * launch->n_bindings;
}

static void fill_record(const struct gpu_view *view, const struct gpu_pass *pass, uint32_t table_first,
                        uint32_t table_rows, struct gpu_launch *launch)
{
    const struct gpu_slot *count = &view->slots[pass->count];
    const char *t = strchr(pass->access, 't');
    const uint32_t panel = t ? view->slots[t - pass->access].panel : 0;
    memcpy(launch->record, view->params, sizeof view->params);
    launch->record[GPU_RECORD_SYMBOL] = count->dim.symbol;
    launch->record[GPU_RECORD_SCALE] = count->dim.scale;
    launch->record[GPU_RECORD_OFFSET] = count->dim.offset;
    launch->record[GPU_RECORD_ROW_FIRST] = launch->first_row;
    launch->record[GPU_RECORD_ROW_END] = pass->single ? UINT32_MAX : launch->first_row + launch->window_rows;
    launch->record[GPU_RECORD_TABLE_FIRST] = table_first;
    launch->record[GPU_RECORD_TABLE_END] = table_first + table_rows;
    launch->record[GPU_RECORD_TABLE_PANEL] = panel;
}

/* ---- a node */

struct emitter {
    const struct gpu_row *row;
    gpu_emit_fn *emit;
    void *context;
    int32_t node;
};

static pln_status emit_windows(const struct gpu_view *view, const struct gpu_pass *pass, const struct emitter *emitter,
                               struct gpu_launch *launch, struct windows windows, uint32_t table_per_group,
                               pln_error *error)
{
    const bool again = pass != emitter->row->passes;
    const char *t = strchr(pass->access, 't');
    const uint32_t rows = pass->single ? 1 : view->slots[pass->rows].rows;
    const bool table = t && gpu_slot_here(&view->slots[t - pass->access]);
    const uint32_t table_rows = table ? view->slots[t - pass->access].rows : 1;
    const uint64_t all = (uint64_t)rows * table_rows;
    const uint32_t each = launch->columns ? launch->columns : 1;
    for (launch->first_row = 0; launch->first_row < rows; launch->first_row += launch->window_rows) {
        const uint32_t left = rows - launch->first_row;
        launch->window_rows = left < windows.rows ? left : windows.rows;
        for (uint32_t first = 0; first < table_rows; first += windows.table) {
            const uint32_t n = table_rows - first < windows.table ? table_rows - first : windows.table;
            const uint64_t part = (uint64_t)launch->window_rows * n;
            if (table_per_group)
                launch->columns = (n + table_per_group - 1) / table_per_group * each;
            launch->flops = (uint64_t)((double)view->node->flops * (double)part / (double)all);
            launch->bytes = (uint64_t)((double)view->node->bytes * (double)part / (double)all);
            fill_bindings(view, pass, again, first, n, launch);
            fill_record(view, pass, first, table ? n : 0, launch);
            const pln_status status = emitter->emit(emitter->context, launch, error);
            if (status != PLN_OK)
                return status;
        }
    }
    return PLN_OK;
}

static pln_status lower_pass(const struct gpu_view *view, const struct gpu_pass *pass, const struct emitter *emitter,
                             uint64_t scratch_bytes, pln_error *error)
{
    struct gpu_launch launch = {.kernel = pass->kernel, .scratch_bytes = scratch_bytes};
    const struct gpu_slot *rows = &view->slots[pass->rows];
    uint32_t table_per_group = 0;
    const char *reason = pass->tile(view, &launch, &table_per_group);
    if (reason)
        return pln_fail_node(error, PLN_UNSUPPORTED, emitter->node, "%s: %s", launch.kernel, reason);
    if (!gpu_text_find(launch.kernel))
        return pln_fail_node(error, PLN_UNSUPPORTED, emitter->node, "the kernel %s was not built", launch.kernel);
    struct windows windows = {rows->rows, UINT32_MAX};
    const struct gpu_slot *large = find_window(view, pass, &windows);
    if (large)
        return pln_fail_node(error, PLN_UNSUPPORTED, emitter->node, "%s is larger than a binding may be (%llu bytes)",
                             large->name, (unsigned long long)view->limits->max_range);
    launch.rows = pass->single ? (pln_dim){0, 0, 1} : rows->dim;
    windows.rows = pass->single ? 1 : cut_rows(view, &launch, rows->rows, windows.rows);
    return emit_windows(view, pass, emitter, &launch, windows, table_per_group, error);
}

static pln_status check_node(const struct gpu_row *row, const pln_node_info *node, int32_t index, pln_error *error)
{
    if (!row)
        return pln_fail_node(error, PLN_UNSUPPORTED, index, "no kernel for op %u", node->op);
    if (!pln_node_fits(node, row->version, row->params_size, row->n_inputs, row->n_outputs))
        return pln_fail_node(error, PLN_UNSUPPORTED, index, "it uses more of the op than this build knows");
    return PLN_OK;
}

static bool is_seen(const struct gpu_row *row, uint32_t i)
{
    bool seen = i < row->states;
    for (uint32_t j = 0; !seen && j < GPU_PASSES && row->passes[j].kernel; j++)
        seen = row->passes[j].derive || row->passes[j].access[i] != '-';
    return seen;
}

/* NULL, or which operand of the node the kernels of the row do not know. */
static const char *unknown_operand(const struct gpu_view *view, const struct gpu_row *row)
{
    for (uint32_t i = 0; i < view->n_slots; i++) {
        const struct gpu_slot *slot = &view->slots[i];
        if (gpu_slot_here(slot) && !is_seen(row, i))
            return "dropout and what training needs of it are not there on this device";
        if (gpu_slot_here(slot) && slot->state && !row->trains)
            return "weights that are trained are not taken by this device";
    }
    return NULL;
}

/* The scratch is one more operand: a matrix with a row for each row of the first pass. */
static uint64_t add_scratch(struct gpu_view *view, const struct gpu_row *row)
{
    if (row->scratch_bytes)
        return row->scratch_bytes(view);
    const uint32_t width = row->scratch_width ? row->scratch_width(view) : 0;
    const struct gpu_slot *rows = &view->slots[row->passes[0].rows];
    view->slots[view->n_slots] = (struct gpu_slot){.value = width ? GPU_BIND_SCRATCH : GPU_BIND_NONE,
                                                   .output = true,
                                                   .rows = rows->rows,
                                                   .width = width,
                                                   .stride = width,
                                                   .element = sizeof(float),
                                                   .dim = rows->dim,
                                                   .name = "scratch"};
    return (uint64_t)rows->rows * width * sizeof(float);
}

pln_status gpu_lower(const struct gpu_limits *limits, const pln_segment *segment, uint32_t node, gpu_emit_fn *emit,
                     void *context, pln_error *error)
{
    const pln_node_info *info = pln_segment_node(segment, node);
    const struct emitter emitter = {gpu_row_find(limits, info->op), emit, context, (int32_t)node};
    const pln_status known = check_node(emitter.row, info, emitter.node, error);
    if (known != PLN_OK)
        return known;
    struct gpu_view view;
    view_init(&view, limits, segment, info, emitter.row);
    const uint64_t scratch_bytes = add_scratch(&view, emitter.row);
    const char *reason = unknown_operand(&view, emitter.row);
    if (!reason && emitter.row->accepts)
        reason = emitter.row->accepts(&view);
    if (reason)
        return pln_fail_node(error, PLN_UNSUPPORTED, emitter.node, "%s", reason);
    for (uint32_t i = 0; i < GPU_PASSES && emitter.row->passes[i].kernel; i++) {
        if (emitter.row->skip && emitter.row->skip(&view, i))
            continue;
        const struct gpu_pass *pass = &emitter.row->passes[i];
        struct gpu_view derived = view;
        if (pass->derive)
            pass->derive(&view, &derived);
        const pln_status status = lower_pass(&derived, pass, &emitter, scratch_bytes, error);
        if (status != PLN_OK)
            return status;
    }
    return PLN_OK;
}

/* ---- verdicts */

static pln_status note_kernel(void *context, const struct gpu_launch *launch, pln_error *error)
{
    (void)error;
    pln_verdict *verdict = context;
    if (!verdict->kernel[0])
        snprintf(verdict->kernel, sizeof verdict->kernel, "%s", launch->kernel);
    return PLN_OK;
}

void gpu_supports(const struct gpu_limits *limits, const pln_segment *segment, uint32_t node, pln_verdict *verdict)
{
    const pln_node_info *info = pln_segment_node(segment, node);
    pln_error error;
    *verdict = (pln_verdict){.size = verdict->size};
    verdict->supported = gpu_lower(limits, segment, node, note_kernel, verdict, &error) == PLN_OK;
    verdict->estimated_ns = info->flops / FLOPS_PER_NS + info->bytes / BYTES_PER_NS;
    if (!verdict->supported)
        snprintf(verdict->reason, sizeof verdict->reason, "%.*s", (int)sizeof verdict->reason - 1, error.message);
}
