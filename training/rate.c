/* SPDX-License-Identifier: Apache-2.0
 *
 * The learning rate by step: warm-up and linear decay, which multiply (section 6.6 of the specification).
 */
#include "training/trainer.h"

float training_rate(const pln_trainer_options *options, uint32_t made)
{
    double rate = options->learning_rate;
    if (options->schedule == PLN_RATE_SCHEDULE_LINEAR)
        rate *= made < options->steps ? 1 - (double)made / options->steps : 0;
    if (made < options->warmup)
        rate *= (double)made / options->warmup;
    return (float)rate;
}
