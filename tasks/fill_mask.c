/* SPDX-License-Identifier: Apache-2.0
 *
 * Fill-mask: text with [MASK] in, the likeliest tokens for each out. Only the rows of the masks go through the
 * vocabulary.
 */
#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "tasks/tasks.h"

/* Whether candidate a comes before b: likelier, or as likely with the lower id. */
static bool comes_before(const float *p, uint32_t a, uint32_t b)
{
    return p[a] != p[b] ? p[a] > p[b] : a < b;
}

/* In a heap of candidates with the last of them on top: lets the one at `at` sink to where it belongs. */
static void sink(uint32_t *heap, uint32_t n, uint32_t at, const float *p)
{
    for (uint32_t last = at;; at = last) {
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < n; child++)
            if (comes_before(p, heap[last], heap[child]))
                last = child;
        if (last == at)
            return;
        const uint32_t held = heap[at];
        heap[at] = heap[last];
        heap[last] = held;
    }
}

/* The n best ids of a row, best first: vocab log n steps. */
static void pick_best(const float *p, uint32_t vocab, uint32_t *best, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        best[i] = i;
    for (uint32_t i = n / 2; i-- > 0;)
        sink(best, n, i, p);
    for (uint32_t i = n; n && i < vocab; i++)
        if (comes_before(p, i, best[0])) {
            best[0] = i;
            sink(best, n, 0, p);
        }
    for (uint32_t left = n; left > 1; left--) { /* the last goes behind the others */
        const uint32_t last = best[0];
        best[0] = best[left - 1];
        best[left - 1] = last;
        sink(best, left - 1, 0, p);
    }
}

struct workspace {
    float *row;     /* [vocab] probabilities */
    uint32_t *best; /* [top] */
};

static void collect_row(const struct workspace *w, const float *logits, uint32_t vocab, uint32_t top,
                        const pln_tokenizer *tokenizer, uint32_t mask, pln_fill *fills)
{
    memcpy(w->row, logits, vocab * sizeof *w->row);
    task_softmax(w->row, vocab);
    pick_best(w->row, vocab, w->best, top);
    for (uint32_t i = 0; i < top; i++) {
        const char *token = pln_tokenizer_token(tokenizer, (int32_t)w->best[i]);
        fills[i] = (pln_fill){mask, (int32_t)w->best[i], w->row[w->best[i]], token ? token : ""};
    }
}

static pln_status collect(const pln_tensor *logits, uint32_t top, const pln_tokenizer *tokenizer, pln_fill **fills,
                          uint32_t *count, pln_error *error)
{
    const uint32_t masks = (uint32_t)logits->shape[0], vocab = (uint32_t)logits->shape[1];
    top = top < vocab ? top : vocab;
    const struct workspace w = {malloc(vocab * sizeof *w.row), malloc(vocab * sizeof *w.best)};
    pln_fill *found = calloc((size_t)masks * top + 1, sizeof *found);
    const bool room = w.row && w.best && found;
    for (uint32_t i = 0; room && i < masks; i++)
        collect_row(&w, (const float *)logits->data + (size_t)i * vocab, vocab, top, tokenizer, i,
                    found + (size_t)i * top);
    free(w.row);
    free(w.best);
    if (!room) {
        free(found);
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %llu candidates", (unsigned long long)masks * top);
    }
    *fills = found;
    *count = masks * top;
    return PLN_OK;
}

static pln_status fill_masks(pln_session *session, const char *text, uint32_t top, pln_fill **fills, uint32_t *count,
                             pln_error *error)
{
    struct task_text encoded;
    const pln_tokenizer *tokenizer;
    const pln_tensor *logits;
    uint32_t n_masks = 0;
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
        status = task_forward(session, &encoded, masks, n_masks, true, &logits, error);
    if (status == PLN_OK)
        status = collect(logits, top, tokenizer, fills, count, error);
    free(masks);
    task_text_finish(&encoded);
    return status;
}

pln_status pln_fill_mask(pln_session *session, const char *text, uint32_t top, pln_fill **fills, uint32_t *count,
                         pln_error *error)
{
    NEED(error, session, text, fills, count);
    pln_status status = session_begin(session, error);
    if (status != PLN_OK)
        return status;
    status = fill_masks(session, text, top, fills, count, error);
    session_end(session);
    return status;
}
