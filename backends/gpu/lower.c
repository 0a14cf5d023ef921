/* SPDX-License-Identifier: Apache-2.0
 *
 * From a node to launches: where its operands lie, which windows of rows the device can bind, what the record says.
 */
#include <string.h>

#include "backends/gpu/table.h"
#include "common/round.h"

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
        layout = gpu_constant_layout(
            limits, &(pln_constant_info){
                        .rows = slot->rows,
                        .width = slot->width,
                        .n_uses = 1,
                        .use_stride = sizeof(pln_constant_use),
                        .uses = &(pln_constant_use){.size = sizeof(pln_constant_use), .op = op, .input = input}});
    slot->offset = 0;
    slot->element = layout.half ? sizeof(uint16_t) : sizeof(float);
    slot->panel = layout.panel;
    slot->stride = layout.panel ? layout.width : layout.stride;
}

static struct gpu_slot slot_of(const struct gpu_limits *limits, const pln_segment *segment, const pln_node_info *node,
                               uint32_t index, bool output)
{
    const int32_t *values = output ? node->outputs : node->inputs;
    const uint32_t n = output ? node->n_outputs : node->n_inputs;
    const int32_t at = index < n ? values[index] : PLN_ABSENT;
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
                      const pln_node_info *node, const struct gpu_op *op)
{
    *view = (struct gpu_view){.limits = limits, .node = node, .steady = segment->flags & PLN_SEGMENT_STEADY};
    if (node->params)
        memcpy(view->params, node->params, node->params_size < op->params_size ? node->params_size : op->params_size);
    for (uint32_t i = 0; i < op->n_inputs; i++)
        view->slots[view->n_slots++] = slot_of(limits, segment, node, i, false);
    for (uint32_t i = 0; i < op->n_outputs; i++)
        view->slots[view->n_slots++] = slot_of(limits, segment, node, i, true);
}

/* ---- windows */

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

/* NULL, or the operand of which nothing can be bound. */
static const struct gpu_slot *find_windows(const struct gpu_view *view, const struct gpu_kernel *kernel,
                                           struct windows *windows)
{
    for (uint32_t i = 0; i < GPU_SLOTS && kernel->slots[i].access != GPU_UNBOUND; i++) {
        const struct gpu_slot *slot = &view->slots[kernel->slots[i].operand];
        const uint8_t access = kernel->slots[i].access;
        if (!gpu_slot_here(slot))
            continue;
        uint32_t n = gpu_slot_window(view->limits, slot);
        if (access == GPU_TABLE && n < slot->rows)
            n -= n % 4; /* groups of four columns of y stay whole */
        if ((n == 0 && slot->rows > 0) || (n < slot->rows && access == GPU_ALL))
            return slot;
        if (access == GPU_ROWS && n < windows->rows)
            windows->rows = n;
        if (access == GPU_TABLE && n < windows->table)
            windows->table = n;
    }
    return NULL;
}

/* The first operand that is a table, NULL if there is none. */
static const struct gpu_slot *find_table(const struct gpu_view *view, const struct gpu_kernel *kernel)
{
    for (uint32_t i = 0; i < GPU_SLOTS; i++)
        if (kernel->slots[i].access == GPU_TABLE)
            return &view->slots[kernel->slots[i].operand];
    return NULL;
}

/* ---- records */

static void fill_slot(const struct gpu_view *view, const struct gpu_slot *slot, uint32_t first, uint32_t n,
                      bool written, struct gpu_launch *launch)
{
    const uint32_t at = launch->n_bindings++;
    uint32_t *record = &launch->record[GPU_SLOT_WORDS * at];
    launch->bindings[at] = gpu_slot_bind(view->limits, slot, first, n);
    launch->bindings[at].written = written;
    record[GPU_RECORD_FIRST] = record[GPU_RECORD_STRIDE] = record[GPU_RECORD_WIDTH] = 0;
    if (!gpu_slot_here(slot))
        return;
    const uint64_t skipped = launch->bindings[at].offset / slot->element;
    record[GPU_RECORD_FIRST] = (uint32_t)(gpu_slot_element(slot) - skipped); /* wraps: row `first` comes out right */
    record[GPU_RECORD_STRIDE] = slot->stride;
    record[GPU_RECORD_WIDTH] = slot->width;
}

/* One launch: its window of rows stands in it, that of the table here. */
struct table_window {
    uint32_t first, rows, panel;
};

