/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a corpus. Files become lines (corpus_text.c), lines become examples (corpus_examples.c), which leave
 * through a shuffle buffer and a queue (corpus.c) and are masked as they are handed out (corpus_mask.c). All that is
 * drawn hangs on the seed and on counters, so that what stands between two steps can be written to a file and read back
 * (corpus_state.c). Numbers of sections are those of the ELECTRA specification.
 */
#ifndef TRAINING_CORPUS_H
#define TRAINING_CORPUS_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/pleione_pretraining.h"
#include "api/pleione_rows.h"

/* ---- corpus_random.c: word i of number n of a stream */

enum corpus_stream { CORPUS_EXAMPLES, CORPUS_SHUFFLE, CORPUS_MASK };
uint32_t corpus_word(uint64_t seed, enum corpus_stream stream, uint64_t n, uint32_t i);
/* Even in [0, 1), and in 0 .. below - 1. */
double corpus_unit(uint64_t seed, enum corpus_stream stream, uint64_t n, uint32_t i);
uint32_t corpus_below(uint64_t seed, enum corpus_stream stream, uint64_t n, uint32_t i, uint32_t below);

/* ---- corpus_text.c: the lines of all documents, file by file, again and again */

struct corpus_text {
    char **files; /* in their order */
    uint32_t n_files;
    uint64_t *bytes, all_bytes; /* of the files; 0: not known */
    const char *column;
    bool once; /* ends after one pass */
    pln_reader *reader;
    uint32_t file;   /* that is open, or comes next */
    uint64_t row;    /* rows of it that were handed out */
    uint64_t passes; /* whole ones */
    uint64_t rows;   /* of this pass, over all files */
    uint64_t taken;  /* bytes of the open file's rows */
};

/* Lists the files: a folder recursively, names in the order of their bytes. PLN_INVALID names what cannot be read. */
pln_status corpus_text_open(struct corpus_text *text, const char *const *paths, uint32_t n_paths, pln_error *error);
void corpus_text_close(struct corpus_text *text);
/* A line of a text file, or a document of a JSON lines file, whose lines are within it. Lives until the next call. */
struct corpus_row {
    pln_text text;
    bool whole; /* a document by itself */
    bool first; /* of its file: what stood before it is another document */
};
/* *end: there is no row any more. */
pln_status corpus_text_next(struct corpus_text *text, struct corpus_row *row, bool *end, pln_error *error);
/* Goes to where `row` rows of file `file` were handed out. */
pln_status corpus_text_seek(struct corpus_text *text, uint32_t file, uint64_t row, pln_error *error);
/* How much of the corpus was read so far, in passes. */
double corpus_text_epoch(const struct corpus_text *text);

/* ---- corpus_examples.c: section 6.1 */

struct corpus_example {
    int32_t *ids;      /* [n], [CLS] and [SEP] among them */
    uint32_t n, first; /* tokens in all; of the first segment, whose type is 0 */
    double epoch;      /* how much of the text the examples up to it, as they leave the buffer, were made of */
};

struct corpus_builder {
    uint64_t seed, made; /* examples so far */
    uint32_t max_length, target, cls, sep;
    int32_t *ids; /* of the sentences that were added since the last example */
    uint32_t *lengths;
    size_t n_ids, room_ids, n_lengths, room_lengths;
};

/* Adds a sentence; *ready: it makes an example. */
bool corpus_builder_add(struct corpus_builder *builder, const int32_t *ids, uint32_t n, bool *ready);
/* The example of what was added, new ids; false: there is no memory. Nothing was added: n is 0. */
bool corpus_builder_make(struct corpus_builder *builder, struct corpus_example *example);

/* ---- corpus_mask.c: section 6.2 */

struct corpus_masking {
    uint64_t seed;
    double probability, token_probability;
    uint32_t max_length;
    int32_t cls, sep, mask;
};
/* The most slots that an example has. */
uint32_t corpus_mask_slots(const struct corpus_masking *masking);
/* Chooses tokens of the example, which is number `number` of those that were handed out: positions [slots], ascending,
 * -1 in unused ones; masked [n] are its ids with most of these masked. Returns how many were chosen. */
uint32_t corpus_mask(const struct corpus_masking *masking, const struct corpus_example *example, uint64_t number,
                     int64_t *positions, int64_t *masked);

/* ---- corpus_list.c */

enum { CORPUS_AHEAD = 1024 }; /* examples that wait in the queue, about, and a batch of the last size */

/* First in, first out. */
struct corpus_list {
    struct corpus_example *items; /* [room], a ring */
    size_t first, n, room;
};
bool corpus_list_put(struct corpus_list *list, const struct corpus_example *example); /* false: no memory */
struct corpus_example corpus_list_take(struct corpus_list *list);
void corpus_list_free(struct corpus_list *list);

/* ---- corpus.c, and its thread in corpus_make.c */

struct pln_corpus {
    const pln_tokenizer *tokenizer;
    pln_encoder *encoder;
    pln_corpus_options options;
    char *column;
    struct corpus_text text;
    struct corpus_builder builder;
    struct corpus_masking masking;
    int32_t pad;
    struct corpus_example *buffer; /* [options.shuffle_buffer] */
    double epoch;                  /* where the text stood behind the last sentence */
    double *epochs;                /* the same, a ring: of those that wait, in the order in which they were made */
    uint32_t n_buffer;
    uint32_t rows;              /* of the last batch */
    uint64_t shuffled, emitted; /* examples that left the buffer; that were handed out */
    struct corpus_list queue;
    bool ended;        /* no example will come any more */
    pln_status status; /* of the thread that makes them */
    pln_error error;
    pthread_t thread;
    bool running, stop;
    pthread_mutex_t lock; /* of all of the above, while the thread runs */
    pthread_cond_t made, taken;
    atomic_bool in_use;
    pln_corpus_batch batch; /* the last one, and its memory */
    pln_tensor tensors[5];
    int64_t *numbers;
    size_t room_numbers;
    struct corpus_example *handed; /* of the batch */
    size_t room_handed;
};

/* Begins and ends the thread that makes examples. */
pln_status corpus_start(pln_corpus *corpus, pln_error *error);
void corpus_halt(pln_corpus *corpus);
/* What the thread failed with. */
pln_status corpus_fail(const pln_corpus *corpus, pln_error *error);
/* Forgets all examples. The thread does not run. */
void corpus_clear(pln_corpus *corpus);
#endif
