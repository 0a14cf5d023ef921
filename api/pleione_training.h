/* SPDX-License-Identifier: Apache-2.0
 *
 * A model under training. The rules stand in pleione.h.
 */
#ifndef PLEIONE_TRAINING_H
#define PLEIONE_TRAINING_H

#include "pleione_graph.h"
#include "pleione_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- training */

/* A model under training: parameters, their gradients and the moments of AdamW on the devices, and where it stands. A
 * step is: the batch forward and backward, in `accumulate` parts; the global norm of the gradients, clipped; AdamW. */
typedef struct pln_trainer pln_trainer;

typedef enum pln_rate_schedule {
    PLN_RATE_SCHEDULE_CONSTANT = 0, /* rate * min(1, t / warmup), t the steps made before this one */
    PLN_RATE_SCHEDULE_LINEAR =
        1, /* that times 1 - min(t, steps) / steps: ELECTRA's own, where warm-up and decay multiply */
} pln_rate_schedule;

typedef struct pln_trainer_options {
    uint32_t size; /* sizeof(pln_trainer_options) */
    pln_head head;
    double learning_rate, beta1, beta2, eps;
    double weight_decay; /* decoupled; biases and LayerNorm excluded */
    double clip;         /* of the global norm of the gradients; 0: none (norms above 1e15 are clipped to that) */
    bool no_bias_correction;
    pln_rate_schedule schedule;
    uint32_t warmup, steps; /* of the schedule; constant needs no steps */
    /* The learning rate of depth d is multiplied by layer_decay^(layers + 2 - d): embeddings and their projection have
     * depth 0, layer i has i + 1, the head has layers + 2. */
    double layer_decay;
    uint32_t accumulate; /* a batch is run in as many equal parts; changes no number but for rounding */
    double dropout;      /* everywhere, 0 to below 1; -1: the config's rates */
    uint64_t seed;       /* of dropout, and of weights that the checkpoint lacks */
    bool recompute;      /* layers are computed again in the backward pass: less memory, a third more time */
    const pln_schedule_options *placement; /* NULL: the default; `states` is ignored */
    pln_semantics semantics;               /* of the forward pass and of labels; losses are means in all of them */
    uint32_t unused;                       /* once padding: nobody reads it */
    bool sum; /* the loss is a sum over the rows of the batch (of words where words have labels), not a mean */
    /* Of losses that are a softmax over classes, as PyTorch's CrossEntropyLoss has them; else PLN_INVALID. */
    double label_smoothing;     /* the share of a label that all classes have alike: 0 to 1 */
    const float *class_weights; /* what a label of each class counts for, also in the mean; copied; NULL: all 1 */
    uint64_t n_class_weights;   /* the head's number of classes; not for those of a vocabulary, or for choices */
} pln_trainer_options;

/* In C; elsewhere pln_trainer_defaults fills them in, given the size. */
#define PLN_TRAINER_DEFAULTS                                                                                           \
    {                                                                                                                  \
        .size = sizeof(pln_trainer_options), .learning_rate = 1e-4, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-6,         \
        .weight_decay = 0.01, .clip = 1, .layer_decay = 1, .accumulate = 1, .dropout = -1                              \
    }

PLN_API pln_status pln_trainer_defaults(pln_trainer_options *options, pln_error *error); /* any thread */

typedef struct pln_trainer_report { /* of a step */
    uint32_t size;                  /* sizeof(pln_trainer_report) */
    uint32_t step;                  /* from 1 */
    float loss;                     /* of the whole batch, before the update */
    float gradient_norm;            /* before clipping */
    float learning_rate;            /* of this step, without layer_decay */
    uint64_t tokens;                /* real ones */
} pln_trainer_report;

/* Returns new; keeps model and devices. options NULL: PLN_TRAINER_DEFAULTS. PLN_INVALID names the option that is out of
 * range; PLN_INVALID too for the head `model`, which has no loss. Any thread. */
PLN_API pln_status pln_trainer_create(pln_model *model, pln_devices *devices, const pln_trainer_options *options,
                                      pln_trainer **trainer, pln_error *error);
PLN_API void pln_trainer_destroy(pln_trainer **trainer); /* alone */

/* One step on a batch: tensors as pln_session_forward takes them, labels (or start_positions and end_positions)
 * included. Borrows. PLN_INVALID for a batch without a label, and as pln_session_forward. PLN_FAILED for a loss or
 * gradient that is NaN or infinite, where the sentence names the step and the first node that is not finite, and for an
 * update that would leave such a weight or moment, where it names the tensor: parameters, moments and the number of
 * steps are as before the step. report may be NULL. One thread. */
