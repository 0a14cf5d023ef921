/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a corpus stands as a file of tensors: counters, the sentences of the example under way, and the examples that
 * wait in the buffer and in the queue. The text itself is read again up to its row.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/safetensors.h"
#include "checkpoint/tensors.h"
#include "common/door.h"
#include "common/in_use.h"
#include "training/corpus.h"

enum { FORMAT = 1 };

/* The counters in their places; what a run may not change between two parts of it is among them. */
enum number {
    NUMBER_FORMAT,
    NUMBER_SEED,
    NUMBER_MAX_LENGTH,
    NUMBER_SHUFFLE_BUFFER,
    NUMBER_FILES,
    NUMBER_BYTES,
    NUMBER_FILE,
    NUMBER_ROW,
    NUMBER_ROWS,
    NUMBER_PASSES,
    NUMBER_MADE,
    NUMBER_TARGET,
    NUMBER_SHUFFLED,
    NUMBER_EMITTED,
    NUMBER_BUFFER,
    NUMBER_ENDED,
    NUMBERS
};

static void fill_numbers(const pln_corpus *c, int64_t *n)
{
    n[NUMBER_FORMAT] = FORMAT;
    n[NUMBER_SEED] = (int64_t)c->options.seed;
    n[NUMBER_MAX_LENGTH] = c->options.max_length;
    n[NUMBER_SHUFFLE_BUFFER] = c->options.shuffle_buffer;
    n[NUMBER_FILES] = c->text.n_files;
    n[NUMBER_BYTES] = (int64_t)c->text.all_bytes;
    n[NUMBER_FILE] = c->text.file;
    n[NUMBER_ROW] = (int64_t)c->text.row;
    n[NUMBER_ROWS] = (int64_t)c->text.rows;
    n[NUMBER_PASSES] = (int64_t)c->text.passes;
    n[NUMBER_MADE] = (int64_t)c->builder.made;
    n[NUMBER_TARGET] = c->builder.target;
    n[NUMBER_SHUFFLED] = (int64_t)c->shuffled;
    n[NUMBER_EMITTED] = (int64_t)c->emitted;
    n[NUMBER_BUFFER] = c->n_buffer;
    n[NUMBER_ENDED] = c->ended;
}

/* Examples of the buffer, then of the queue. */
static const struct corpus_example *example_at(const pln_corpus *c, size_t i)
{
    return i < c->n_buffer ? &c->buffer[i] : &c->queue.items[(c->queue.first + i - c->n_buffer) % c->queue.room];
}

struct image {
    int32_t *sizes; /* [examples, 2]: tokens, those of the first segment */
    double *epochs;
    size_t n, n_ids;
};

static bool fill_image(const pln_corpus *c, struct image *image)
{
    image->n = c->n_buffer + c->queue.n;
    for (size_t i = 0; i < image->n; i++)
        image->n_ids += example_at(c, i)->n;
    image->sizes = malloc((image->n + 1) * 2 * sizeof *image->sizes);
    image->epochs = malloc((image->n + 1) * sizeof *image->epochs);
    if (!image->sizes || !image->epochs)
        return false;
    for (size_t i = 0; i < image->n; i++) {
        const struct corpus_example *e = example_at(c, i);
        image->sizes[2 * i] = (int32_t)e->n;
        image->sizes[2 * i + 1] = (int32_t)e->first;
        image->epochs[i] = i < c->n_buffer ? c->epochs[(c->shuffled + i) % c->options.shuffle_buffer] : e->epoch;
    }
    return true;
}

static void free_image(struct image *image)
{
    free(image->sizes);
    free(image->epochs);
}

/* The tokens of all examples, where they wait: a copy of them all would be the most of what a corpus takes. */
static bool give_ids(const void *context, ckpt_take *take, void *taker)
{
    const pln_corpus *c = context;
    for (size_t i = 0; i < c->n_buffer + c->queue.n; i++)
        if (!take(taker, example_at(c, i)->ids, example_at(c, i)->n * sizeof(int32_t)))
            return false;
    return true;
}

