/* SPDX-License-Identifier: Apache-2.0
 *
 * A window of rows: asked one by one, then sorted and packed.
 */
#include <stdlib.h>

#include "common/array.h"
#include "common/fail.h"
#include "tasks/engine.h"

void task_window_begin(struct task_window *window, pln_task *task, uint64_t first_row)
{
    for (uint32_t i = 0; i < window->n_rows; i++)
        json_decref(window->rows[i].json);
    arena_finish(&window->asked);
    arena_finish(&window->answered);
    window->task = task;
    window->first_row = first_row;
    window->n_rows = window->n_out = window->examples.n = 0;
    window->n_sequences = window->n_batches = 0;
    window->bytes = window->n_tokens = 0;
}

void task_window_finish(struct task_window *window)
{
    task_window_begin(window, NULL, 0);
    free(window->rows);
    free(window->examples.items);
    *window = (struct task_window){0};
}

/* ---- rows */

static bool copy_text(struct arena *memory, pln_text from, pln_text *to, uint64_t *bytes)
{
    *to = (pln_text){0};
    if (!from.text)
        return true;
    char *copy = arena_allocate(memory, from.bytes + 1);
    if (copy)
        memcpy(copy, from.text, from.bytes);
    *to = (pln_text){copy, from.bytes};
    *bytes += from.bytes;
    return copy != NULL;
}

static bool copy_field(struct arena *memory, const pln_field *from, pln_field *to, uint64_t *bytes)
{
    pln_text *items = arena_allocate(memory, ((size_t)from->n_items + 1) * sizeof *items);
    bool whole = items && copy_text(memory, from->text, &to->text, bytes);
    to->name = arena_copy(memory, from->name);
    for (uint32_t i = 0; whole && i < from->n_items; i++)
        whole = copy_text(memory, from->items[i], &items[i], bytes);
    to->items = items;
    to->n_items = from->n_items;
    return whole && to->name;
}

static const pln_record *copy_row(struct task_window *window, const pln_record *row)
{
    pln_record *copy = arena_allocate(&window->asked, sizeof *copy);
    pln_field *fields = arena_allocate(&window->asked, ((size_t)row->n_fields + 1) * sizeof *fields);
    bool whole = copy && fields;
    for (uint32_t i = 0; whole && i < row->n_fields; i++)
        whole = copy_field(&window->asked, &row->fields[i], &fields[i], &window->bytes);
    if (whole)
        *copy = (pln_record){fields, row->n_fields};
    return whole ? copy : NULL;
}

static pln_status ask(struct task_row *r, pln_error *error)
{
    pln_error problem;
    const pln_status status = r->kind->ask(r, &problem);
    if (status == PLN_NO_MEMORY) {
        if (error)
            *error = problem;
        return status;
    }
    if (status != PLN_OK) {
        r->under->n = r->first_example; /* what was added before the fault */
        r->n_examples = 0;
        task_refuse_row(r, &problem);
    }
    return PLN_OK;
}

pln_status task_window_add(struct task_window *window, const pln_record *row, const pln_error *problem, bool copy,
                           pln_error *error)
{
    static const pln_record nothing = {NULL, 0};
    struct task_row *rows = array_reserve(window->rows, &window->rows_room, (size_t)window->n_rows + 1, sizeof *rows);
    if (!rows)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u rows", window->n_rows);
    window->rows = rows;
    const pln_record *kept = row ? row : &nothing;
    if (row && copy)
        kept = copy_row(window, row);
    if (!kept)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a row");
    const pln_task *task = window->task;
    struct task_row *r = &rows[window->n_rows];
    *r = (struct task_row){.kind = task->kind,
                           .setup = &task->setup,
                           .settings = task->setup.settings,
                           .row = kept,
                           .labelled = window->labelled,
                           .bare = task->bare,
                           .memory = &window->asked,
                           .under = &window->examples,
                           .first_example = window->examples.n,
                           .answer = {.row = window->first_row + window->n_rows, .asked = kept}};
    window->n_rows++;
    if (row)
        return ask(r, error);
    task_refuse_row(r, problem);
    return PLN_OK;
}

/* ---- batches */

static bool is_padded(const struct task_sequence *s)
{
    return s->tokens.n < s->length;
}

/* Longest first, so that what a device prepares for the first batch serves the later ones; of equal ones in their
 * order: rows lie in one array, and so do the sequences of a row. */
