/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread that makes examples of a text, some batches ahead: lines are tokenized and become examples, which are
 * shuffled in a buffer and wait in a queue.
 */
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/fail.h"
#include "training/corpus.h"

enum { LINES = 256, CHUNK_BYTES = 1 << 16 }; /* that are tokenized together */

/* ---- making examples */

/* Lines that are tokenized together. */
struct chunk {
    pln_example lines[LINES];
    bool ends[LINES];     /* a document ends before this line */
    double epochs[LINES]; /* where the text stands behind it */
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

static bool add_line(struct chunk *c, pln_text line, double epoch)
{
    char *room = array_reserve(c->texts, &c->room, c->bytes + line.bytes + 1, 1);
    if (!room)
        return false;
    c->texts = room;
    memcpy(c->texts + c->bytes, line.text, line.bytes);
    c->lines[c->n] = (pln_example){.text = {NULL, line.bytes}};
    c->epochs[c->n] = epoch;
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
    const bool room = !line.bytes || add_line(c, line, corpus_text_epoch(&corpus->text));
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
        corpus->epoch = c->epochs[i];
        if (ready)
            status = keep_example(corpus, error);
    }
    corpus->epoch = corpus_text_epoch(&corpus->text);
    return status == PLN_OK && c->last_ends ? keep_example(corpus, error) : status;
}

/* Where the text stood when the example was made whose turn it would be without a buffer: how much of it was used. */
static double *epoch_of(pln_corpus *corpus, uint32_t waiting)
{
    return &corpus->epochs[(corpus->shuffled + waiting) % corpus->options.shuffle_buffer];
}

static pln_status put(pln_corpus *corpus, struct corpus_example *example, pln_error *error)
{
    pthread_mutex_lock(&corpus->lock);
    const bool room = corpus_list_put(&corpus->queue, example);
    pthread_cond_signal(&corpus->made);
    pthread_mutex_unlock(&corpus->lock);
    if (room)
        return PLN_OK;
    free(example->ids);
    return pln_fail(error, PLN_NO_MEMORY, "no memory for examples that wait");
}

/* The place in the buffer of the example that leaves it now, with the epoch of its turn. */
static struct corpus_example *draw_place(pln_corpus *corpus)
{
    const double epoch = *epoch_of(corpus, 0);
    const uint32_t i = corpus_below(corpus->options.seed, CORPUS_SHUFFLE, corpus->shuffled++, 0, corpus->n_buffer);
    corpus->buffer[i].epoch = epoch;
    return &corpus->buffer[i];
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
        *epoch_of(corpus, corpus->n_buffer) = corpus->epoch;
        corpus->buffer[corpus->n_buffer++] = example;
        return PLN_OK;
    }
    struct corpus_example *const place = draw_place(corpus), drawn = *place;
    *place = example;
    *epoch_of(corpus, corpus->n_buffer - 1) = corpus->epoch;
    return put(corpus, &drawn, error);
}

/* At the end of a corpus what is in the buffer leaves it too. */
static pln_status drain(pln_corpus *corpus, pln_error *error)
{
    pln_status status = keep_example(corpus, error);
    while (status == PLN_OK && corpus->n_buffer) {
        struct corpus_example *const place = draw_place(corpus), drawn = *place;
        *place = corpus->buffer[--corpus->n_buffer];
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

/* Lines up to a chunk, but whole rows: where the text stands counts rows. A pass ends a chunk, since a text of blank
 * lines would be read for ever. */
static pln_status read_chunk(pln_corpus *corpus, struct source *s, struct chunk *c, bool *end, pln_error *error)
{
    pln_status status = PLN_OK;
    const uint64_t passes = corpus->text.passes;
    while (status == PLN_OK && !*end && corpus->text.passes == passes && c->n < LINES && c->bytes < CHUNK_BYTES) {
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
    const pln_encode_options options = {.size = sizeof options, .no_special = true, .no_places = true};
    return pln_encoder_encode(corpus->encoder, c->lines, c->n, &options, encodings, error);
}

/* Lets the thread wait until it has to go on; false: it has to stop. */
static bool is_wanted(pln_corpus *corpus, pln_status status)
{
    pthread_mutex_lock(&corpus->lock);
    corpus->status = status;
    while (!corpus->stop && corpus->queue.n >= CORPUS_AHEAD + corpus->rows)
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
    end = end || (corpus->text.passes && !corpus->builder.made && !corpus->builder.n_ids); /* there is nothing in it */
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
