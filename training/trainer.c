/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors of a trainer: options checked, what is trained, the update beside it.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "scheduler/scheduler.h"
#include "training/rtd.h"
#include "training/trainer.h"

/* ---- options */

static pln_status check_range(const char *name, double value, double least, double below, pln_error *error)
{
    if (value >= least && value < below)
        return PLN_OK;
    return pln_fail(error, PLN_INVALID, "%s %g: expected at least %g and less than %g", name, value, least, below);
}

static pln_status check_options(const pln_trainer_options *o, pln_error *error)
{
    const struct {
        const char *name;
        double value, least, below;
    } ranges[] = {
        {"learning rate", o->learning_rate, 0, FLT_MAX}, /* what devices are told is f32 */
        {"beta1", o->beta1, 0, 1},
        {"beta2", o->beta2, 0, 1},
        {"eps", o->eps, 0, FLT_MAX},
        {"weight decay", o->weight_decay, 0, FLT_MAX},
        {"clip", o->clip, 0, INFINITY},
    };
    pln_status status = PLN_OK;
    for (size_t i = 0; status == PLN_OK && i < sizeof ranges / sizeof *ranges; i++)
        status = check_range(ranges[i].name, ranges[i].value, ranges[i].least, ranges[i].below, error);
    if (status == PLN_OK && o->dropout != -1) /* as f32 has it */
        status = check_range("dropout", (double)(float)o->dropout, 0, 1, error);
    if (status == PLN_OK && o->schedule > PLN_RATE_SCHEDULE_LINEAR)
        status = pln_fail(error, PLN_INVALID, "there is no schedule %u of the learning rate", (unsigned)o->schedule);
    if (status == PLN_OK && o->schedule == PLN_RATE_SCHEDULE_LINEAR && !o->steps)
        status = pln_fail(error, PLN_INVALID, "the linear schedule needs the number of steps");
    if (status == PLN_OK && !(o->layer_decay > 0 && o->layer_decay < INFINITY))
        status = pln_fail(error, PLN_INVALID, "layer decay %g: expected more than 0", o->layer_decay);
    if (status == PLN_OK && !(o->label_smoothing >= 0 && o->label_smoothing <= 1))
        status = pln_fail(error, PLN_INVALID, "label smoothing %g: expected 0 to 1", o->label_smoothing);
    if (status == PLN_OK && !o->accumulate)
        status = pln_fail(error, PLN_INVALID, "accumulate 0: a batch has at least one part");
    return status;
}

/* Weights in bytes take no steps that are smaller than a byte, and no gradient is made of them. */
static pln_status check_math(const pln_devices *devices, pln_error *error)
{
    for (uint32_t i = 0; i < devices->n_listed; i++) {
        const struct sched_device *device = &devices->devices[i];
        for (uint32_t j = 0; j < device->n_settings; j++)
            if (strcmp(device->settings[j].key, "math") == 0 && strcmp(device->settings[j].value, "int8") == 0)
                return pln_fail(error, PLN_INVALID,
                                "device %s was opened with math=int8, which is for answers only: training needs f32 or "
                                "bf16",
                                device->entry.name);
    }
    return PLN_OK;
}

/* ---- create, destroy */

pln_status pln_trainer_defaults(pln_trainer_options *options, pln_error *error)
{
    static const pln_trainer_options defaults = PLN_TRAINER_DEFAULTS;
    NEED(error, options);
    ROOM(error, pln_trainer_options, options);
    door_give(options, &defaults, sizeof defaults);
    return PLN_OK;
}

/* Makes what is trained; states and placement of the trainer are there. */
typedef pln_status make_subject(pln_trainer *trainer, const void *what, pln_error *error);

static pln_status create(pln_devices *devices, const pln_trainer_options *options, make_subject *make, const void *what,
                         pln_trainer **trainer, pln_error *error)
{
    pln_trainer_options o = PLN_TRAINER_DEFAULTS;
    pln_schedule_options placement = {.size = sizeof placement};
    TAKE(error, pln_trainer_options, o, options);
    TAKE(error, pln_schedule_options, placement, o.placement);
    pln_trainer *t = calloc(1, sizeof *t);
    if (!t)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a trainer");
    t->devices = devices;
    t->options = o;
    t->placement = placement;
    t->options.placement = &t->placement;
    pln_status status = check_options(&t->options, error);
    if (status == PLN_OK)
        status = check_math(devices, error);
    if (status == PLN_OK)
        status = pln_states_create(devices, &t->states, error);
    if (status == PLN_OK)
        status = make(t, what, error);
    if (status == PLN_OK)
        status = training_parameters_init(t, error);
    if (status == PLN_OK)
        status = training_update_init(t, error);
    if (status != PLN_OK)
        pln_trainer_destroy(&t);
    *trainer = t;
    return status;
}

