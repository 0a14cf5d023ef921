/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a head and a shape, gives random ids with labels of the kind that the head's loss wants.
 */
#include <stdlib.h>

#include "cli/measuring/labelled.h"

enum { IGNORED = -100, LEAST_LENGTH = 3 };

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void label_tokens(struct cli_labelled *l, uint64_t classes, uint64_t seed, bool ignores)
{
    for (uint32_t i = 0; i < l->batch.batch; i++)
        for (uint32_t j = 0; j < l->batch.length; j++) {
            const bool counts = j < l->batch.lengths[i] && (!ignores || draw(&seed) % 3 == 0 || j == 1);
            l->labels[0][(size_t)i * l->batch.length + j] = counts    ? (int64_t)(draw(&seed) % classes)
                                                            : ignores ? IGNORED
                                                                      : 0;
        }
    l->tensors[l->n++] = (pln_tensor){.name = "labels",
                                      .dtype = PLN_I64,
                                      .rank = 2,
                                      .shape = {l->batch.batch, l->batch.length},
                                      .data = l->labels[0]};
}

static void label_rows(struct cli_labelled *l, uint32_t rows, uint64_t classes, uint64_t seed)
{
    for (uint32_t i = 0; i < rows; i++)
        l->labels[0][i] = (int64_t)(draw(&seed) % classes);
    l->tensors[l->n++] =
        (pln_tensor){.name = "labels", .dtype = PLN_I64, .rank = 1, .shape = {rows}, .data = l->labels[0]};
}

static void label_answers(struct cli_labelled *l, uint64_t seed)
{
    static const char *const names[] = {"start_positions", "end_positions"};
    for (uint32_t side = 0; side < 2; side++) {
        for (uint32_t i = 0; i < l->batch.batch; i++)
            l->labels[side][i] = (int64_t)(draw(&seed) % l->batch.lengths[i]);
        l->tensors[l->n++] = (pln_tensor){
            .name = names[side], .dtype = PLN_I64, .rank = 1, .shape = {l->batch.batch}, .data = l->labels[side]};
    }
}

/* [examples, 2, length]: each pair of rows is an example. */
static void make_choices(struct cli_labelled *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        pln_tensor *t = &l->tensors[i];
        t->rank = 3;
        t->shape[0] = l->batch.batch / 2;
        t->shape[1] = 2;
        t->shape[2] = l->batch.length;
    }
}

pln_status cli_labelled_random(struct cli_labelled *l, const pln_model *model, pln_head head, struct cli_shape shape,
                               uint64_t seed, pln_error *error)
{
    *l = (struct cli_labelled){0};
    const size_t n = (size_t)shape.batch * shape.length;
    shape.shortest = shape.length < LEAST_LENGTH ? shape.length : LEAST_LENGTH;
    const uint64_t classes = pln_model_classes(model, head);
    const pln_status status = cli_batch_random(&l->batch, shape, model, seed, error);
    if (status != PLN_OK)
        return status;
    for (uint32_t i = 0; i < 2; i++)
        if (!(l->labels[i] = calloc(n, sizeof *l->labels[i]))) {
            *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory for labels"};
            return PLN_NO_MEMORY;
        }
    l->n = 2;
    l->tensors[0] = l->batch.tensors[0];
    l->tensors[1] = l->batch.tensors[1];
    switch (pln_head_labels(head)) {
    case PLN_LABELS_SPANS:
        label_answers(l, seed);
        break;
    case PLN_LABELS_SEQUENCES:
        label_rows(l, shape.batch, classes, seed);
        break;
    case PLN_LABELS_CHOICES:
        make_choices(l);
        label_rows(l, shape.batch / 2, classes, seed);
        break;
    case PLN_LABELS_TOKENS:
    case PLN_LABELS_REPLACED:
    case PLN_LABELS_NONE:
        label_tokens(l, classes, seed, pln_head_labels(head) == PLN_LABELS_TOKENS);
        break;
    }
    return PLN_OK;
}

void cli_labelled_finish(struct cli_labelled *l)
{
    for (uint32_t i = 0; i < 2; i++)
        free(l->labels[i]);
    cli_batch_finish(&l->batch);
    *l = (struct cli_labelled){0};
}
