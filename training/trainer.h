/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a trainer. A step is two schedules over the same states: the graph of the subject, forward and
 * backward, adds to `gradients`; the update graph takes their norm and moves `parameters`. States are flat, [rows, 256]; the
 * graph's table says which tensor lies where.
 */
#ifndef TRAINING_TRAINER_H
#define TRAINING_TRAINER_H

#include "checkpoint/save.h"
#include "common/in_use.h"
#include "training/subject.h"

/* The states beside those of the graph. */
#define TRAINING_FIRST_MOMENT "first_moment"
#define TRAINING_SECOND_MOMENT "second_moment"

struct training_update {
    pln_graph *graph;
    pln_schedule *schedule;
    pln_value *settings; /* what changes from step to step */
    const void **inputs; /* [values of the graph] of a run, by id */
    float *factors;      /* [rows, 2] of adamw, kept by the graph */
    pln_tensor factors_tensor;
};

/* No element of a state is larger. As long as they promise that an update stays finite, nothing is looked at. */
struct training_bounds {
    double parameter, first, second;
};

struct pln_trainer {
    pln_devices *devices;
    pln_trainer_options options;    /* `placement` is the one below */
    pln_schedule_options placement; /* its rules are there until the update is made */
    struct training_subject *subject;
    pln_states *states;
    struct training_update update;
    const pln_parameter *table; /* belongs to the subject's graph */
    uint32_t n_tensors, rows;   /* of the table; of a flat state */
    bool ready;                 /* the states hold the weights */
    bool dirty;                 /* the gradients are not 0 */
    atomic_bool in_use;         /* by a public call */
    atomic_uint made;           /* steps */
    struct training_bounds bounds;
    struct ckpt_place place; /* an empty directory that pln_trainer_check_save met */
    float *flat;             /* [rows, 256], an image of a state in host memory; NULL while none is needed */
    float *dense;            /* tensors of an image whose rows have padding */
    pln_tensor *tensors;     /* [n_tensors] of the image, by their Hugging Face names */
    char (*names)[256];
    struct training_keep *keep; /* against the loss of a device; NULL until a step needs it */
};

/* Around every public call that has a status: PLN_INVALID if another thread is inside one. */
static inline pln_status training_begin(pln_trainer *trainer, pln_error *error)
{
    return in_use_begin(&trainer->in_use, "the trainer", error);
}

static inline void training_end(pln_trainer *trainer)
{
    in_use_end(&trainer->in_use);
}

/* ---- rate.c */

/* The learning rate of the step that follows `made` others. */
float training_rate(const pln_trainer_options *options, uint32_t made);

/* ---- parameters.c */

/* Finds the table. */
pln_status training_parameters_init(pln_trainer *trainer, pln_error *error);
void training_parameters_finish(pln_trainer *trainer);
/* The states, with the model's weights as parameters; once. */
pln_status training_parameters_begin(pln_trainer *trainer, pln_error *error);
/* A state as tensors with their Hugging Face names, where it lies or as an image. Until the next call or step. */
pln_status training_image_read(pln_trainer *trainer, const char *state, pln_error *error);
void training_image_release(pln_trainer *trainer);
/* A state from the tensors of a file, which must have them all, every number finite. */
pln_status training_image_write(pln_trainer *trainer, const char *state, const pln_tensor_file *file, const char *path,
                                pln_error *error);
/* PLN_FAILED names the first tensor of the image that holds a number that is not finite. */
pln_status training_image_check(const pln_trainer *trainer, const char *what, pln_error *error);
/* All elements of a state become 0. */
pln_status training_state_clear(pln_trainer *trainer, const char *state, pln_error *error);

/* ---- update.c */

pln_status training_update_init(pln_trainer *trainer, pln_error *error);
void training_update_finish(pln_trainer *trainer);
/* Clips, and moves the parameters unless the norm is not finite; the gradients are 0 afterwards. PLN_FAILED names a
 * weight or moment that would not be finite: then parameters and moments are as before. */
pln_status training_update_run(pln_trainer *trainer, float rate, float *norm, pln_error *error);

/* ---- guard.c */

/* Runs `run`, which updates the states at that rate with gradients of at most that norm, as training_update_run says.
 */
pln_status training_guard(pln_trainer *trainer, float rate, double norm,
                          pln_status (*run)(pln_trainer *trainer, void *context, pln_error *error), void *context,
                          pln_error *error);

/* ---- bounds.c */

/* The states of an update. */
enum { TRAINING_STATES = 3 };
extern const char *const training_states[TRAINING_STATES];
/* The bound of a state becomes that of the image. False: a number is not finite, or a second moment is negative. */
bool training_bound_note(pln_trainer *trainer, const char *state, const float *flat);

/* ---- keep.c */

typedef pln_status training_step_fn(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                                    pln_trainer_report *report, pln_error *error);
/* Before the devices are asked: there is an image, and room for the batch behind it. Does nothing where a loss is an
 * error. */
pln_status training_keep_begin(pln_trainer *trainer, pln_error *error);
/* The step was made. */
void training_keep_step(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs);
/* The states were written by others. */
void training_keep_forget(pln_trainer *trainer);
/* After what was asked of the devices came to PLN_DEVICE_LOST: states and steps are as before it. PLN_DEVICE_LOST if
 * nothing was kept. */
pln_status training_keep_recover(pln_trainer *trainer, training_step_fn *step, pln_error *error);
void training_keep_finish(pln_trainer *trainer);

typedef pln_status training_task(pln_trainer *trainer, const void *what, pln_error *error);
/* The task, once more after each loss of a device, up to a few times, where what was kept brings the trainer back to
 * where it was; it begins again then. (In step.c.) */
pln_status training_last(pln_trainer *trainer, training_task *task, const void *what, pln_error *error);

/* ---- step.c: it takes a clean or dirty trainer, and leaves it dirty until an update */

/* The batch forward and backward: gradients are added up, *loss is that of the whole batch. */
pln_status training_gradients(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, float *loss,
                              uint64_t *tokens, pln_error *error);
#endif