static pln_status make_head(pln_trainer *trainer, const void *what, pln_error *error)
{
    pln_model *const *model = what;
    const pln_status status =
        training_head_create(*model, trainer->devices, trainer->states, &trainer->options, &trainer->subject, error);
    trainer->options.class_weights = NULL; /* they were copied */
    return status;
}

pln_status pln_trainer_create(pln_model *model, pln_devices *devices, const pln_trainer_options *options,
                              pln_trainer **trainer, pln_error *error)
{
    NEED(error, trainer);
    *trainer = NULL;
    NEED(error, model, devices);
    return create(devices, options, make_head, &model, trainer, error);
}

struct halves {
    pln_model *generator, *discriminator;
    struct electra_rtd_options options;
    double mask_probability;
};

static pln_status make_halves(pln_trainer *trainer, const void *what, pln_error *error)
{
    const struct halves *h = what;
    if (trainer->options.label_smoothing > 0 || trainer->options.class_weights || trainer->options.n_class_weights)
        return pln_fail(error, PLN_INVALID, "pre-training has neither label smoothing nor weights of classes");
    const struct training_rtd_parts parts = {h->generator, h->discriminator, trainer->devices, trainer->states,
                                             h->mask_probability};
    return training_rtd_create(&parts, &trainer->options, &h->options, &trainer->subject, error);
}

_Static_assert((int)PLN_SHARING_EMBEDDINGS == ELECTRA_SHARING_EMBEDDINGS &&
                   (int)PLN_SHARING_NONE == ELECTRA_SHARING_NONE && (int)PLN_SHARING_ALL == ELECTRA_SHARING_ALL,
               "what is shared has the same numbers");

static pln_status check_halves(const pln_pretraining_options *o, pln_error *error)
{
    if (o->sharing > PLN_SHARING_ALL)
        return pln_fail(error, PLN_INVALID, "there is no sharing %u", (unsigned)o->sharing);
    const struct {
        const char *name;
        double value;
    } factors[] = {{"temperature", o->temperature},
                   {"generator weight", o->generator_weight},
                   {"discriminator weight", o->discriminator_weight}};
    pln_status status = PLN_OK;
    for (size_t i = 0; status == PLN_OK && i < sizeof factors / sizeof *factors; i++)
        if (factors[i].value != 0) /* what is nearer to 0 would be 0 in f32, and so the usual number */
            status = check_range(factors[i].name, factors[i].value, (double)FLT_MIN, (double)FLT_MAX, error);
    return status == PLN_OK ? check_range("mask probability", o->mask_probability, 0, 1 + FLT_EPSILON, error) : status;
}

static float or_else(double x, float usual)
{
    return x > 0 ? (float)x : usual;
}

pln_status pln_trainer_create_pretraining(pln_model *generator, pln_model *discriminator, pln_devices *devices,
                                          const pln_trainer_options *options,
                                          const pln_pretraining_options *pretraining, pln_trainer **trainer,
                                          pln_error *error)
{
    pln_pretraining_options p = {.size = sizeof p};
    NEED(error, trainer);
    *trainer = NULL;
    NEED(error, generator, discriminator, devices);
    TAKE(error, pln_pretraining_options, p, pretraining);
    const pln_status status = check_halves(&p, error);
    if (status != PLN_OK)
        return status;
    const struct halves halves = {generator,
                                  discriminator,
                                  {.sharing = (enum electra_sharing)p.sharing,
                                   .masked_lm_only = p.masked_lm_only,
                                   .disallow_correct = p.disallow_correct,
                                   .temperature = or_else(p.temperature, 1),
                                   .generator_weight = or_else(p.generator_weight, 1),
                                   .discriminator_weight = or_else(p.discriminator_weight, 50)},
                                  (double)or_else(p.mask_probability, 0.15f)};
    return create(devices, options, make_halves, &halves, trainer, error);
}

bool pln_sharing_find(const char *name, pln_sharing *sharing)
{
    static const char *const names[] = {
        [PLN_SHARING_EMBEDDINGS] = "embeddings", [PLN_SHARING_NONE] = "none", [PLN_SHARING_ALL] = "all"};
    for (size_t i = 0; name && sharing && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) {
            *sharing = (pln_sharing)i;
            return true;
        }
    return false;
}

void pln_trainer_destroy(pln_trainer **trainer)
{
    pln_trainer *t = trainer ? *trainer : NULL;
    if (!t)
        return;
    *trainer = NULL;
    training_keep_finish(t);
    training_update_finish(t);
    training_parameters_finish(t);
    if (t->subject)
        t->subject->kind->destroy(&t->subject);
    if (t->states)
        pln_states_destroy(&t->states);
    free(t);
}

