/* SPDX-License-Identifier: Apache-2.0
 *
 * Text to input tensors, and the arithmetic of answers.
 */
#include "tasks/tasks.h"

#include <math.h>
#include <string.h>

#include "common/fail.h"

pln_status task_encode(pln_session *session, pln_head head, const char *text, const char *pair,
                       struct task_text *encoded, pln_error *error)
{
    *encoded = (struct task_text){0};
    if (session->head_number != head)
        return pln_fail(error, PLN_INVALID, "the session has the head %s, this task needs %s", session->head->name,
                        pln_head_string(head));
    const uint32_t most = session->model->config.max_position_embeddings;
    const pln_example example = {.text = {text, strlen(text)}, .pair = {pair, pair ? strlen(pair) : 0}};
    const pln_tokenizer *tokenizer;
    pln_status status = pln_model_tokenizer(session->model, &tokenizer, error);
    if (status == PLN_OK)
        status = pln_encoder_create(tokenizer, 1, &encoded->encoder, error);
    if (status == PLN_OK)
        status = pln_encoder_encode(encoded->encoder, &example, 1, NULL, &encoded->tokens, error);
    if (status == PLN_OK && encoded->tokens->tokens > most)
        status = pln_fail(error, PLN_INVALID, "the text has %u tokens, the model takes at most %u",
                          encoded->tokens->tokens, most);
    if (status != PLN_OK) {
        task_text_finish(encoded);
        return status;
    }
    encoded->n = encoded->tokens->tokens;
    encoded->inputs[0] = (pln_tensor){
        .name = "input_ids", .dtype = PLN_I32, .rank = 2, .shape = {1, encoded->n}, .data = encoded->tokens->ids};
    encoded->inputs[1] = (pln_tensor){.name = "token_type_ids",
                                      .dtype = PLN_I32,
                                      .rank = 2,
                                      .shape = {1, encoded->n},
                                      .data = encoded->tokens->types};
    return PLN_OK;
}

void task_text_finish(struct task_text *encoded)
{
    pln_encoder_destroy(&encoded->encoder);
    *encoded = (struct task_text){0};
}

static const pln_tensor *find_logits(const pln_tensor *outputs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(outputs[i].name, "logits") == 0)
            return &outputs[i];
    return NULL;
}

static pln_status check_row(const float *x, uint64_t width, uint64_t row, bool barred, pln_error *error)
{
    bool finite = false;
    for (uint64_t i = 0; i < width; i++) {
        finite = finite || isfinite(x[i]);
        if (!isfinite(x[i]) && !(barred && x[i] == -INFINITY))
            return pln_fail(error, PLN_FAILED,
                            "the model has no answer: logit %llu of row %llu is %s; a weight is not finite, or too "
                            "large",
                            (unsigned long long)i, (unsigned long long)row, isnan(x[i]) ? "NaN" : "infinite");
    }
    return finite ? PLN_OK
                  : pln_fail(error, PLN_FAILED, "the model has no answer: every logit of row %llu is barred",
                             (unsigned long long)row);
}

static pln_status check_logits(const pln_tensor *logits, bool barred, pln_error *error)
{
    const uint64_t width = logits->shape[logits->rank - 1], rows = pln_tensor_elements(logits) / width;
    pln_status status = PLN_OK;
    for (uint64_t i = 0; status == PLN_OK && i < rows; i++)
        status = check_row((const float *)logits->data + i * width, width, i, barred, error);
    return status;
}

pln_status task_forward(pln_session *session, const struct task_text *encoded, const uint32_t *targets,
                        uint32_t n_targets, bool barred, const pln_tensor **logits, pln_error *error)
{
    const pln_tensor *outputs;
    uint32_t n;
    const pln_status status =
        session_forward_targets(session, encoded->inputs, 2, targets, n_targets, &outputs, &n, error);
    if (status != PLN_OK)
        return status;
    *logits = find_logits(outputs, n);
    return check_logits(*logits, barred, error);
}

void task_softmax(float *x, uint32_t n)
{
    float top = -INFINITY, sum = 0;
    for (uint32_t i = 0; i < n; i++)
        top = x[i] > top ? x[i] : top;
    for (uint32_t i = 0; i < n; i++) {
        x[i] = expf(x[i] - top);
        sum += x[i];
    }
    for (uint32_t i = 0; i < n; i++)
        x[i] /= sum;
}
