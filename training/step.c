/* SPDX-License-Identifier: Apache-2.0
 *
 * A step: the batch in equal parts forward and backward, then the update; and what to say when a number is not finite.
 */
#include <math.h>

#include "common/door.h"
#include "training/trainer.h"

static struct training_batch batch_of(const pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs)
{
    return (struct training_batch){.inputs = inputs,
                                   .n_inputs = n_inputs,
                                   .parts = trainer->options.accumulate,
                                   .seed = trainer->options.seed,
                                   .made = trainer->made};
}

pln_status pln_trainer_check(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, pln_error *error)
{
    NEED(error, trainer);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    struct training_batch batch = batch_of(trainer, inputs, n_inputs);
    status = trainer->subject->kind->read(trainer->subject, &batch, error);
    training_end(trainer);
    return status;
}

pln_status training_gradients(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, float *loss,
                              uint64_t *tokens, pln_error *error)
{
    struct training_subject *subject = trainer->subject;
    struct training_batch batch = batch_of(trainer, inputs, n_inputs);
    pln_status status = subject->kind->read(subject, &batch, error);
    if (status == PLN_OK)
        status = training_parameters_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    training_image_release(trainer);
    if (trainer->dirty)
        status = training_state_clear(trainer, GRAPH_GRADIENTS, error);
    if (status != PLN_OK)
        return status;
    trainer->dirty = true;
    *tokens = batch.tokens;
    *loss = 0;
    for (uint32_t part = 0; status == PLN_OK && part < batch.parts; part++)
        status = subject->kind->run(subject, &batch, part, loss, error);
    return status;
}

/* The batch once more with every node looked at, so that the sentence can name the first bad one. */
static pln_status refuse_step(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n, const char *what, float value,
                              pln_error *error)
{
    struct training_subject *subject = trainer->subject;
    struct training_batch batch = batch_of(trainer, inputs, n);
    const char *bad = NULL;
    pln_error ignored;
    float loss = 0;
    batch.trace = true;
    pln_status status = subject->kind->read(subject, &batch, &ignored);
    for (uint32_t part = 0; status == PLN_OK && !bad && part < batch.parts; part++) {
        status = subject->kind->run(subject, &batch, part, &loss, &ignored);
        if (status == PLN_OK)
            bad = subject->kind->find_bad(subject);
    }
    return pln_fail(error, PLN_FAILED, "step %u: the %s is not finite (%g); the first such node is %s",
                    trainer->made + 1, what, (double)value, bad ? bad : "none of the forward and backward pass");
}

/* Every node of the batch as a tensor [rows, width]. */
static pln_status trace(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, const pln_tensor **tensors,
                        uint32_t *count, pln_error *error)
{
    struct training_subject *subject = trainer->subject;
    struct training_batch batch = batch_of(trainer, inputs, n_inputs);
    float loss = 0;
    batch.trace = true;
    pln_status status = subject->kind->read(subject, &batch, error);
    batch.parts = 1;
    if (status == PLN_OK)
        status = training_parameters_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    trainer->dirty = true;
    status = subject->kind->run(subject, &batch, 0, &loss, error);
    return status == PLN_OK ? subject->kind->show(subject, tensors, count, error) : status;
}

pln_status pln_trainer_trace(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                             const pln_tensor **tensors, uint32_t *n_tensors, pln_error *error)
{
    NEED(error, trainer, tensors, n_tensors);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = trace(trainer, inputs, n_inputs, tensors, n_tensors, error);
    training_end(trainer);
    return status;
}

static pln_status make_step(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                            pln_trainer_report *report, pln_error *error)
{
    if (trainer->made == UINT32_MAX)
        return pln_fail(error, PLN_FAILED, "%u steps were made, and no more can be counted", trainer->made);
    pln_trainer_report r = {
        .size = sizeof r, .step = trainer->made + 1, .learning_rate = training_rate(&trainer->options, trainer->made)};
    pln_status status = training_gradients(trainer, inputs, n_inputs, &r.loss, &r.tokens, error);
    if (status != PLN_OK)
        return status;
    if (!isfinite(r.loss))
        return refuse_step(trainer, inputs, n_inputs, "loss", r.loss, error);
    status = training_update_run(trainer, r.learning_rate, &r.gradient_norm, error);
    if (status != PLN_OK)
        return status;
    if (!isfinite(r.gradient_norm))
        return refuse_step(trainer, inputs, n_inputs, "norm of the gradients", r.gradient_norm, error);
    trainer->dirty = false;
    trainer->made++;
    if (report)
        door_give(report, &r, sizeof r);
    return PLN_OK;
}

/* A device may be lost a few times; what was made stays made. */
pln_status training_last(pln_trainer *trainer, training_task *task, const void *what, pln_error *error)
{
    enum { TRIES = 3 };
    pln_status status = training_keep_begin(trainer, error);
    if (status == PLN_OK)
        status = task(trainer, what, error);
    for (int i = 0; status == PLN_DEVICE_LOST && i < TRIES; i++) {
        trainer->subject->kind->put_aside(trainer->subject, true);
        status = training_keep_recover(trainer, make_step, error);
        trainer->subject->kind->put_aside(trainer->subject, false);
        if (status == PLN_OK)
            status = task(trainer, what, error);
    }
    return status;
}

struct wanted_step {
    const pln_tensor *inputs;
    uint32_t n_inputs;
    pln_trainer_report *report;
};

static pln_status make_wanted_step(pln_trainer *trainer, const void *what, pln_error *error)
{
    const struct wanted_step *w = what;
    return make_step(trainer, w->inputs, w->n_inputs, w->report, error);
}

pln_status pln_trainer_step(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                            pln_trainer_report *report, pln_error *error)
{
    NEED(error, trainer);
    if (report)
        ROOM(error, pln_trainer_report, report);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = training_last(trainer, make_wanted_step, &(struct wanted_step){inputs, n_inputs, report}, error);
    if (status == PLN_OK)
        training_keep_step(trainer, inputs, n_inputs);
    training_end(trainer);
    return status;
}