pln_status pln_trainer_rest(pln_trainer *trainer, pln_error *error)
{
    NEED(error, trainer);
    const pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    trainer->subject->kind->rest(trainer->subject);
    sched_drop_plans(trainer->update.schedule);
    training_image_release(trainer);
    training_end(trainer);
    return PLN_OK;
}

uint32_t pln_trainer_steps(const pln_trainer *trainer)
{
    return trainer ? trainer->made : 0;
}

uint64_t pln_trainer_seed(const pln_trainer *trainer)
{
    return trainer ? trainer->options.seed : 0;
}

/* ---- looking */

/* The update knows all states; the arenas of both plans are kept. */
static pln_status estimate(pln_trainer *trainer, uint32_t batch, uint32_t length, uint32_t index, pln_memory *memory,
                           pln_error *error)
{
    const uint32_t no_dims[] = {0};
    uint32_t dims[GRAPH_SYMBOLS], n_dims;
    pln_schedule *step;
    pln_memory update = {.size = sizeof update};
    pln_status status = trainer->subject->kind->shape(trainer->subject, batch, length, &step, dims, &n_dims, error);
    if (status == PLN_OK)
        status = pln_schedule_estimate(step, dims, n_dims, index, memory, error);
    if (status == PLN_OK)
        status = pln_schedule_estimate(trainer->update.schedule, no_dims, 1, index, &update, error);
    if (status != PLN_OK)
        return status;
    memory->arena_bytes += update.arena_bytes;
    memory->scratch_bytes += update.scratch_bytes;
    memory->constant_bytes += update.constant_bytes;
    memory->state_bytes = update.state_bytes;
    return PLN_OK;
}

pln_status pln_trainer_estimate(pln_trainer *trainer, uint32_t batch, uint32_t length, uint32_t index,
                                pln_memory *memory, pln_error *error)
{
    pln_memory m = {.size = sizeof m};
    NEED(error, trainer, memory);
    ROOM(error, pln_memory, memory);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = estimate(trainer, batch, length, index, &m, error);
    training_end(trainer);
    if (status == PLN_OK)
        door_give(memory, &m, sizeof m);
    return status;
}

static pln_status count_flops(pln_trainer *trainer, uint32_t batch, uint32_t length, uint64_t *flops, pln_error *error)
{
    const uint32_t no_dims[] = {0};
    uint32_t dims[GRAPH_SYMBOLS], n_dims;
    pln_schedule *step;
    uint64_t update;
    pln_status status = trainer->subject->kind->shape(trainer->subject, batch, length, &step, dims, &n_dims, error);
    if (status == PLN_OK)
        status = pln_schedule_flops(step, dims, n_dims, flops, error);
    if (status == PLN_OK)
        status = pln_schedule_flops(trainer->update.schedule, no_dims, 1, &update, error);
    if (status == PLN_OK)
        *flops += update;
    return status;
}

pln_status pln_trainer_flops(pln_trainer *trainer, uint32_t batch, uint32_t length, uint64_t *flops, pln_error *error)
{
    NEED(error, trainer, flops);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = count_flops(trainer, batch, length, flops, error);
    training_end(trainer);
    return status;
}

static pln_status read_image(pln_trainer *trainer, const void *state, pln_error *error)
{
    const pln_status status = training_parameters_begin(trainer, error);
    return status == PLN_OK ? training_image_read(trainer, state, error) : status;
}

static pln_status read_parameters(pln_trainer *trainer, const pln_tensor **tensors, uint32_t *count, pln_error *error)
{
    const pln_status status = training_last(trainer, read_image, GRAPH_PARAMETERS, error);
    *tensors = trainer->tensors;
    *count = trainer->n_tensors;
    return status;
}

pln_status pln_trainer_parameters(pln_trainer *trainer, const pln_tensor **tensors, uint32_t *n_tensors,
                                  pln_error *error)
{
    NEED(error, trainer, tensors, n_tensors);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = read_parameters(trainer, tensors, n_tensors, error);
    training_end(trainer);
    return status;
}

static pln_status read_gradients(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, float *loss,
                                 const pln_tensor **tensors, uint32_t *count, pln_error *error)
{
    uint64_t tokens;
    pln_status status = training_gradients(trainer, inputs, n_inputs, loss, &tokens, error);
    if (status == PLN_OK)
        status = training_image_read(trainer, GRAPH_GRADIENTS, error);
    *tensors = trainer->tensors;
    *count = trainer->n_tensors;
    return status;
}

pln_status pln_trainer_gradients(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, float *loss,
                                 const pln_tensor **tensors, uint32_t *n_tensors, pln_error *error)
{
    NEED(error, trainer, loss, tensors, n_tensors);
    pln_status status = training_begin(trainer, error);
    if (status != PLN_OK)
        return status;
    status = read_gradients(trainer, inputs, n_inputs, loss, tensors, n_tensors, error);
    training_end(trainer);
    return status;
}