static void fill_bindings(const struct gpu_view *view, const struct gpu_kernel *kernel, bool again,
                          const struct table_window *table, struct gpu_launch *launch)
{
    launch->n_bindings = 0;
    for (uint32_t i = 0; i < GPU_SLOTS; i++) {
        const uint32_t operand = kernel->slots[i].operand;
        const struct gpu_slot *slot = &view->slots[operand];
        const bool written = slot->output && !(again && operand == view->n_slots); /* the scratch of the first pass */
        const uint32_t left = slot->rows - launch->first_row;
        switch ((enum gpu_access)kernel->slots[i].access) {
        case GPU_UNBOUND:
            break;
        case GPU_ROWS:
            fill_slot(view, slot, launch->first_row, left < launch->window_rows ? left : launch->window_rows, written,
                      launch);
            break;
        case GPU_TABLE:
            fill_slot(view, slot, table->first, table->rows, written, launch);
            break;
        case GPU_ALL:
            fill_slot(view, slot, 0, slot->rows, written, launch);
            break;
        }
    }
    launch->n_words = GPU_RECORD_SLOTS + GPU_SLOT_WORDS * launch->n_bindings;
}

static void fill_record(const struct gpu_view *view, const struct gpu_kernel *kernel, const struct table_window *table,
                        struct gpu_launch *launch)
{
    const pln_dim count = view->slots[kernel->count].dim;
    memcpy(launch->record, view->params, sizeof view->params);
    launch->record[GPU_RECORD_SYMBOL] = count.symbol;
    launch->record[GPU_RECORD_SCALE] = count.scale;
    launch->record[GPU_RECORD_OFFSET] = count.offset;
    launch->record[GPU_RECORD_ROW_FIRST] = launch->first_row;
    launch->record[GPU_RECORD_ROW_END] = kernel->single ? UINT32_MAX : launch->first_row + launch->window_rows;
    launch->record[GPU_RECORD_TABLE_FIRST] = table->first;
    launch->record[GPU_RECORD_TABLE_END] = table->first + table->rows;
    launch->record[GPU_RECORD_TABLE_PANEL] = table->panel;
}

/* ---- a node */

struct lowering {
    const struct gpu_op *op;
    const struct gpu_row *row;
    uint64_t scratch_bytes;
    gpu_emit_fn *emit;
    void *context;
    int32_t node;
};

static pln_status emit_windows(const struct gpu_view *view, const struct gpu_pass *pass,
                               const struct lowering *lowering, struct gpu_launch *launch, struct windows windows,
                               pln_failure *error)
{
    const struct gpu_kernel *kernel = pass->kernel;
    const struct gpu_slot *table = find_table(view, kernel);
    const bool again = pass != lowering->row->passes, whole = !table || !gpu_slot_here(table);
    const uint32_t rows = kernel->single ? 1 : view->slots[kernel->rows].rows;
    const uint32_t table_rows = whole ? 1 : table->rows;
    const uint64_t all = (uint64_t)rows * table_rows;
    const uint32_t each = launch->columns ? launch->columns : 1, per_group = launch->table_per_group;
    for (launch->first_row = 0; launch->first_row < rows; launch->first_row += launch->window_rows) {
        const uint32_t left = rows - launch->first_row;
        launch->window_rows = left < windows.rows ? left : windows.rows;
        for (uint32_t first = 0; first < table_rows; first += windows.table) {
            const uint32_t n = table_rows - first < windows.table ? table_rows - first : windows.table;
            const uint64_t part = (uint64_t)launch->window_rows * n;
            const struct table_window window = {first, whole ? 0 : n, table ? table->panel : 0};
            if (per_group)
                launch->columns = ceil_div32(n, per_group) * each;
            launch->flops = (uint64_t)((double)view->node->flops * (double)part / (double)all);
            launch->bytes = (uint64_t)((double)view->node->bytes * (double)part / (double)all);
            fill_bindings(view, kernel, again, &window, launch);
            fill_record(view, kernel, &window, launch);
            const pln_status status = lowering->emit(lowering->context, launch, error);
            if (status != PLN_OK)
                return status;
        }
    }
    return PLN_OK;
}

static pln_status lower_pass(const struct gpu_view *view, const struct gpu_pass *pass, const struct lowering *lowering,
                             pln_failure *error)
{
    const struct gpu_kernel *kernel = pass->kernel;
    struct gpu_launch launch = {.kernel = kernel->name, .scratch_bytes = lowering->scratch_bytes};
    const struct gpu_slot *rows = &view->slots[kernel->rows];
    const char *reason = kernel->tile(view, &launch);
    if (reason)
        return pln_failed(error, PLN_UNSUPPORTED, lowering->node, "%s: %s", launch.kernel, reason);
    if (!gpu_text_find(launch.kernel))
        return pln_failed(error, PLN_UNSUPPORTED, lowering->node, "the kernel %s was not built", launch.kernel);
    struct windows windows = {rows->rows, UINT32_MAX};
    const struct gpu_slot *large = find_windows(view, kernel, &windows);
    if (large)
        return pln_failed(error, PLN_UNSUPPORTED, lowering->node, "%s is larger than a binding may be (%llu bytes)",
                          large->name, (unsigned long long)view->limits->max_range);
    launch.rows = kernel->single ? (pln_dim){0, 0, 1} : rows->dim;
    windows.rows = kernel->single ? 1 : cut_rows(view, &launch, rows->rows, windows.rows);
    return emit_windows(view, pass, lowering, &launch, windows, error);
}

