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

/* The logits among the outputs. */
const pln_tensor *task_logits(const pln_tensor *outputs, uint32_t n);

/* In place: exp(x) over their sum. */
void task_softmax(float *x, uint32_t n);
#endif
