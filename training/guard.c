/* SPDX-License-Identifier: Apache-2.0
 *
 * An update leaves finite numbers, or the states as they were. Bounds on their elements prove the first for any usual
 * step without looking at one; where they prove nothing (eps 0, an enormous rate), the states are copied, looked at and
 * put back if need be.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "training/trainer.h"

static const double LARGEST = FLT_MAX / 64; /* room for the rounding of every device */

/* Bounds after a step, by the formula of adamw (graph/ops.def): m and v are means of what is bounded, and the root of v
 * makes the divisor only larger. False: they prove nothing. */
static bool foresee(const pln_trainer *trainer, float rate, double norm, struct training_bounds *next)
{
    const pln_trainer_options *o = &trainer->options;
    const double steps = (double)trainer->made + 1;
    const double correction1 = o->no_bias_correction ? 1 : 1 - pow(o->beta1, steps);
    const double correction2 = o->no_bias_correction ? 1 : 1 - pow(o->beta2, steps);
    double decay = 0, scale = 0;
    for (uint32_t r = 0; r < trainer->rows; r++) {
        const float *factors = trainer->update.factors + (size_t)PLN_ADAMW_FACTOR_COLUMNS * r;
        decay = fmax(decay, (double)factors[PLN_ADAMW_FACTOR_WEIGHT_DECAY]);
        scale = fmax(scale, (double)factors[PLN_ADAMW_FACTOR_LEARNING_RATE]);
    }
    next->first = fmax(trainer->bounds.first, norm);
    next->second = fmax(trainer->bounds.second, norm * norm);
    const double step = next->first / correction1 / (double)(float)o->eps;
    const double moved = (double)rate * scale * step;
    const double shrink = (double)rate * scale * o->weight_decay * decay;
    next->parameter = trainer->bounds.parameter * (1 + shrink) * 1.000001 + moved;
    next->first *= 1.000001;
    next->second *= 1.000001;
    return step < LARGEST && moved < LARGEST && shrink < LARGEST && next->parameter < LARGEST &&
           next->second / correction2 < LARGEST;
}

/* ---- the careful way */

static size_t elements(const pln_trainer *trainer)
{
    return (size_t)trainer->rows * PLN_PARAMETER_WIDTH;
}

struct copies {
    float *of[TRAINING_STATES];
};

static void free_copies(struct copies *copies)
{
    for (int i = 0; i < TRAINING_STATES; i++)
        free(copies->of[i]);
}

/* The bounds become exact. */
static pln_status read_states(pln_trainer *trainer, struct copies *copies, pln_error *error)
{
    pln_status status = PLN_OK;
    for (int i = 0; status == PLN_OK && i < TRAINING_STATES; i++) {
        copies->of[i] = calloc(elements(trainer), sizeof(float));
        if (!copies->of[i])
            return pln_fail(error, PLN_NO_MEMORY, "no memory for a copy of %zu parameters", elements(trainer));
        status = pln_schedule_state_read(trainer->update.schedule, training_states[i], copies->of[i], error);
        if (status == PLN_OK)
            training_bound_note(trainer, training_states[i], copies->of[i]);
    }
    return status;
}

static pln_status put_back(pln_trainer *trainer, const struct copies *copies, pln_error *error)
{
    pln_status status = PLN_OK;
    for (int i = 0; status == PLN_OK && i < TRAINING_STATES; i++)
        status = pln_schedule_state_write(trainer->update.schedule, training_states[i], copies->of[i], error);
    return status;
}

static pln_status refuse(pln_trainer *trainer, float rate, pln_error *error)
{
    pln_status status = PLN_OK;
    for (int i = 0; status == PLN_OK && i < TRAINING_STATES; i++) {
        status = training_image_read(trainer, training_states[i], error);
        if (status == PLN_OK)
            status = training_image_check(trainer, training_states[i], error);
    }
    training_image_release(trainer);
    if (status != PLN_FAILED || !error)
        return status == PLN_OK ? PLN_FAILED : status;
    char what[300];
    snprintf(what, sizeof what, "%.299s", error->message);
    return pln_fail(error, PLN_FAILED, "step %u: after an update with learning rate %g and eps %g %s",
                    trainer->made + 1, (double)rate, trainer->options.eps, what);
}

/* Second copies are only for looking at. */
static bool are_finite(pln_trainer *trainer, pln_status *status, pln_error *error)
{
    struct copies after = {0};
    *status = read_states(trainer, &after, error);
    free_copies(&after);
    const struct training_bounds *b = &trainer->bounds;
    return isfinite(b->parameter) && isfinite(b->first) && isfinite(b->second);
}

static pln_status run_carefully(pln_trainer *trainer, float rate, const struct copies *before,
                                pln_status (*run)(pln_trainer *trainer, void *context, pln_error *error), void *context,
                                pln_error *error)
{
    const struct training_bounds bounds = trainer->bounds;
    pln_status status = run(trainer, context, error), looked = PLN_OK;
    if (status != PLN_OK || are_finite(trainer, &looked, error))
        return status != PLN_OK ? status : looked;
    status = looked == PLN_OK ? refuse(trainer, rate, error) : looked;
    trainer->bounds = bounds;
    pln_error problem;
    if (put_back(trainer, before, &problem) == PLN_OK)
        return status;
    if (error)
        *error = problem;
    return problem.status;
}

pln_status training_guard(pln_trainer *trainer, float rate, double norm,
                          pln_status (*run)(pln_trainer *trainer, void *context, pln_error *error), void *context,
                          pln_error *error)
{
    struct training_bounds next;
    struct copies before = {0};
    pln_status status = PLN_OK;
    bool proven = foresee(trainer, rate, norm, &next);
    if (!proven) {
        status = read_states(trainer, &before, error);
        proven = status == PLN_OK && foresee(trainer, rate, norm, &next);
    }
    if (status == PLN_OK && proven) {
        status = run(trainer, context, error);
        trainer->bounds = next;
    } else if (status == PLN_OK) {
        status = run_carefully(trainer, rate, &before, run, context, error);
    }
    free_copies(&before);
    return status;
}
