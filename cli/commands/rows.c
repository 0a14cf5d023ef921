/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a safetensors file, gives batches of its rows.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/commands/rows.h"
#include "cli/draw.h"

/* Of one row for the whole batch: positions that all rows share, and the mask of heads. */
static bool is_shared(const pln_tensor *t)
{
    return strcmp(t->name, "head_mask") == 0 ||
           ((strcmp(t->name, "position_ids") == 0 || strcmp(t->name, "token_type_ids") == 0 || t->rank == 4) &&
            t->shape[0] == 1);
}

static pln_status fail(pln_error *error, pln_status status, const char *path, const char *name, const char *what)
{
    *error = (pln_error){.status = status, .node = -1};
    snprintf(error->message, sizeof error->message, "%s: %s: %s", path, name, what);
    return status;
}

static pln_status add_tensor(struct cli_rows *r, uint32_t i, const char *path, pln_error *error)
{
    const pln_tensor *t = &r->all[i];
    r->tensors[i] = *t;
    if (is_shared(t))
        return PLN_OK;
    if (!t->rank || !t->shape[0])
        return fail(error, PLN_INVALID, path, t->name, "has no rows");
    if (r->rows && t->shape[0] != r->rows)
        return fail(error, PLN_INVALID, path, t->name, "has another number of rows than the tensors before it");
    r->rows = t->shape[0];
    const uint64_t bytes = pln_tensor_elements(t) / r->rows * pln_dtype_bytes(t->dtype);
    r->buffers[i] = bytes <= SIZE_MAX / r->batch ? malloc(bytes * r->batch + 1) : NULL;
    if (!r->buffers[i])
        return fail(error, PLN_NO_MEMORY, path, t->name, "no memory for a batch of it");
    r->tensors[i].shape[0] = r->batch;
    r->tensors[i].data = r->buffers[i];
    return PLN_OK;
}

pln_status cli_rows_open(struct cli_rows *rows, const char *path, uint32_t batch, pln_error *error)
{
    *rows = (struct cli_rows){.batch = batch};
    pln_status status = pln_tensor_file_open(path, &rows->file, error);
    if (status != PLN_OK)
        return status;
    rows->all = pln_tensor_file_tensors(rows->file, &rows->n);
    if (rows->n > CLI_ROW_TENSORS || !rows->n) {
        const uint32_t n = rows->n;
        rows->n = 0;
        return fail(error, PLN_INVALID, path, n ? rows->all[0].name : "file", "expected 1 to 16 tensors");
    }
    for (uint32_t i = 0; status == PLN_OK && i < rows->n; i++)
        status = add_tensor(rows, i, path, error);
    if (status == PLN_OK && !rows->rows)
        status = fail(error, PLN_INVALID, path, "file", "no tensor has rows");
    return status;
}

void cli_rows_close(struct cli_rows *rows)
{
    for (uint32_t i = 0; i < rows->n; i++)
        free(rows->buffers[i]);
    free(rows->order);
    pln_tensor_file_close(&rows->file);
}

/* ---- order */

static void make_order(struct cli_rows *r, uint64_t epoch)
{
    uint64_t state = r->seed;
    state = cli_draw(&state) ^ epoch;
    for (uint64_t i = 0; i < r->rows; i++) {
        const uint64_t j = cli_draw(&state) % (i + 1);
        r->order[i] = r->order[j];
        r->order[j] = i;
    }
    r->epoch = epoch;
}

pln_status cli_rows_shuffle(struct cli_rows *rows, uint64_t seed, pln_error *error)
{
    rows->order = rows->rows <= SIZE_MAX / sizeof *rows->order ? calloc(rows->rows, sizeof *rows->order) : NULL;
    rows->seed = seed;
    if (!rows->order) {
        *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1};
        snprintf(error->message, sizeof error->message, "no memory for the order of the rows");
        return PLN_NO_MEMORY;
    }
    make_order(rows, 0);
    return PLN_OK;
}

uint64_t cli_rows_period(const struct cli_rows *rows)
{
    uint64_t a = rows->rows, b = rows->batch;
    while (b) {
        const uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return rows->order ? 0 : rows->rows / a;
}

static int64_t whole(const pln_tensor *t, uint64_t i)
{
    return t->dtype == PLN_I64 ? ((const int64_t *)t->data)[i] : ((const int32_t *)t->data)[i];
}

/* More runs than that are no classes, or no order. */
enum { MOST_RUNS = 512 };

bool cli_rows_sorted(const struct cli_rows *rows)
{
    const pln_tensor *t = NULL;
    int64_t met[MOST_RUNS]; /* 4 KB */
    uint32_t runs = 1;
    for (uint32_t i = 0; i < rows->n; i++)
        if (strcmp(rows->all[i].name, "labels") == 0)
            t = &rows->all[i];
    if (!t || t->rank != 1 || (t->dtype != PLN_I64 && t->dtype != PLN_I32) || rows->rows <= rows->batch)
        return false;
    met[0] = whole(t, 0);
    for (uint64_t i = 1; i < rows->rows; i++) {
        const int64_t label = whole(t, i);
        if (label == met[runs - 1])
            continue;
        for (uint32_t j = 0; j < runs; j++)
            if (met[j] == label)
                return false;
        if (runs == MOST_RUNS)
            return false;
        met[runs++] = label;
    }
    return runs > 1 && 2 * (uint64_t)runs <= rows->rows;
}

void cli_rows_take(struct cli_rows *rows, uint64_t index)
{
    for (uint32_t j = 0; j < rows->batch; j++) {
        const uint64_t at = index * rows->batch + j;
        if (rows->order && at / rows->rows != rows->epoch)
            make_order(rows, at / rows->rows);
        const uint64_t row = rows->order ? rows->order[at % rows->rows] : at % rows->rows;
        for (uint32_t i = 0; i < rows->n; i++) {
            if (!rows->buffers[i])
                continue;
            const pln_tensor *t = &rows->all[i];
            const size_t bytes = (size_t)(pln_tensor_elements(t) / rows->rows * pln_dtype_bytes(t->dtype));
            memcpy((char *)rows->buffers[i] + j * bytes, (const char *)t->data + row * bytes, bytes);
        }
    }
}
