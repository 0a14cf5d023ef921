/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tasks share: one text, encoded, as the input tensors of a session.
 */
#ifndef TASKS_TASKS_H
#define TASKS_TASKS_H

#include "session/session.h"

struct task_text {
    pln_encoder *encoder;
    const pln_encodings *tokens; /* one row */
    uint32_t n;                  /* tokens */
    pln_tensor inputs[2];
};

/* Encodes text (and pair, if there is one). PLN_INVALID if it is longer than the model can take, or if the session's
 * head is not `head`. */
pln_status task_encode(pln_session *session, pln_head head, const char *text, const char *pair,
                       struct task_text *encoded, pln_error *error);
void task_text_finish(struct task_text *encoded);

/* The forward pass of the text, finished whatever comes: logits are the session's until its next forward. `targets` are
 * the n_targets positions whose rows are wanted, NULL for all. PLN_FAILED names the first logit that is not finite: such
 * numbers answer nothing. `barred`: an infinity below zero is a class that a bias bars, and passes. */
pln_status task_forward(pln_session *session, const struct task_text *encoded, const uint32_t *targets,
                        uint32_t n_targets, bool barred, const pln_tensor **logits, pln_error *error);

/* In place: exp(x) over their sum. */
void task_softmax(float *x, uint32_t n);
#endif
