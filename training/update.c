/* SPDX-License-Identifier: Apache-2.0
 *
 * The update graph: the norm of the gradients, then AdamW. What changes from step to step comes with the run.
 */
#include <math.h>
#include <stdlib.h>

#include "common/fail.h"
#include "scheduler/scheduler.h"
#include "training/trainer.h"

static pln_graph *describe(pln_trainer *trainer)
{
    struct training_update *u = &trainer->update;
    const pln_tensor *factors = &trainer->update.factors_tensor;
    pln_graph *g = pln_graph_create("update");
    pln_value *gradient = pln_graph_state(g, GRAPH_GRADIENTS, trainer->rows, PLN_PARAMETER_WIDTH);
    pln_value *norm = pln_global_norm(g, "norm", gradient);
    u->settings = pln_graph_input(g, "settings", PLN_F32, pln_rows_fixed(1), PLN_ADAMW_SETTING_COLUMNS);
    pln_adamw(
        g, "adamw",
        PLN_OPTIONS(pln_adamw_operands,
                    .parameter = pln_graph_state(g, GRAPH_PARAMETERS, trainer->rows, PLN_PARAMETER_WIDTH),
                    .first_moment = pln_graph_state(g, TRAINING_FIRST_MOMENT, trainer->rows, PLN_PARAMETER_WIDTH),
                    .second_moment = pln_graph_state(g, TRAINING_SECOND_MOMENT, trainer->rows, PLN_PARAMETER_WIDTH),
                    .gradient = gradient, .settings = u->settings,
                    .factors = pln_graph_constant(g, "factors", &factors, 1), .norm = norm));
    pln_graph_output(g, "norm", norm);
    return g;
}

pln_status training_update_init(pln_trainer *trainer, pln_error *error)
{
    struct training_update *u = &trainer->update;
    u->factors = calloc(trainer->rows, PLN_ADAMW_FACTOR_COLUMNS * sizeof *u->factors);
    if (!u->factors)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the factors of %u rows of parameters", trainer->rows);
    pln_graph_parameter_factors(trainer->subject->kind->graph(trainer->subject), u->factors);
    u->factors_tensor = (pln_tensor){.name = "factors",
                                     .dtype = PLN_F32,
                                     .rank = 2,
                                     .shape = {trainer->rows, PLN_ADAMW_FACTOR_COLUMNS},
                                     .data = u->factors};
    u->graph = describe(trainer);
    pln_schedule_options options = trainer->placement;
    options.states = trainer->states;
    const pln_status status = pln_graph_finish(u->graph, error);
    if (status != PLN_OK)
        return status;
    u->inputs = calloc(u->graph->n_values, sizeof *u->inputs);
    return u->inputs ? pln_schedule_create(u->graph, trainer->devices, &options, &u->schedule, error)
                     : pln_fail(error, PLN_NO_MEMORY, "no memory for the update");
}

void training_update_finish(pln_trainer *trainer)
{
    struct training_update *u = &trainer->update;
    if (u->schedule)
        pln_schedule_destroy(&u->schedule);
    pln_graph_destroy(&u->graph);
    free(u->factors);
    free(u->inputs);
}

static float correction(const pln_trainer *trainer, double beta)
{
    return trainer->options.no_bias_correction ? 1 : (float)(1 - pow(beta, (double)trainer->made + 1));
}

struct update_run {
    float settings[PLN_ADAMW_SETTING_COLUMNS];
    float *norm;
};

static pln_status run_update(pln_trainer *trainer, void *context, pln_error *error)
{
    const struct update_run *u = context;
    const uint32_t no_dims[] = {0};
    void *const outputs[] = {u->norm};
    trainer->update.inputs[trainer->update.settings->id] = u->settings;
    return sched_run(trainer->update.schedule, no_dims, 1, &(struct sched_bound){trainer->update.inputs, outputs},
                     error);
}

/* Without clipping, gradients whose squares would not be f32 are clipped all the same: the update needs a bound. */
static double clip_of(const pln_trainer_options *o)
{
    static const double largest = 1e15;
    return o->clip > 0 && o->clip < largest ? o->clip : largest;
}

pln_status training_update_run(pln_trainer *trainer, float rate, float *norm, pln_error *error)
{
    const pln_trainer_options *o = &trainer->options;
    struct update_run u = {.settings = {[PLN_ADAMW_SETTING_LEARNING_RATE] = rate,
                                        [PLN_ADAMW_SETTING_NEW1] = (float)(1 - o->beta1),
                                        [PLN_ADAMW_SETTING_NEW2] = (float)(1 - o->beta2),
                                        [PLN_ADAMW_SETTING_EPS] = (float)o->eps,
                                        [PLN_ADAMW_SETTING_WEIGHT_DECAY] = (float)o->weight_decay,
                                        [PLN_ADAMW_SETTING_CLIP] = (float)clip_of(o),
                                        [PLN_ADAMW_SETTING_CORRECTION1] = correction(trainer, o->beta1),
                                        [PLN_ADAMW_SETTING_CORRECTION2] = correction(trainer, o->beta2)},
                           .norm = norm};
    return training_guard(trainer, rate, clip_of(o) * 1.001, run_update, &u, error);
}
