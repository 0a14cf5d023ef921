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
    if (corpus_list_put(&corpus->queue, example))
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
    example.epoch = corpus_text_epoch(&corpus->text);
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
    corpus->ended = status == PLN_OK;
    return status;
}

/* ---- the thread: reads and tokenizes alone, changes what others see under the lock */

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
static bool is_wanted(pln_corpus *corpus)
{
    while (!corpus->stop && corpus->queue.n >= AHEAD)
        pthread_cond_wait(&corpus->taken, &corpus->lock);
    return !corpus->stop && !corpus->ended && corpus->status == PLN_OK;
}

/* One chunk, or as many as a long document has: only between rows may the state be looked at. */
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
    pthread_mutex_lock(&corpus->lock);
    if (!chunk)
        corpus->status = pln_fail(&corpus->error, PLN_NO_MEMORY, "no memory for lines of the corpus");
    while (chunk && is_wanted(corpus)) {
        corpus->status = make_some(corpus, &source, chunk, &corpus->error);
        pthread_cond_signal(&corpus->made);
    }
    pthread_cond_signal(&corpus->made);
    pthread_mutex_unlock(&corpus->lock);
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
    return failed ? pln_fail(error, PLN_FAILED, "no thread for the corpus: %s", strerror(failed)) : PLN_OK;
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
