/* SPDX-License-Identifier: Apache-2.0
 *
 * Examples on their way from the text to a batch: a thread makes them, some batches ahead; they are shuffled in a
 * buffer, wait in a queue, and are masked when they are handed out.
 */
#include "training/corpus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/array.h"
#include "common/clock.h"
#include "common/door.h"
#include "common/in_use.h"

enum { LINES = 256, CHUNK_BYTES = 1 << 16, AHEAD = 4096 }; /* lines tokenized at a time; examples that wait */

/* ---- lists */

bool corpus_list_put(struct corpus_list *list, const struct corpus_example *example)
{
    if (list->n == list->room) {
        const size_t room = array_room(list->room, list->n + 1);
        struct corpus_example *items = calloc(room, sizeof *items);
        if (!items)
            return false;
        for (size_t i = 0; i < list->n; i++)
            items[i] = list->items[(list->first + i) % list->room];
        free(list->items);
        *list = (struct corpus_list){.items = items, .n = list->n, .room = room};
    }
    list->items[(list->first + list->n++) % list->room] = *example;
    return true;
}

struct corpus_example corpus_list_take(struct corpus_list *list)
{
    const struct corpus_example example = list->items[list->first];
    list->first = (list->first + 1) % list->room;
    list->n--;
    return example;
}

static void free_list(struct corpus_list *list)
{
    while (list->n)
        free(corpus_list_take(list).ids);
    free(list->items);
    *list = (struct corpus_list){0};
}

/* ---- making examples */

/* Lines that are tokenized together. */
struct chunk {
    pln_example lines[LINES];
    bool ends[LINES]; /* a document ends before this line */
    uint32_t n;
    size_t bytes;
    char *texts; /* copies, NULL-terminated lines one behind the other */
    size_t room;
    bool last_ends; /* a document ends behind the last line */
};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static pln_text strip(pln_text t)
{
    while (t.bytes && is_blank(*t.text)) {
        t.text++;
        t.bytes--;
    }
    while (t.bytes && is_blank(t.text[t.bytes - 1]))
        t.bytes--;
    return t;
}

/* A document ends here; what stands before it in the chunk is of it. */
static void end_document(struct chunk *c)
{
    c->last_ends = true;
}

static bool add_line(struct chunk *c, pln_text line)
{
    char *room = array_reserve(c->texts, &c->room, c->bytes + line.bytes + 1, 1);
    if (!room)
        return false;
    c->texts = room;
    memcpy(c->texts + c->bytes, line.text, line.bytes);
    c->lines[c->n] = (pln_example){.text = {NULL, line.bytes}};
    c->ends[c->n++] = c->last_ends;
    c->last_ends = false;
    c->bytes += line.bytes;
    return true;
}

/* A row of the corpus: a line, or a document of lines of which there may be many. */
struct source {
    struct corpus_row row;
    pln_text rest; /* of a document: lines that were not taken yet */
    bool open;
};

static bool take_line(const pln_corpus *corpus, struct source *s, struct chunk *c)
{
    const char *end = s->row.whole ? memchr(s->rest.text, '\n', s->rest.bytes) : NULL;
    const size_t bytes = end ? (size_t)(end - s->rest.text) : s->rest.bytes;
    const pln_text line = strip((pln_text){s->rest.text, bytes});
    s->rest.text += bytes + (end != NULL);
    s->rest.bytes -= bytes + (end != NULL);
    s->open = s->rest.bytes > 0;
    if (!line.bytes && !corpus->options.file_documents)
        end_document(c);
    const bool room = !line.bytes || add_line(c, line);
    if (!s->open && s->row.whole)
        end_document(c);
    return room;
}

/* The chunk becomes sentences, and these examples. */
static pln_status keep_example(pln_corpus *corpus, pln_error *error);

static pln_status add_sentences(pln_corpus *corpus, struct chunk *c, const pln_encodings *e, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < c->n; i++) {
        bool ready;
        if (c->ends[i])
            status = keep_example(corpus, error);
        if (status != PLN_OK)
            return status;
        if (!corpus_builder_add(&corpus->builder, e->ids + e->starts[i], e->starts[i + 1] - e->starts[i], &ready))
            return pln_fail(error, PLN_NO_MEMORY, "no memory for a sentence");
        if (ready)
            status = keep_example(corpus, error);
    }
    return status == PLN_OK && c->last_ends ? keep_example(corpus, error) : status;
}

static pln_status put(pln_corpus *corpus, struct corpus_example *example, pln_error *error)
{
    example->epoch = corpus_text_epoch(&corpus->text);
    pthread_mutex_lock(&corpus->lock);
    const bool room = corpus_list_put(&corpus->queue, example);
    pthread_cond_signal(&corpus->made);
    pthread_mutex_unlock(&corpus->lock);
    if (room)
        return PLN_OK;
    free(example->ids);
    return pln_fail(error, PLN_NO_MEMORY, "no memory for examples that wait");
}

/* An example goes into the buffer, and one that is drawn leaves it when it is full. */
static pln_status keep_example(pln_corpus *corpus, pln_error *error)
{
    struct corpus_example example;
    if (!corpus_builder_make(&corpus->builder, &example))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for an example");
    if (!example.n)
        return PLN_OK;
    if (corpus->n_buffer < corpus->options.shuffle_buffer) {
        corpus->buffer[corpus->n_buffer++] = example;
        return PLN_OK;
    }
    const uint32_t i = corpus_below(corpus->options.seed, CORPUS_SHUFFLE, corpus->shuffled++, 0, corpus->n_buffer);
    struct corpus_example drawn = corpus->buffer[i];
    corpus->buffer[i] = example;
    return put(corpus, &drawn, error);
}

