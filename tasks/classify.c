/* SPDX-License-Identifier: Apache-2.0
 *
 * Classification: text in, the config's labels with their scores out.
 */
#include <math.h>
#include <stdlib.h>

#include "common/door.h"
#include "tasks/tasks.h"

/* Logits to what a person expects of the kind of problem; without a word about it, one label is regression, several
 * exclude each other. */
static void score(enum electra_problem problem, float *x, uint32_t n)
{
    if (problem == ELECTRA_MULTI_LABEL)
        for (uint32_t i = 0; i < n; i++)
            x[i] = 1 / (1 + expf(-x[i]));
    else if (problem == ELECTRA_SINGLE_LABEL || (problem == ELECTRA_PROBLEM_UNSET && n > 1))
        task_softmax(x, n);
}

static pln_status classify(pln_session *session, const char *text, const char *pair, pln_class **classes,
                           uint32_t *count, pln_error *error)
{
    struct task_text encoded;
    const pln_tensor *logits;
    pln_status status = task_encode(session, PLN_HEAD_SEQUENCE_CLASSIFICATION, text, pair, &encoded, error);
    if (status != PLN_OK)
        return status;
    status = task_forward(session, &encoded, NULL, 0, false, &logits, error);
    task_text_finish(&encoded);
    if (status != PLN_OK)
        return status;
    const uint32_t n = (uint32_t)logits->shape[1];
    float *scores = (float *)(uintptr_t)logits->data; /* the session's own, until its next forward */
    *classes = calloc(n, sizeof **classes);
    if (!*classes)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u labels", n);
    score(session->problem, scores, n);
    for (uint32_t i = 0; i < n; i++)
        (*classes)[i] = (pln_class){pln_model_label(session->model, i), scores[i]};
    *count = n;
    return PLN_OK;
}

pln_status pln_classify(pln_session *session, const char *text, const char *pair, pln_class **classes, uint32_t *count,
                        pln_error *error)
{
    NEED(error, session, text, classes, count);
    pln_status status = session_begin(session, error);
    if (status != PLN_OK)
        return status;
    status = classify(session, text, pair, classes, count, error);
    session_end(session);
    return status;
}