static pln_status write_state(const pln_corpus *c, const char *path, pln_error *error)
{
    struct image image = {0};
    int64_t numbers[NUMBERS];
    fill_numbers(c, numbers);
    const bool room = fill_image(c, &image);
    const struct corpus_builder *b = &c->builder;
    const pln_tensor tensors[] = {
        {"numbers", PLN_I64, 1, {NUMBERS}, numbers},
        {"sentence_ids", PLN_I32, 1, {b->n_ids}, b->ids},
        {"sentence_lengths", PLN_I32, 1, {b->n_lengths}, b->lengths},
        {"example_ids", PLN_I32, 1, {image.n_ids}, NULL},
        {"example_sizes", PLN_I32, 2, {image.n, 2}, image.sizes},
        {"example_epochs", PLN_F64, 1, {image.n}, image.epochs},
    };
    enum { N = sizeof tensors / sizeof *tensors };
    struct ckpt_output outputs[N];
    for (size_t i = 0; i < N; i++) {
        outputs[i] = ckpt_output_of(&tensors[i]);
        if (!tensors[i].data && tensors[i].shape[0]) {
            outputs[i].give = give_ids;
            outputs[i].context = c;
        }
    }
    const pln_status status = room ? safetensors_write(path, outputs, N, NULL, 0, error)
                                   : pln_fail(error, PLN_NO_MEMORY, "no memory for %zu examples that wait", image.n);
    free_image(&image);
    return status;
}

pln_status pln_corpus_save(pln_corpus *corpus, const char *path, pln_error *error)
{
    NEED(error, corpus, path);
    pln_status status = in_use_begin(&corpus->in_use, "the corpus", error);
    if (status != PLN_OK)
        return status;
    const bool running = corpus->running;
    corpus_halt(corpus);
    if (corpus->status == PLN_OK)
        status = write_state(corpus, path, error);
    else /* the thread ended within a chunk, whose examples are lost */
        status = corpus_fail(corpus, error);
    if (running && status == PLN_OK && corpus->status == PLN_OK)
        status = corpus_start(corpus, error);
    in_use_end(&corpus->in_use);
    return status;
}

/* ---- reading */

struct state {
    const int64_t *numbers;
    const int32_t *sentence_ids, *sentence_lengths, *ids, *sizes;
    const double *epochs;
    uint64_t n_sentence_ids, n_sentences, n_ids, n;
};

static const void *take(const pln_tensor_file *file, const char *name, pln_dtype dtype, uint32_t rank, uint64_t *n)
{
    const pln_tensor *t = ckpt_tensors_find(file, name);
    if (!t || t->dtype != dtype || t->rank != rank || (rank == 2 && t->shape[1] != 2))
        return NULL;
    *n = t->shape[0];
    return t->data;
}

static bool find_state(const pln_tensor_file *file, struct state *s)
{
    uint64_t numbers = 0, sizes = 0;
    s->numbers = take(file, "numbers", PLN_I64, 1, &numbers);
    s->sentence_ids = take(file, "sentence_ids", PLN_I32, 1, &s->n_sentence_ids);
    s->sentence_lengths = take(file, "sentence_lengths", PLN_I32, 1, &s->n_sentences);
    s->ids = take(file, "example_ids", PLN_I32, 1, &s->n_ids);
    s->sizes = take(file, "example_sizes", PLN_I32, 2, &sizes);
    s->epochs = take(file, "example_epochs", PLN_F64, 1, &s->n);
    if (!s->numbers || !s->sentence_ids || !s->sentence_lengths || !s->ids || !s->sizes || !s->epochs ||
        numbers != NUMBERS || sizes != s->n || s->numbers[NUMBER_FORMAT] != FORMAT)
        return false;
    uint64_t sentences = 0, ids = 0;
    for (uint64_t i = 0; i < s->n_sentences; i++)
        sentences += (uint32_t)s->sentence_lengths[i];
    for (uint64_t i = 0; i < s->n; i++) {
        if (s->sizes[2 * i] < 1 || s->sizes[2 * i + 1] < 1 || s->sizes[2 * i + 1] > s->sizes[2 * i])
            return false;
        ids += (uint32_t)s->sizes[2 * i];
    }
    const int64_t buffer = s->numbers[NUMBER_BUFFER];
    return sentences == s->n_sentence_ids && ids == s->n_ids && buffer >= 0 && (uint64_t)buffer <= s->n;
}

