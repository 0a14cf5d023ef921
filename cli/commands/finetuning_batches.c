/* SPDX-License-Identifier: Apache-2.0
 *
 * Which rows make a step: so many rows, or rows of so many tokens, in the order of an epoch; and what their labels count
 * for.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands/finetuning.h"

/* ---- batches */

static uint32_t round_up(double x)
{
    const double up = ceil(x - 1e-9);
    if (up < 1)
        return 1;
    return up < UINT32_MAX ? (uint32_t)up : UINT32_MAX;
}

pln_status finetuning_next(struct finetuning *f, uint32_t *rows, pln_error *error)
{
    const uint32_t left = pln_lessons_count(f->lessons) - f->first;
    if (f->o->batch_tokens)
        return pln_lessons_fit(f->lessons, f->epoch, f->first, f->o->batch_tokens, rows, error);
    *rows = left < f->batch ? left : f->batch;
    return PLN_OK;
}

void finetuning_pass(struct finetuning *f, uint32_t rows)
{
    f->first += rows;
    if (f->first >= pln_lessons_count(f->lessons)) {
        f->first = 0;
        f->epoch++;
    }
}

double finetuning_epoch(const struct finetuning *f, uint32_t step)
{
    return f->per_epoch ? (double)step / f->per_epoch : f->epoch + (double)f->first / pln_lessons_count(f->lessons);
}

pln_status finetuning_skip(struct finetuning *f, uint32_t steps, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0, rows; status == PLN_OK && i < steps; i++) {
        status = finetuning_next(f, &rows, error);
        if (status == PLN_OK)
            finetuning_pass(f, rows);
    }
    return status;
}

/* The batches of one epoch. */
static pln_status count_batches(struct finetuning *f, uint32_t epoch, uint32_t *n, pln_error *error)
{
    uint32_t rows;
    pln_status status = PLN_OK;
    f->epoch = epoch;
    f->first = 0;
    for (*n = 0; status == PLN_OK && f->epoch == epoch; ++*n) {
        status = finetuning_next(f, &rows, error);
        if (status == PLN_OK)
            finetuning_pass(f, rows);
    }
    f->epoch = f->first = 0;
    return status;
}

/* Each epoch has an order of its own, and so other batches of so many tokens. */
static pln_status count_steps(struct finetuning *f, double epochs, pln_error *error)
{
    double steps = 0;
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < epochs && steps < UINT32_MAX; i++) {
        uint32_t n;
        status = count_batches(f, i, &n, error);
        steps += n * fmin(1, epochs - i);
    }
    f->steps = round_up(steps);
    return status;
}

pln_status finetuning_plan(struct finetuning *f, uint32_t usual, double epochs, pln_error *error)
{
    const uint32_t lessons = pln_lessons_count(f->lessons), given = f->o->learning.steps;
    f->epoch = f->first = 0;
    if (f->o->batch_tokens) {
        f->batch = f->per_epoch = 0;
        f->steps = given;
        return given ? PLN_OK : count_steps(f, epochs, error);
    }
    f->batch = usual;
    f->per_epoch = lessons / f->batch + (lessons % f->batch > 0);
    f->steps = given ? given : round_up(f->per_epoch * epochs);
    return PLN_OK;
}

/* ---- weights of classes */

static pln_status fail(pln_error *error, pln_status status, const char *sentence)
{
    *error = (pln_error){.status = status, .node = -1};
    snprintf(error->message, sizeof error->message, "%s", sentence);
    return status;
}

static pln_status count_labels(const pln_tensor *labels, double *counts, uint32_t n, pln_error *error)
{
    const int32_t *values = labels->data;
    if (labels->dtype != PLN_I32)
        return fail(error, PLN_INVALID, "--class-weights balanced: these rows do not have one label each");
    for (uint64_t i = 0; i < pln_tensor_elements(labels); i++)
        if (values[i] >= 0 && values[i] < (int32_t)n)
            counts[values[i]]++;
    return PLN_OK;
}

static pln_status count_all(struct finetuning *f, double *counts, uint32_t n, pln_error *error)
{
    enum { TOGETHER = 64 };
    const uint32_t lessons = pln_lessons_count(f->lessons);
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < lessons; i += TOGETHER) {
        const pln_tensor *tensors;
        uint32_t n_tensors;
        status = pln_lessons_batch(f->lessons, 0, i, lessons - i < TOGETHER ? lessons - i : TOGETHER, &tensors,
                                   &n_tensors, error);
        for (uint32_t j = 0; status == PLN_OK && j < n_tensors; j++)
            if (strcmp(tensors[j].name, "labels") == 0)
                status = count_labels(&tensors[j], counts, n, error);
    }
    return status;
}

float *finetuning_balance(struct finetuning *f, uint32_t *n, pln_error *error)
{
    *n = (uint32_t)pln_model_number(f->m.model, "num_labels");
    if (!f->named) {
        fail(error, PLN_INVALID, "--class-weights balanced is for labels that name classes, the same for all rows");
        return NULL;
    }
    double *counts = calloc(*n + 1ul, sizeof *counts), all = 0, occur = 0;
    float *weights = calloc(*n + 1ul, sizeof *weights);
    pln_status status = counts && weights ? count_all(f, counts, *n, error)
                                          : fail(error, PLN_NO_MEMORY, "no memory for the weights of the labels");
    for (uint32_t i = 0; status == PLN_OK && i < *n; i++) {
        all += counts[i];
        occur += counts[i] > 0;
    }
    for (uint32_t i = 0; status == PLN_OK && i < *n; i++)
        weights[i] = counts[i] > 0 ? (float)(all / (occur * counts[i])) : 0;
    free(counts);
    if (status != PLN_OK) {
        free(weights);
        return NULL;
    }
    return weights;
}
