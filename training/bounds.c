/* SPDX-License-Identifier: Apache-2.0
 *
 * The largest magnitude of each state of the update, measured on its elements.
 */
#include <math.h>
#include <string.h>

#include "training/trainer.h"

const char *const training_states[TRAINING_STATES] = {GRAPH_PARAMETERS, TRAINING_FIRST_MOMENT, TRAINING_SECOND_MOMENT};

static double *bound_of(struct training_bounds *bounds, int state)
{
    double *const all[TRAINING_STATES] = {&bounds->parameter, &bounds->first, &bounds->second};
    return all[state];
}

/* The largest magnitude; NaN if a number is not finite. */
static double measure(const float *flat, size_t n)
{
    float largest = 0, odd = 0; /* odd: 0 * x is 0 for finite x only */
    for (size_t i = 0; i < n; i++) {
        const float x = fabsf(flat[i]);
        largest = x > largest ? x : largest;
        odd += 0 * x;
    }
    return odd == 0 ? (double)largest : (double)NAN;
}

static bool note(pln_trainer *trainer, int state, const float *flat)
{
    const size_t n = (size_t)trainer->rows * PLN_PARAMETER_WIDTH;
    const double bound = measure(flat, n);
    bool good = isfinite(bound);
    for (size_t i = 0; good && state == 2 && i < n; i++)
        good = flat[i] >= 0;
    *bound_of(&trainer->bounds, state) = bound;
    return good;
}

bool training_bound_note(pln_trainer *trainer, const char *state, const float *flat)
{
    for (int i = 0; i < TRAINING_STATES; i++)
        if (strcmp(training_states[i], state) == 0)
            return note(trainer, i, flat);
    return true;
}
