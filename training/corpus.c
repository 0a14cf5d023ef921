/* SPDX-License-Identifier: Apache-2.0
 *
 * A corpus as its callers see it: opened, closed, and handed out in batches, which are masked here.
 */
#include "training/corpus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/clock.h"
#include "common/door.h"
#include "common/in_use.h"

/* ---- batches */

pln_status corpus_fail(const pln_corpus *corpus, pln_error *error)
{
    if (error)
        *error = corpus->error;
    return corpus->status;
}

static pln_status give_up(const pln_corpus *corpus, pln_error *error)
{
    const struct corpus_text *text = &corpus->text;
    if (corpus->status != PLN_OK)
        return corpus_fail(corpus, error);
    if (corpus->emitted)
        return pln_fail(error, PLN_FAILED, "the corpus has ended after %llu examples",
                        (unsigned long long)corpus->emitted);
    return text->n_files > 1 ? pln_fail(error, PLN_INVALID, "there is no text in %s, nor in the %u files behind it",
                                        text->files[0], text->n_files - 1)
                             : pln_fail(error, PLN_INVALID, "%s: there is no text in it", text->files[0]);
}

/* The lock is held. */
static void wait_for(pln_corpus *corpus, size_t examples)
{
    while (corpus->queue.n < examples && !corpus->ended && corpus->status == PLN_OK)
        pthread_cond_wait(&corpus->made, &corpus->lock);
}

/* Up to `rows` examples from the queue; fewer at the end. */
static pln_status take_examples(pln_corpus *corpus, uint32_t rows, pln_error *error)
{
    uint32_t n = 0;
    pthread_mutex_lock(&corpus->lock);
    corpus->rows = rows;
    while (n < rows) {
        wait_for(corpus, 1);
        if (!corpus->queue.n)
            break;
        corpus->handed[n++] = corpus_list_take(&corpus->queue);
        pthread_cond_signal(&corpus->taken);
    }
    const pln_status status = n ? PLN_OK : give_up(corpus, error);
    pthread_mutex_unlock(&corpus->lock);
    corpus->batch.rows = n;
    return status;
}

static void free_handed(pln_corpus *corpus)
{
    for (uint32_t i = 0; i < corpus->batch.rows; i++)
        free(corpus->handed[i].ids);
    corpus->batch.rows = 0;
}

/* Row `row` of each tensor; those behind its tokens stay what they are. */
static void fill_row(pln_corpus *corpus, uint32_t row, uint32_t length, uint32_t slots)
{
    const struct corpus_example *e = &corpus->handed[row];
    const size_t plane = (size_t)corpus->batch.rows * length, at = (size_t)row * length;
    int64_t *const ids = corpus->numbers + at, *const mask = ids + plane, *const types = mask + plane;
    int64_t *const masked = types + plane, *const positions = corpus->numbers + 4 * plane + (size_t)row * slots;
    for (uint32_t i = 0; i < length; i++) {
        const bool there = i < e->n;
        ids[i] = there ? e->ids[i] : corpus->pad;
        mask[i] = there;
        types[i] = there && i >= e->first;
        masked[i] = corpus->pad;
    }
    corpus_mask(&corpus->masking, e, corpus->emitted + row, positions, masked);
}

static pln_status fill_batch(pln_corpus *corpus, pln_error *error)
{
    static const char *const names[] = {"input_ids", "attention_mask", "token_type_ids", "masked_ids", "positions"};
    const uint32_t rows = corpus->batch.rows, slots = corpus_mask_slots(&corpus->masking);
    uint32_t length = 0;
    for (uint32_t i = 0; i < rows; i++)
        length = corpus->handed[i].n > length ? corpus->handed[i].n : length;
    const size_t plane = (size_t)rows * length;
    int64_t *numbers =
        array_reserve(corpus->numbers, &corpus->room_numbers, 4 * plane + (size_t)rows * slots, sizeof *numbers);
    if (!numbers)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a batch of %u examples", rows);
    corpus->numbers = numbers;
    for (uint32_t i = 0; i < rows; i++)
        fill_row(corpus, i, length, slots);
    for (uint32_t i = 0; i < 5; i++)
        corpus->tensors[i] = (pln_tensor){.name = names[i],
                                          .dtype = PLN_I64,
                                          .rank = 2,
                                          .shape = {rows, i < 4 ? length : slots},
                                          .data = numbers + i * plane};
    corpus->batch.tensors = corpus->tensors;
    corpus->batch.n_tensors = 5;
    corpus->batch.epoch = corpus->handed[rows - 1].epoch;
    corpus->emitted += rows;
    return PLN_OK;
}