static int compare_lengths(const void *a, const void *b)
{
    const struct task_sequence *x = *(const struct task_sequence *const *)a,
                               *y = *(const struct task_sequence *const *)b;
    if (x->length != y->length)
        return x->length > y->length ? -1 : 1;
    if (is_padded(x) != is_padded(y))
        return is_padded(x) ? -1 : 1;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return x < y ? -1 : x > y;
}

static pln_status sort(struct task_window *window, pln_error *error)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < window->n_rows; i++)
        most += window->rows[i].n_sequences;
    window->n_sequences = 0;
    window->order = most < UINT32_MAX ? arena_allocate(&window->asked, (most + 1) * sizeof *window->order) : NULL;
    if (!window->order)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %llu sequences", (unsigned long long)most);
    for (uint32_t i = 0; i < window->n_rows; i++) {
        struct task_row *row = &window->rows[i];
        for (uint32_t j = 0; row->answer.status == PLN_OK && j < row->n_sequences; j++)
            window->order[window->n_sequences++] = &row->sequences[j];
    }
    qsort(window->order, window->n_sequences, sizeof *window->order, compare_lengths);
    return PLN_OK;
}

/* Whether padding is computed, so that all sequences of a batch must be as long as the reference would have them, and all
 * must have padding or none: with it they run on another graph. */
static bool computes_padding(const pln_session *s)
{
    return s->options.every_position || s->options.attentions ||
           (s->head->sees_padding && s->head->sees_padding(&s->config, false));
}

/* Tokens of a forward that keep a device busy; more only costs memory. */
static uint32_t usual_tokens(const pln_session *session)
{
    static const uint32_t by_kind[] = {
        [PLN_DEVICE_KIND_CPU] = 2048, [PLN_DEVICE_KIND_INTEGRATED] = 4096, [PLN_DEVICE_KIND_DISCRETE] = 8192};
    const pln_device_entry *entry = pln_devices_entry(session->devices, 0);
    const uint32_t kind = entry ? entry->info.kind : 0;
    return kind < sizeof by_kind / sizeof *by_kind && by_kind[kind] ? by_kind[kind] : 2048;
}

/* So many that query, key and value of all fit what every GPU can bind at once: keys that come in parts would be summed
 * in parts, and where those begin hangs on the batch. */
static uint32_t most_tokens(const pln_session *session)
{
    enum { LEAST_RANGE = 1 << 27 };
    const uint32_t bytes = 3 * session->model->config.hidden_size * (uint32_t)sizeof(float);
    return LEAST_RANGE / bytes ? LEAST_RANGE / bytes : 1;
}

static pln_status pack(struct task_window *window, uint32_t budget, pln_error *error)
{
    const uint32_t most = most_tokens(window->task->session);
    const bool equal = computes_padding(window->task->session);
    window->batches = arena_allocate(&window->asked, ((size_t)window->n_sequences + 1) * sizeof *window->batches);
    window->n_batches = 0;
    budget = budget < most ? budget : most;
    if (!window->batches)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for batches of %u sequences", window->n_sequences);
    for (uint32_t i = 0; i < window->n_sequences;) {
        struct task_batch *batch = &window->batches[window->n_batches++];
        const struct task_sequence *first = window->order[i];
        uint64_t tokens = 0;
        *batch = (struct task_batch){i, i};
        for (; i < window->n_sequences; i++) {
            const struct task_sequence *s = window->order[i];
            const uint64_t padded = (uint64_t)first->length * (i - batch->begin + 1); /* what lies in host memory */
            const bool other = equal && (s->length != first->length || is_padded(s) != is_padded(first));
            if (s != first && (tokens + s->length > budget || padded > 2 * (uint64_t)budget || other))
                break;
            tokens += s->length;
            window->n_tokens += window->order[i]->tokens.n;
            batch->end = i + 1;
        }
    }
    return PLN_OK;
}

pln_status task_window_plan(struct task_window *window, pln_encoder *encoder, uint32_t batch_tokens, pln_error *error)
{
    pln_status status = task_window_encode(window, encoder, error);
    if (status == PLN_OK)
        status = sort(window, error);
    return status == PLN_OK ? pack(window, batch_tokens ? batch_tokens : usual_tokens(window->task->session), error)
                            : status;
}