static pln_status check_node(const struct gpu_op *op, const pln_segment *segment, int32_t index, pln_failure *error)
{
    const pln_node_info *node = pln_segment_node(segment, (uint32_t)index);
    if (!op)
        return pln_failed(error, PLN_UNSUPPORTED, index, "no kernel for op %u", node->op);
    if (!pln_node_fits(segment, node, op->version, op->params_size, op->n_inputs, op->n_outputs))
        return pln_failed(error, PLN_UNSUPPORTED, index, "it uses more of the op than this build knows");
    return PLN_OK;
}

static bool is_bound(const struct gpu_kernel *kernel, uint32_t operand)
{
    bool bound = false;
    for (uint32_t i = 0; i < GPU_SLOTS && kernel->slots[i].access != GPU_UNBOUND; i++)
        bound |= kernel->slots[i].operand == operand;
    return bound;
}

static bool is_seen(const struct lowering *lowering, uint32_t i)
{
    const struct gpu_pass *passes = lowering->row->passes;
    bool seen = i < lowering->op->states;
    for (uint32_t j = 0; !seen && j < GPU_PASSES && passes[j].kernel; j++)
        seen = passes[j].derive || is_bound(passes[j].kernel, i);
    return seen;
}

/* NULL, or which operand of the node the kernels of the row do not know. */
static const char *unknown_operand(const struct gpu_view *view, const struct lowering *lowering)
{
    for (uint32_t i = 0; i < view->n_slots; i++) {
        const struct gpu_slot *slot = &view->slots[i];
        if (gpu_slot_here(slot) && !is_seen(lowering, i))
            return "dropout and what training needs of it are not there on this device";
        if (gpu_slot_here(slot) && slot->state && !lowering->row->trains)
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
    const struct gpu_slot *rows = &view->slots[row->passes[0].kernel->rows];
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

static pln_status lower_passes(const struct gpu_view *view, const struct lowering *lowering, pln_failure *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < GPU_PASSES && lowering->row->passes[i].kernel; i++) {
        const struct gpu_pass *pass = &lowering->row->passes[i];
        if (pass->skip && pass->skip(view))
            continue;
        struct gpu_view derived = *view;
        if (pass->derive)
            pass->derive(view, &derived);
        status = lower_pass(&derived, pass, lowering, error);
    }
    return status;
}

pln_status gpu_lower(const struct gpu_limits *limits, const pln_segment *segment, uint32_t node, gpu_emit_fn *emit,
                     void *context, pln_failure *error)
{
    const pln_node_info *info = pln_segment_node(segment, node);
    struct lowering lowering = {.op = gpu_op_find(info->op), .emit = emit, .context = context, .node = (int32_t)node};
    const pln_status known = check_node(lowering.op, segment, lowering.node, error);
    if (known != PLN_OK)
        return known;
    lowering.row = gpu_row_choose(limits, lowering.op);
    struct gpu_view view;
    view_init(&view, limits, segment, info, lowering.op);
    lowering.scratch_bytes = add_scratch(&view, lowering.row);
    const char *reason = unknown_operand(&view, &lowering);
    if (!reason && lowering.row->accepts)
        reason = lowering.row->accepts(&view);
    if (reason)
        return pln_failed(error, PLN_UNSUPPORTED, lowering.node, "%s", reason);
    return lower_passes(&view, &lowering, error);
}

/* ---- verdicts */

static pln_status note_kernel(void *context, const struct gpu_launch *launch, pln_failure *error)
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
    pln_failure error = {.size = sizeof error};
    pln_verdict v = {.size = sizeof v};
    v.supported = gpu_lower(limits, segment, node, note_kernel, &v, &error) == PLN_OK;
    v.estimated_ns = info->flops / FLOPS_PER_NS + info->bytes / BYTES_PER_NS;
    if (!v.supported)
        snprintf(v.reason, sizeof v.reason, "%.*s", (int)sizeof v.reason - 1, error.message);
    pln_give(verdict, &v);
}