/* At the end of a corpus what is in the buffer leaves it too. */
static pln_status drain(pln_corpus *corpus, pln_error *error)
{
    pln_status status = keep_example(corpus, error);
    while (status == PLN_OK && corpus->n_buffer) {
        const uint32_t i = corpus_below(corpus->options.seed, CORPUS_SHUFFLE, corpus->shuffled++, 0, corpus->n_buffer);
        struct corpus_example drawn = corpus->buffer[i];
        corpus->buffer[i] = corpus->buffer[--corpus->n_buffer];
        status = put(corpus, &drawn, error);
    }
    if (status != PLN_OK)
        return status;
    pthread_mutex_lock(&corpus->lock);
    corpus->ended = true;
    pthread_mutex_unlock(&corpus->lock);
    return PLN_OK;
}

/* ---- the thread: all but the queue and how it ended is its own while it runs */

/* Lines up to a chunk, but whole rows: where the text stands counts rows. */
static pln_status read_chunk(pln_corpus *corpus, struct source *s, struct chunk *c, bool *end, pln_error *error)
{
    pln_status status = PLN_OK;
    while (status == PLN_OK && !*end && c->n < LINES && c->bytes < CHUNK_BYTES) {
        if (!s->open) {
            status = corpus_text_next(&corpus->text, &s->row, end, error);
            if (status != PLN_OK || *end)
                break;
            s->rest = s->row.text;
            if (s->row.first)
                end_document(c);
        }
        if (!take_line(corpus, s, c))
            status = pln_fail(error, PLN_NO_MEMORY, "no memory for lines of the corpus");
    }
    for (size_t at = 0, i = 0; status == PLN_OK && i < c->n; at += c->lines[i++].text.bytes)
        c->lines[i].text.text = c->texts + at;
    return status;
}

static pln_status encode_chunk(pln_corpus *corpus, struct chunk *c, const pln_encodings **encodings, pln_error *error)
{
    const pln_encode_options options = {.size = sizeof options, .no_special = true};
    return pln_encoder_encode(corpus->encoder, c->lines, c->n, &options, encodings, error);
}

/* Lets the thread wait until it has to go on; false: it has to stop. */
static bool is_wanted(pln_corpus *corpus, pln_status status)
{
    pthread_mutex_lock(&corpus->lock);
    corpus->status = status;
    while (!corpus->stop && corpus->queue.n >= AHEAD)
        pthread_cond_wait(&corpus->taken, &corpus->lock);
    const bool wanted = !corpus->stop && !corpus->ended && status == PLN_OK;
    pthread_cond_signal(&corpus->made);
    pthread_mutex_unlock(&corpus->lock);
    return wanted;
}

/* One chunk, or as many as a long document has: the thread ends between rows only. */
static pln_status make_some(pln_corpus *corpus, struct source *s, struct chunk *c, pln_error *error)
{
    const pln_encodings *encodings;
    bool end = false;
    pln_status status;
    do {
        c->n = 0;
        c->bytes = 0;
        status = read_chunk(corpus, s, c, &end, error);
        if (status == PLN_OK)
            status = encode_chunk(corpus, c, &encodings, error);
        if (status == PLN_OK)
            status = add_sentences(corpus, c, encodings, error);
        c->last_ends = false;
    } while (status == PLN_OK && s->open);
    return status == PLN_OK && end ? drain(corpus, error) : status;
}

static void *make_examples(void *context)
{
    pln_corpus *corpus = context;
    struct source source = {.open = false};
    struct chunk *chunk = calloc(1, sizeof *chunk);
    pln_status status = chunk ? PLN_OK : pln_fail(&corpus->error, PLN_NO_MEMORY, "no memory for lines of the corpus");
    while (is_wanted(corpus, status))
        status = make_some(corpus, &source, chunk, &corpus->error);
    if (chunk)
        free(chunk->texts);
    free(chunk);
    return NULL;
}

pln_status corpus_start(pln_corpus *corpus, pln_error *error)
{
    corpus->stop = false;
    const int failed = pthread_create(&corpus->thread, NULL, make_examples, corpus);
    corpus->running = !failed;
    return failed ? pln_fail(error, PLN_NO_MEMORY, "no thread for the corpus: %s", strerror(failed)) : PLN_OK;
}

void corpus_halt(pln_corpus *corpus)
{
    if (!corpus->running)
        return;
    pthread_mutex_lock(&corpus->lock);
    corpus->stop = true;
    pthread_cond_signal(&corpus->taken);
    pthread_mutex_unlock(&corpus->lock);
    pthread_join(corpus->thread, NULL);
    corpus->running = false;
}

/* ---- batches */

pln_status corpus_fail(const pln_corpus *corpus, pln_error *error)
{
    if (error)
        *error = corpus->error;
    return corpus->status;
}

static pln_status give_up(const pln_corpus *corpus, pln_error *error)
{
    return corpus->status == PLN_OK ? pln_fail(error, PLN_FAILED, "the corpus has ended after %llu examples",
                                               (unsigned long long)corpus->emitted)
                                    : corpus_fail(corpus, error);
}

/* Up to `rows` examples from the queue; fewer at the end. */
static pln_status take_examples(pln_corpus *corpus, uint32_t rows, pln_error *error)
{
    uint32_t n = 0;
    pthread_mutex_lock(&corpus->lock);
    while (n < rows) {
        while (!corpus->queue.n && !corpus->ended && corpus->status == PLN_OK)
            pthread_cond_wait(&corpus->made, &corpus->lock);
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
    if (status == PLN_OK && !c->buffer)
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
    free_list(&corpus->queue);
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
