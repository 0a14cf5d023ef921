/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a subject that is a model with one head.
 */
#ifndef TRAINING_HEAD_H
#define TRAINING_HEAD_H

#include "session/session.h"
#include "training/subject.h"

struct training_head {
    struct training_subject subject;
    pln_model *model;
    bool sum;             /* not the mean over rows */
    float *class_weights; /* NULL: all 1; those of `step` */
    pln_session *session;
    const pln_graph *graph;     /* the first one, whose table counts */
    struct session_step step;   /* what every part is given; the rest comes with the batch */
    struct session_batch batch; /* the last part that was run */
    uint32_t tokenizer_files;   /* bit i: the model came with file i of the tokenizer's */
};

static inline struct training_head *training_head_of(struct training_subject *subject)
{
    return (struct training_head *)(void *)subject;
}
#endif
