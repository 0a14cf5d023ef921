/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a safetensors file, gives batches of its rows.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/rows.h"

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
    pln_tensor_file_close(&rows->file);
}

void cli_rows_take(struct cli_rows *rows, uint64_t index)
{
    for (uint32_t i = 0; i < rows->n; i++) {
        if (!rows->buffers[i])
            continue;
        const pln_tensor *t = &rows->all[i];
        const size_t bytes = (size_t)(pln_tensor_elements(t) / rows->rows * pln_dtype_bytes(t->dtype));
        for (uint32_t j = 0; j < rows->batch; j++) {
            const uint64_t row = (index % rows->rows * rows->batch + j) % rows->rows;
            memcpy((char *)rows->buffers[i] + j * bytes, (const char *)t->data + row * bytes, bytes);
        }
    }
}
