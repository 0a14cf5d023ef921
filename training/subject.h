/* SPDX-License-Identifier: Apache-2.0
 *
 * What a trainer steps: somebody who describes a graph with losses over one flat state of parameters, and makes its
 * inputs of a batch. How many models, heads and losses there are, only the subject knows.
 */
#ifndef TRAINING_SUBJECT_H
#define TRAINING_SUBJECT_H

#include "checkpoint/save.h"
#include "graph/graph.h"

/* A batch on its way through a step. */
struct training_batch {
    const pln_tensor *inputs; /* as the caller gave them */
    uint32_t n_inputs;
    uint32_t parts;  /* equal ones, run one by one */
    uint64_t seed;   /* of what is drawn */
    uint32_t made;   /* steps before this one */
    bool trace;      /* every node is kept to be looked at */
    uint64_t tokens; /* out of `read`: real ones */
    float totals[2]; /* the subject's own, from `read` on: what losses are divided by */
};

/* An input `random` of a step (columns.def). */
#define TRAINING_RANDOM(seed, made)                                                                                    \
    {                                                                                                                  \
        [PLN_RANDOM_SEED_LOW] = (int32_t)(uint32_t)(seed), [PLN_RANDOM_SEED_HIGH] = (int32_t)(uint32_t)((seed) >> 32), \
        [PLN_RANDOM_STEP] = (int32_t)(made)                                                                            \
    }

struct training_subject {
    const struct training_subject_kind *kind;
};

/* Every entry is there. A subject is used by one thread at a time. */
struct training_subject_kind {
    /* What it is called in the file of counters: a trainer is restored by one of the same name only. */
    const char *(*name)(const struct training_subject *subject);
    const char *(*origin)(const struct training_subject *subject); /* the directory that its weights came from */
    /* The graph whose table of parameters counts; its constants have the first values. */
    const pln_graph *(*graph)(const struct training_subject *subject);
    /* The first values were taken: their sources need not stay in memory. */
    void (*taken)(struct training_subject *subject);
    /* What runs need of memory is given back until the next one; parameters and what belongs to them stay. */
    void (*rest)(struct training_subject *subject);

    /* The whole batch at the door: nothing has run when it is refused, with PLN_INVALID. */
    pln_status (*read)(struct training_subject *subject, struct training_batch *batch, pln_error *error);
    /* A part forward and backward: gradients are added to their state, its share of the loss to *loss. */
    pln_status (*run)(struct training_subject *subject, const struct training_batch *batch, uint32_t part, float *loss,
                      pln_error *error);
    /* What was gathered of runs, for a report, is put aside while steps are made again after a loss; then it is back. */
    void (*put_aside)(struct training_subject *subject, bool away);
    /* Of the last part that was run with `trace`: the first node that is not finite, NULL if all are; and every node as a
     * tensor [rows, width], which lives until the next call. */
    const char *(*find_bad)(const struct training_subject *subject);
    pln_status (*show)(struct training_subject *subject, const pln_tensor **tensors, uint32_t *count, pln_error *error);

    /* The schedule that a part of that shape runs, and its dims [GRAPH_SYMBOLS], for estimates. */
    pln_status (*shape)(struct training_subject *subject, uint32_t batch, uint32_t length, pln_schedule **schedule,
                        uint32_t *dims, uint32_t *n_dims, pln_error *error);

    /* The name of a parameter in files. */
    void (*name_tensor)(const struct training_subject *subject, const char *parameter, char *name, size_t bytes);
    /* Whether all that it would copy into a saved directory can be read. */
    pln_status (*check_save)(struct training_subject *subject, pln_error *error);
    /* Writes all but moments and counters: config, tokenizer, and the weights, of which these are what was trained. */
    pln_status (*save)(struct training_subject *subject, const struct ckpt_save *save, const pln_tensor *tensors,
                       uint32_t n_tensors, pln_error *error);
    void (*destroy)(struct training_subject **subject);
};

/* Files of a saved directory, NULL at the end: what the subject writes, then what the trainer does. */
#define TRAINING_CONFIG "config.json"
#define TRAINING_WEIGHTS "model.safetensors"
extern const char *const training_files[];
enum { TRAINING_COPIED_FILES = 6 }; /* the first ones of that list: tokenizer, and what writing texts goes by */

/* model_files.c: of the model. Its config as it is now, for weights in f32; the files that are copied,
 * of which bit i of `required` says that file i of the list was there; whether they can be read. */
struct electra_config;
struct electra_head;
pln_status training_save_config(const struct ckpt_save *save, const struct electra_config *config,
                                const struct electra_head *head, pln_error *error);
pln_status training_save_copies(const struct ckpt_save *save, const struct ckpt *from, uint32_t required,
                                pln_error *error);
pln_status training_check_copies(const struct ckpt *from, pln_error *error);

/* head.c: a model with one head and its loss, by a session of its own. states: where the flat states live. placement of
 * the options is there. */
pln_status training_head_create(pln_model *model, pln_devices *devices, pln_states *states,
                                const pln_trainer_options *options, struct training_subject **subject,
                                pln_error *error);

/* head_save.c, of the same. */
struct training_head;
pln_status training_head_save_init(struct training_head *head, pln_error *error);
pln_status training_head_check_save(struct training_subject *subject, pln_error *error);
pln_status training_head_save(struct training_subject *subject, const struct ckpt_save *save, const pln_tensor *tensors,
                              uint32_t n_tensors, pln_error *error);
#endif
