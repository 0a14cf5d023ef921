/* SPDX-License-Identifier: Apache-2.0
 *
 * What a trainer keeps in host memory against the loss of a device: its states as they were some steps ago, and the batches
 * since. After a loss they are written again and the steps made again, so that nothing is gone and every bit is the same.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "scheduler/scheduler.h"
#include "training/trainer.h"

enum { STEPS = 16 }; /* between two images of the states: their reading is spread over as many */

struct kept_batch {
    uint32_t n_inputs;
    pln_tensor *inputs; /* names and data behind them, one block */
};

struct training_keep {
    bool valid;
    float *states[TRAINING_STATES]; /* [rows, 256] */
    struct training_bounds bounds;
    uint32_t made, n; /* steps before the image; batches behind it */
    struct kept_batch batches[STEPS];
};

static size_t bytes_of(const pln_tensor *tensor)
{
    return (size_t)pln_tensor_elements(tensor) * pln_dtype_bytes(tensor->dtype);
}

static void drop_batches(struct training_keep *k)
{
    for (uint32_t i = 0; i < k->n; i++)
        free(k->batches[i].inputs);
    k->n = 0;
}

void training_keep_finish(pln_trainer *trainer)
{
    struct training_keep *k = trainer->keep;
    trainer->keep = NULL;
    if (!k)
        return;
    drop_batches(k);
    for (int i = 0; i < TRAINING_STATES; i++)
        free(k->states[i]);
    free(k);
}

void training_keep_forget(pln_trainer *trainer)
{
    if (trainer->keep)
        trainer->keep->valid = false;
}

static pln_status take_image(pln_trainer *trainer, struct training_keep *k, pln_error *error)
{
    const size_t bytes = (size_t)trainer->rows * PLN_PARAMETER_WIDTH * sizeof(float);
    pln_status status = PLN_OK;
    k->valid = false;
    for (int i = 0; status == PLN_OK && i < TRAINING_STATES; i++) {
        if (!k->states[i])
            k->states[i] = malloc(bytes);
        status = k->states[i]
                     ? pln_schedule_state_read(trainer->update.schedule, training_states[i], k->states[i], error)
                     : pln_fail(error, PLN_NO_MEMORY, "no memory to keep %s against the loss of a device",
                                training_states[i]);
    }
    drop_batches(k);
    k->bounds = trainer->bounds;
    k->made = trainer->made;
    k->valid = status == PLN_OK;
    return status;
}

pln_status training_keep_begin(pln_trainer *trainer, pln_error *error)
{
    if (trainer->placement.on_loss == PLN_ON_LOSS_FAIL)
        return PLN_OK;
    pln_status status = training_parameters_begin(trainer, error);
    if (status == PLN_OK && !trainer->keep && !(trainer->keep = calloc(1, sizeof *trainer->keep)))
        status = pln_fail(error, PLN_NO_MEMORY, "no memory to keep steps against the loss of a device");
    struct training_keep *k = trainer->keep;
    if (status != PLN_OK || (k->valid && k->made + k->n == trainer->made && k->n < STEPS))
        return status;
    return take_image(trainer, k, error);
}

/* A batch that cannot be kept makes the next image come earlier. */
void training_keep_step(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs)
{
    struct training_keep *k = trainer->keep;
    size_t bytes = n_inputs * sizeof *inputs;
    if (!k || !k->valid || k->n == STEPS)
        return;
    for (uint32_t i = 0; i < n_inputs; i++)
        bytes += (bytes_of(&inputs[i]) + 7) / 8 * 8 + (strlen(inputs[i].name) + 8) / 8 * 8;
    pln_tensor *copy = malloc(bytes + 1);
    if (!copy)
        return;
    char *at = (char *)(void *)(copy + n_inputs);
    for (uint32_t i = 0; i < n_inputs; i++) {
        const size_t n = bytes_of(&inputs[i]);
        copy[i] = inputs[i];
        copy[i].data = n ? memcpy(at, inputs[i].data, n) : at;
        at += (n + 7) / 8 * 8;
        copy[i].name = strcpy(at, inputs[i].name);
        at += (strlen(inputs[i].name) + 8) / 8 * 8;
    }
    k->batches[k->n++] = (struct kept_batch){n_inputs, copy};
}

static pln_status write_image(pln_trainer *trainer, const struct training_keep *k, pln_error *error)
{
    const uint32_t no_dims[] = {0};
    training_image_release(trainer);
    sched_states_forget(trainer->states);
    pln_status status =
        pln_schedule_prepare(trainer->update.schedule, no_dims, 1, error); /* its plan makes the states */
    for (int i = 0; status == PLN_OK && i < TRAINING_STATES; i++)
        status = pln_schedule_state_write(trainer->update.schedule, training_states[i], k->states[i], error);
    trainer->bounds = k->bounds;
    trainer->dirty = false; /* new states are zero */
    trainer->made = k->made;
    return status;
}

pln_status training_keep_recover(pln_trainer *trainer, training_step_fn *step, pln_error *error)
{
    struct training_keep *k = trainer->keep;
    if (!k || !k->valid)
        return PLN_DEVICE_LOST;
    pln_status status = write_image(trainer, k, error);
    for (uint32_t i = 0; status == PLN_OK && i < k->n; i++)
        status = step(trainer, k->batches[i].inputs, k->batches[i].n_inputs, NULL, error);
    return status;
}