static pln_status next(pln_corpus *corpus, uint32_t rows, const pln_corpus_batch **batch, pln_error *error)
{
    const double began = clock_seconds();
    free_handed(corpus);
    struct corpus_example *handed = array_reserve(corpus->handed, &corpus->room_handed, rows, sizeof *handed);
    if (!handed)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a batch of %u examples", rows);
    corpus->handed = handed;
    pln_status status = corpus->running ? PLN_OK : corpus_start(corpus, error);
    if (status == PLN_OK)
        status = take_examples(corpus, rows, error);
    corpus->batch.waited = clock_seconds() - began;
    if (status == PLN_OK)
        status = fill_batch(corpus, error);
    *batch = status == PLN_OK ? &corpus->batch : NULL;
    return status;
}

pln_status pln_corpus_next(pln_corpus *corpus, uint32_t rows, const pln_corpus_batch **batch, pln_error *error)
{
    NEED(error, batch);
    *batch = NULL;
    NEED(error, corpus);
    if (!rows)
        return pln_fail(error, PLN_INVALID, "pln_corpus_next: rows is 0");
    pln_status status = in_use_begin(&corpus->in_use, "the corpus", error);
    if (status != PLN_OK)
        return status;
    status = next(corpus, rows, batch, error);
    in_use_end(&corpus->in_use);
    return status;
}

static pln_status look(pln_corpus *corpus, uint32_t rows, pln_error *error)
{
    pln_status status = corpus->running ? PLN_OK : corpus_start(corpus, error);
    if (status != PLN_OK)
        return status;
    pthread_mutex_lock(&corpus->lock);
    wait_for(corpus, rows < CORPUS_AHEAD ? rows : CORPUS_AHEAD);
    if (!corpus->queue.n || corpus->status != PLN_OK)
        status = give_up(corpus, error);
    pthread_mutex_unlock(&corpus->lock);
    return status;
}

pln_status pln_corpus_look(pln_corpus *corpus, uint32_t rows, pln_error *error)
{
    NEED(error, corpus);
    pln_status status = in_use_begin(&corpus->in_use, "the corpus", error);
    if (status != PLN_OK)
        return status;
    status = look(corpus, rows ? rows : 1, error);
    in_use_end(&corpus->in_use);
    return status;
}

/* ---- open, close */

static pln_status find_special(const pln_tokenizer *tokenizer, pln_special which, const char *name, int32_t *id,
                               pln_error *error)
{
    *id = pln_tokenizer_special_id(tokenizer, which);
    return *id >= 0 ? PLN_OK : pln_fail(error, PLN_INVALID, "the tokenizer has no %s", name);
}

static pln_status set_up(pln_corpus *c, pln_error *error)
{
    int32_t cls = 0, sep = 0, mask = 0;
    pln_status status = find_special(c->tokenizer, PLN_SPECIAL_CLS, "[CLS]", &cls, error);
    if (status == PLN_OK)
        status = find_special(c->tokenizer, PLN_SPECIAL_SEP, "[SEP]", &sep, error);
    if (status == PLN_OK)
        status = find_special(c->tokenizer, PLN_SPECIAL_MASK, "[MASK]", &mask, error);
    if (status == PLN_OK)
        status = find_special(c->tokenizer, PLN_SPECIAL_PAD, "[PAD]", &c->pad, error);
    c->builder = (struct corpus_builder){.seed = c->options.seed,
                                         .max_length = c->options.max_length,
                                         .target = c->options.max_length,
                                         .cls = (uint32_t)cls,
                                         .sep = (uint32_t)sep};
    c->masking = (struct corpus_masking){.seed = c->options.seed,
                                         .probability = c->options.mask_probability,
                                         .token_probability = c->options.mask_token_probability,
                                         .max_length = c->options.max_length,
                                         .cls = cls,
                                         .sep = sep,
                                         .mask = mask};
    c->buffer = calloc(c->options.shuffle_buffer, sizeof *c->buffer);
    c->epochs = calloc(c->options.shuffle_buffer, sizeof *c->epochs);
    if (status == PLN_OK && (!c->buffer || !c->epochs))
        status = pln_fail(error, PLN_NO_MEMORY, "no memory to shuffle %u examples", c->options.shuffle_buffer);
    return status;
}

