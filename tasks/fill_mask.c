/* SPDX-License-Identifier: Apache-2.0
 *
 * Fill-mask: text with [MASK] in, the likeliest tokens for each out. Only the rows of the masks go through the
 * vocabulary.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "tasks/tasks.h"

/* The `top` best of a row, best first. */
static void pick_best(float *probabilities, uint32_t n, uint32_t mask, uint32_t top, const pln_tokenizer *tokenizer,
                      pln_fill *out)
{
    for (uint32_t i = 0; i < top; i++) {
        uint32_t best = 0;
        for (uint32_t j = 1; j < n; j++)
            if (probabilities[j] > probabilities[best])
                best = j;
        const char *token = pln_tokenizer_token(tokenizer, (int32_t)best);
        out[i] = (pln_fill){mask, (int32_t)best, probabilities[best], token ? token : ""};
        probabilities[best] = -1;
    }
}

static pln_status collect(const pln_tensor *logits, uint32_t top, const pln_tokenizer *tokenizer, pln_fill **fills,
                          uint32_t *count, pln_error *error)
{
    const uint32_t masks = (uint32_t)logits->shape[0], vocab = (uint32_t)logits->shape[1];
    top = top < vocab ? top : vocab;
    float *row = malloc(vocab * sizeof *row);
    *fills = calloc((size_t)masks * top + 1, sizeof **fills);
    if (!row || !*fills) {
        free(row);
        free(*fills);
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u candidates", masks * top);
    }
    for (uint32_t i = 0; i < masks; i++) {
        memcpy(row, (const float *)logits->data + (size_t)i * vocab, vocab * sizeof *row);
        task_softmax(row, vocab);
        pick_best(row, vocab, i, top, tokenizer, *fills + (size_t)i * top);
    }
    free(row);
    *count = masks * top;
    return PLN_OK;
}

static pln_status fill_masks(pln_session *session, const char *text, uint32_t top, pln_fill **fills, uint32_t *count,
                             pln_error *error)
{
    struct task_text encoded;
    const pln_tokenizer *tokenizer;
    const pln_tensor *outputs;
    uint32_t n, n_masks = 0;
    pln_status status = task_encode(session, PLN_HEAD_MASKED_LM, text, NULL, &encoded, error);
    if (status == PLN_OK)
        status = pln_model_tokenizer(session->model, &tokenizer, error);
    if (status != PLN_OK)
        return status;
    uint32_t *masks = calloc(encoded.n + 1, sizeof *masks);
    for (uint32_t i = 0; masks && i < encoded.n; i++)
        if (encoded.tokens->ids[i] == pln_tokenizer_special_id(tokenizer, PLN_MASK_TOKEN))
            masks[n_masks++] = i;
    if (!masks)
        status = pln_fail(error, PLN_NO_MEMORY, "no memory for %u tokens", encoded.n);
    else if (!n_masks)
        status = pln_fail(error, PLN_INVALID, "the text has no [MASK]");
    if (status == PLN_OK)
        status = session_forward_targets(session, encoded.inputs, 2, masks, n_masks, &outputs, &n, error);
    if (status == PLN_OK)
        status = collect(task_logits(outputs, n), top, tokenizer, fills, count, error);
    free(masks);
    task_text_finish(&encoded);
    return status;
}

pln_status pln_fill_mask(pln_session *session, const char *text, uint32_t top, pln_fill **fills, uint32_t *count,
                         pln_error *error)
{
    pln_status status = session_begin(session, error);
    if (status != PLN_OK)
        return status;
    status = fill_masks(session, text, top, fills, count, error);
    session_end(session);
    return status;
}