/* Numbers that must be those of this corpus. */
static pln_status check_same(const pln_corpus *c, const int64_t *found, const char *path, pln_error *error)
{
    static const struct {
        enum number number;
        const char *name;
    } same[] = {{NUMBER_SEED, "seed"},
                {NUMBER_MAX_LENGTH, "max_length"},
                {NUMBER_SHUFFLE_BUFFER, "shuffle_buffer"},
                {NUMBER_FILES, "the number of files"},
                {NUMBER_BYTES, "the size of the files"}};
    int64_t own[NUMBERS];
    fill_numbers(c, own);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (own[same[i].number] != found[same[i].number])
            return pln_fail(error, PLN_BAD_MODEL, "%s: %s was %lld and is now %lld: it is of another corpus", path,
                            same[i].name, (long long)found[same[i].number], (long long)own[same[i].number]);
    return PLN_OK;
}

static bool read_example(const struct state *s, uint64_t i, uint64_t at, struct corpus_example *e)
{
    const uint32_t n = (uint32_t)s->sizes[2 * i];
    *e = (struct corpus_example){malloc(n * sizeof *e->ids), n, (uint32_t)s->sizes[2 * i + 1], s->epochs[i]};
    if (e->ids)
        memcpy(e->ids, s->ids + at, n * sizeof *e->ids);
    return e->ids != NULL;
}

static bool read_examples(pln_corpus *c, const struct state *s)
{
    const uint64_t buffer = (uint64_t)s->numbers[NUMBER_BUFFER];
    for (uint64_t i = 0, at = 0; i < s->n; at += (uint32_t)s->sizes[2 * i++]) {
        struct corpus_example e;
        if (!read_example(s, i, at, &e))
            return false;
        if (i < buffer) {
            c->epochs[(c->shuffled + i) % c->options.shuffle_buffer] = e.epoch;
            c->buffer[c->n_buffer++] = e;
        } else if (!corpus_list_put(&c->queue, &e)) {
            free(e.ids);
            return false;
        }
    }
    return true;
}

static bool read_sentences(struct corpus_builder *b, const struct state *s)
{
    bool ready, good = true;
    b->n_ids = b->n_lengths = 0;
    for (uint64_t i = 0, at = 0; good && i < s->n_sentences; at += (uint32_t)s->sentence_lengths[i++])
        good = corpus_builder_add(b, s->sentence_ids + at, (uint32_t)s->sentence_lengths[i], &ready);
    return good;
}

static pln_status take_state(pln_corpus *c, const struct state *s, pln_error *error)
{
    const int64_t *n = s->numbers;
    corpus_clear(c);
    c->shuffled = (uint64_t)n[NUMBER_SHUFFLED];
    if (!read_examples(c, s) || !read_sentences(&c->builder, s))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %llu examples that wait", (unsigned long long)s->n);
    c->builder.made = (uint64_t)n[NUMBER_MADE];
    c->builder.target = (uint32_t)n[NUMBER_TARGET];
    c->emitted = (uint64_t)n[NUMBER_EMITTED];
    c->ended = n[NUMBER_ENDED] != 0;
    c->status = PLN_OK;
    const pln_status status = corpus_text_seek(&c->text, (uint32_t)n[NUMBER_FILE], (uint64_t)n[NUMBER_ROW], error);
    c->text.rows = (uint64_t)n[NUMBER_ROWS];
    c->text.passes = (uint64_t)n[NUMBER_PASSES];
    c->epoch = corpus_text_epoch(&c->text);
    return status;
}

static pln_status read_state(pln_corpus *c, const char *path, pln_error *error)
{
    pln_tensor_file *file = NULL;
    struct state state = {0};
    pln_status status = ckpt_tensors_open(path, CKPT_ALIGNED, &file, error);
    if (status != PLN_OK)
        return status;
    if (!find_state(file, &state) || (uint64_t)state.numbers[NUMBER_BUFFER] > c->options.shuffle_buffer)
        status = pln_fail(error, PLN_BAD_MODEL, "%s: is not where a corpus stands", path);
    if (status == PLN_OK)
        status = check_same(c, state.numbers, path, error);
    if (status == PLN_OK)
        status = take_state(c, &state, error);
    ckpt_tensors_close(&file);
    return status;
}

pln_status pln_corpus_restore(pln_corpus *corpus, const char *path, pln_error *error)
{
    NEED(error, corpus, path);
    pln_status status = in_use_begin(&corpus->in_use, "the corpus", error);
    if (status != PLN_OK)
        return status;
    corpus_halt(corpus);
    status = read_state(corpus, path, error);
    in_use_end(&corpus->in_use);
    return status;
}
