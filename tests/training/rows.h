/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of training share: rows of a file as batches, and steps on them.
 */
#ifndef TESTS_TRAINING_ROWS_H
#define TESTS_TRAINING_ROWS_H

#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/pleione.h"
#include "tests/must.h"

enum { ROW_TENSORS = 8 };

struct rows {
    pln_tensor_file *file;
    const pln_tensor *all;
    uint32_t n, batch;
    pln_tensor tensors[ROW_TENSORS];
    char *data[ROW_TENSORS];
};

static inline size_t row_bytes(const pln_tensor *t)
{
    return (size_t)(pln_tensor_elements(t) / t->shape[0] * pln_dtype_bytes(t->dtype));
}

static inline void rows_open(struct rows *r, const char *path, uint32_t batch)
{
    pln_error error;
    *r = (struct rows){.batch = batch};
    must(pln_tensor_file_open(path, &r->file, &error), &error);
    r->all = pln_tensor_file_tensors(r->file, &r->n);
    assert_true(r->n >= 1 && r->n <= ROW_TENSORS);
    for (uint32_t i = 0; i < r->n; i++) {
        r->data[i] = malloc(row_bytes(&r->all[i]) * batch);
        r->tensors[i] = r->all[i];
        r->tensors[i].shape[0] = batch;
        r->tensors[i].data = r->data[i];
    }
}

static inline void rows_close(struct rows *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        free(r->data[i]);
    pln_tensor_file_close(&r->file);
}

/* Batch `index`: rows in order, wrapping round. */
static inline void rows_take(struct rows *r, uint32_t index)
{
    for (uint32_t i = 0; i < r->n; i++) {
        const size_t bytes = row_bytes(&r->all[i]);
        for (uint32_t j = 0; j < r->batch; j++)
            memcpy(r->data[i] + j * bytes,
                   (const char *)r->all[i].data + (index * r->batch + j) % r->all[i].shape[0] * bytes, bytes);
    }
}

static inline pln_trainer_report step(pln_trainer *trainer, struct rows *r)
{
    pln_error error;
    pln_trainer_report report = {.size = sizeof report};
    rows_take(r, pln_trainer_steps(trainer));
    must(pln_trainer_step(trainer, r->tensors, r->n, &report, &error), &error);
    return report;
}
#endif