static pln_status take_options(const pln_corpus_options *given, pln_corpus_options *o, pln_error *error)
{
    *o = *given;
    o->max_length = o->max_length ? o->max_length : 128;
    o->shuffle_buffer = o->shuffle_buffer ? o->shuffle_buffer : 16384;
    o->mask_probability = o->mask_probability == 0 ? 0.15 : o->mask_probability;
    o->mask_token_probability = o->mask_token_probability == 0 ? 0.85 : o->mask_token_probability;
    if (o->max_length < 5)
        return pln_fail(error, PLN_INVALID, "max_length %u: an example has at least 5 tokens", o->max_length);
    if (!(o->mask_probability > 0 && o->mask_probability <= 1))
        return pln_fail(error, PLN_INVALID, "mask probability %g: expected more than 0 and at most 1",
                        o->mask_probability);
    return o->mask_token_probability > 0 && o->mask_token_probability <= 1
               ? PLN_OK
               : pln_fail(error, PLN_INVALID, "mask token probability %g: expected more than 0 and at most 1",
                          o->mask_token_probability);
}

pln_status pln_corpus_open(const pln_tokenizer *tokenizer, const char *const *paths, uint32_t n_paths,
                           const pln_corpus_options *options, pln_corpus **corpus, pln_error *error)
{
    pln_corpus_options o = {.size = sizeof o};
    NEED(error, corpus);
    *corpus = NULL;
    NEED(error, tokenizer, paths);
    TAKE(error, pln_corpus_options, o, options);
    pln_status status = take_options(&o, &o, error);
    pln_corpus *c = status == PLN_OK ? calloc(1, sizeof *c) : NULL;
    if (!c)
        return status == PLN_OK ? pln_fail(error, PLN_NO_MEMORY, "no memory for a corpus") : status;
    c->tokenizer = tokenizer;
    c->options = o;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->made, NULL);
    pthread_cond_init(&c->taken, NULL);
    c->column = strdup(o.column ? o.column : "text");
    c->options.column = c->text.column = c->column;
    c->text.once = o.once;
    if (!c->column)
        status = pln_fail(error, PLN_NO_MEMORY, "no memory for a corpus");
    if (status == PLN_OK)
        status = corpus_text_open(&c->text, paths, n_paths, error);
    if (status == PLN_OK)
        status = pln_encoder_create(tokenizer, o.threads, &c->encoder, error);
    if (status == PLN_OK)
        status = set_up(c, error);
    if (status != PLN_OK)
        pln_corpus_close(&c);
    *corpus = c;
    return status;
}

void corpus_clear(pln_corpus *corpus)
{
    free_handed(corpus);
    corpus_list_free(&corpus->queue);
    for (uint32_t i = 0; i < corpus->n_buffer; i++)
        free(corpus->buffer[i].ids);
    corpus->n_buffer = 0;
}

void pln_corpus_close(pln_corpus **corpus)
{
    pln_corpus *c = corpus ? *corpus : NULL;
    if (!c)
        return;
    *corpus = NULL;
    corpus_halt(c);
    corpus_clear(c);
    corpus_text_close(&c->text);
    pln_encoder_destroy(&c->encoder);
    free(c->buffer);
    free(c->epochs);
    free(c->builder.ids);
    free(c->builder.lengths);
    free(c->handed);
    free(c->numbers);
    free(c->column);
    pthread_cond_destroy(&c->made);
    pthread_cond_destroy(&c->taken);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
