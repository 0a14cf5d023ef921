/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of a trainer of both halves: what a step came to, a look without learning, halves as models.
 */
#include "common/door.h"
#include "training/rtd.h"
#include "training/trainer.h"

static struct training_rtd *find_halves(pln_trainer *trainer, pln_error *error)
{
    if (trainer->subject->kind == &training_rtd_kind)
        return training_rtd_of(trainer->subject);
    pln_fail(error, PLN_INVALID, "the trainer is not one of both halves (pln_trainer_create_pretraining)");
    return NULL;
}

static pln_status give_report(pln_trainer *trainer, pln_pretraining_report *report, pln_error *error)
{
    struct training_rtd *rtd = find_halves(trainer, error);
    if (!rtd)
        return PLN_INVALID;
    if (!rtd->result.there)
        return pln_fail(error, PLN_INVALID, "there is no report before the first step");
    const pln_pretraining_report r = rtd_report(rtd);
    door_give(report, &r, sizeof r);
    return PLN_OK;
}

pln_status pln_trainer_pretraining_report(pln_trainer *trainer, pln_pretraining_report *report, pln_error *error)
{
    NEED(error, trainer, report);
    ROOM(error, pln_pretraining_report, report);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = give_report(trainer, report, error);
    training_end(trainer);
    return status;
}

struct wanted_look {
    const pln_tensor *inputs;
    uint32_t n_inputs, number;
};

static pln_status look(pln_trainer *trainer, const void *what, pln_error *error)
{
    const struct wanted_look *w = what;
    const pln_status status = training_parameters_begin(trainer, error);
    return status == PLN_OK ? training_rtd_evaluate(trainer->subject, w->inputs, w->n_inputs, trainer->options.seed,
                                                    w->number, error)
                            : status;
}

static pln_status evaluate(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, uint32_t number,
                           pln_pretraining_report *report, pln_error *error)
{
    if (!find_halves(trainer, error))
        return PLN_INVALID;
    const pln_status status = training_last(trainer, look, &(struct wanted_look){inputs, n_inputs, number}, error);
    return status == PLN_OK && report ? give_report(trainer, report, error) : status;
}

pln_status pln_trainer_pretraining_evaluate(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                                            uint32_t number, pln_pretraining_report *report, pln_error *error)
{
    NEED(error, trainer);
    if (report)
        ROOM(error, pln_pretraining_report, report);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = evaluate(trainer, inputs, n_inputs, number, report, error);
    training_end(trainer);
    return status;
}

/* ---- a half as a model */

static pln_status write_half(pln_trainer *trainer, pln_half half, const struct ckpt_save *save, pln_error *error)
{
    const struct training_rtd *rtd = training_rtd_of(trainer->subject);
    pln_status status = training_image_read(trainer, GRAPH_PARAMETERS, error);
    if (status == PLN_OK)
        status = training_image_check(trainer, GRAPH_PARAMETERS, error);
    if (status == PLN_OK)
        status = rtd_save_half(rtd, half, save, trainer->tensors, trainer->n_tensors, error);
    training_image_release(trainer);
    return status;
}

struct wanted_half {
    pln_half half;
    const char *directory;
};

static pln_status save_wanted(pln_trainer *trainer, const void *what, pln_error *error)
{
    struct ckpt_save save;
    const struct wanted_half *w = what;
    pln_status status = training_parameters_begin(trainer, error);
    if (status == PLN_OK)
        status = ckpt_save_begin(&save, w->directory, training_files, NULL, error);
    return status == PLN_OK ? ckpt_save_end(&save, write_half(trainer, w->half, &save, error), error) : status;
}

static pln_status save_half(pln_trainer *trainer, pln_half half, const char *directory, pln_error *error)
{
    const struct training_rtd *rtd = find_halves(trainer, error);
    if (!rtd)
        return PLN_INVALID;
    if (half == PLN_HALF_DISCRIMINATOR && rtd->options.masked_lm_only)
        return pln_fail(error, PLN_INVALID, "there is no discriminator: the generator learns alone");
    return training_last(trainer, save_wanted, &(struct wanted_half){half, directory}, error);
}

pln_status pln_trainer_save_half(pln_trainer *trainer, pln_half half, const char *directory, pln_error *error)
{
    NEED(error, trainer, directory);
    if (half != PLN_HALF_DISCRIMINATOR && half != PLN_HALF_GENERATOR)
        return pln_fail(error, PLN_INVALID, "there is no half %u", (unsigned)half);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = save_half(trainer, half, directory, error);
    training_end(trainer);
    return status;
}