PLN_API pln_status pln_trainer_step(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                                    pln_trainer_report *report, pln_error *error);
PLN_API uint32_t pln_trainer_steps(const pln_trainer *trainer); /* made so far; one thread */
PLN_API uint64_t pln_trainer_seed(const pln_trainer *trainer); /* of the options, or of what was restored; one thread */
/* Whether a step on that batch would begin: what pln_trainer_step refuses before anything runs. One thread. */
PLN_API pln_status pln_trainer_check(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                                     pln_error *error);

/* Writes a Hugging Face directory (model.safetensors, config.json, the tokenizer's files) with the trainer's own state
 * beside it (trainer.json, first_moment.safetensors, second_moment.safetensors). These files are replaced together or
 * not at all, also if the process is killed; what else lies in the directory stays in it. PLN_FAILED names what could
 * not be written, read or moved; a number that is not finite is never written. Not replaced is a directory that holds
 * something but no config.json, a mount point, and the working directory; a link stays, and the directory that it names
 * is replaced. Folders `directory`.partial-... that dead processes left are put in order. One thread. */
PLN_API pln_status pln_trainer_save(pln_trainer *trainer, const char *directory, pln_error *error);
/* The model alone, without the trainer's state: what a directory is that is only answered from. Otherwise as above. One
 * thread. */
PLN_API pln_status pln_trainer_save_model(pln_trainer *trainer, const char *directory, pln_error *error);
/* Gives back the memory that only steps need until the next one takes it again: room for whoever looks at the model
 * meanwhile. One thread. */
PLN_API pln_status pln_trainer_rest(pln_trainer *trainer, pln_error *error);
/* Saves into `directory`.step-N, N the steps made, and removes those with smaller N but for the newest: `keep` stay.
 * One thread. */
PLN_API pln_status pln_trainer_save_step(pln_trainer *trainer, const char *directory, uint32_t keep, pln_error *error);
/* Whether pln_trainer_save could save there now; nothing is left behind. A directory that is empty now may be saved in
 * later though something else was put there. Before the first step, it saves the work of many. One thread. */
PLN_API pln_status pln_trainer_check_save(pln_trainer *trainer, const char *directory, pln_error *error);
/* Takes weights, moments, steps and seed from a directory that pln_trainer_save wrote: what follows is bit-exactly what
 * would have followed there, on the same device with the same options and batches. PLN_BAD_MODEL names file and tensor;
 * the trainer can only be destroyed then. One thread. */
PLN_API pln_status pln_trainer_restore(pln_trainer *trainer, const char *directory, pln_error *error);

/* Parameters, or gradients of the last batch, by their Hugging Face names: f32, in host memory; they belong to the
 * trainer until its next call. Gradients need pln_trainer_gradients instead of a step. One thread. */
PLN_API pln_status pln_trainer_parameters(pln_trainer *trainer, const pln_tensor **tensors, uint32_t *n_tensors,
                                          pln_error *error);
/* Loss and gradients of a batch, nothing updated: for checks. tensors as above. One thread. */
PLN_API pln_status pln_trainer_gradients(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs, float *loss,
                                         const pln_tensor **tensors, uint32_t *n_tensors, pln_error *error);

/* Every node's first output of one forward and backward pass, packed [rows, width], as "node:NAME" in the order of the
 * graph: for finding the first that is wrong. They belong to the trainer until its next call. One thread. */
PLN_API pln_status pln_trainer_trace(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                                     const pln_tensor **tensors, uint32_t *n_tensors, pln_error *error);

/* Exact bytes on device `index` of the list for steps on batches of that shape (every position real), before anything
 * is allocated: states, arena, scratch, packed constants of both plans. One thread. */
PLN_API pln_status pln_trainer_estimate(pln_trainer *trainer, uint32_t batch, uint32_t length, uint32_t index,
                                        pln_memory *memory, pln_error *error);
/* Arithmetic of a step on a batch of that shape, as pln_schedule_flops counts it: forward, backward and update, of
 * pre-training both halves. A batch in `accumulate` parts is asked for part by part, less one update each. One thread.
 */
PLN_API pln_status pln_trainer_flops(pln_trainer *trainer, uint32_t batch, uint32_t length, uint64_t *flops,
                                     pln_error *error);

#ifdef __cplusplus
}
#endif
#endif
