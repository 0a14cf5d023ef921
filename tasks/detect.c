/* SPDX-License-Identifier: Apache-2.0
 *
 * Replaced-token detection: text in, each word with the probability that it was replaced.
 */
#include <math.h>
#include <stdlib.h>

#include "common/door.h"
#include "tasks/tasks.h"

/* Pieces of one word are neighbours with one number; a word is as suspicious as its most suspicious piece. */
static uint32_t join_words(const struct task_text *text, const float *logits, pln_word *words)
{
    uint32_t n = 0;
    int32_t open = -1; /* number of the word under way */
    for (uint32_t i = 0; i < text->n; i++) {
        const int32_t word = text->tokens->words[i];
        const uint32_t end = text->tokens->end_bytes[i];
        const float probability = 1 / (1 + expf(-logits[i]));
        if (word < 0)
            continue;
        if (word != open)
            words[n++] = (pln_word){text->tokens->begin_bytes[i], end, probability};
        open = word;
        words[n - 1].end = end;
        if (probability > words[n - 1].probability)
            words[n - 1].probability = probability;
    }
    return n;
}

static pln_status detect(pln_session *session, const char *text, pln_word **words, uint32_t *count, pln_error *error)
{
    struct task_text encoded;
    const pln_tensor *logits;
    pln_status status = task_encode(session, PLN_HEAD_PRETRAINING, text, NULL, &encoded, error);
    if (status != PLN_OK)
        return status;
    status = task_forward(session, &encoded, NULL, 0, false, &logits, error);
    if (status == PLN_OK) {
        *words = calloc(encoded.n + 1, sizeof **words);
        if (*words)
            *count = join_words(&encoded, logits->data, *words);
        else
            status = pln_fail(error, PLN_NO_MEMORY, "no memory for %u words", encoded.n);
    }
    task_text_finish(&encoded);
    return status;
}

pln_status pln_detect(pln_session *session, const char *text, pln_word **words, uint32_t *count, pln_error *error)
{
    NEED(error, session, text, words, count);
    pln_status status = session_begin(session, error);
    if (status != PLN_OK)
        return status;
    status = detect(session, text, words, count, error);
    session_end(session);
    return status;
}
