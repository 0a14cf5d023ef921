/* SPDX-License-Identifier: Apache-2.0
 *
 * Pre-training of both halves of an ELECTRA: a generator that fills masks, and a discriminator that tells what it
 * filled from what stood there. The rules stand in pleione.h.
 */
#ifndef PLEIONE_PRETRAINING_H
#define PLEIONE_PRETRAINING_H

#include "pleione_training.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What both halves share. */
typedef enum pln_sharing {
    PLN_SHARING_EMBEDDINGS = 0, /* tables and LayerNorm of the embeddings, and so the output matrix */
    PLN_SHARING_NONE = 1,
    PLN_SHARING_ALL = 2, /* the whole encoder: the configs are equal */
} pln_sharing;
/* By name: "embeddings", "none", "all". False: there is no such sharing. Any thread. */
PLN_API bool pln_sharing_find(const char *name, pln_sharing *sharing);

typedef struct pln_pretraining_options { /* zero is ELECTRA's own way */
    uint32_t size;                       /* sizeof(pln_pretraining_options) */
    pln_sharing sharing;
    bool masked_lm_only;         /* no discriminator: the generator learns alone, as BERT does */
    bool disallow_correct;       /* what is drawn is never what stood there */
    double temperature;          /* of drawing, at least the least normal float; 0: 1 */
    double generator_weight;     /* of its loss in the sum, as above; 0: 1 */
    double discriminator_weight; /* as above; 0: 50 */
    double mask_probability;     /* of a token to be chosen: for pln_trainer_estimate; 0: 0.15 */
} pln_pretraining_options;

/* Returns new: a trainer (pln_trainer_step, _save, _restore, _parameters, ...) of both halves as one graph. Keeps the
 * models and devices. Weights that a model lacks are drawn by the seed of the trainer's options; shared ones are the
 * discriminator's. pretraining NULL: its default; options as pln_trainer_create, of which `head` is not
 * read; `layer_decay` counts the layers of each half, for what is shared those of the generator. PLN_INVALID names what
 * the configs do not have in common though it is shared.
 *
 * The batch of a step, integers i32 or i64, B rows of length L, N slots: input_ids [B,L], the originals;
 * attention_mask [B,L], 1 and then 0 (absent: all 1); token_type_ids [B,L] (absent: 0); positions [B,N], the chosen
 * tokens of each row, ascending, -1 in slots that are not used; masked_ids [B,L], what the generator reads. Any
 * thread. */
PLN_API pln_status pln_trainer_create_pretraining(pln_model *generator, pln_model *discriminator, pln_devices *devices,
                                                  const pln_trainer_options *options,
                                                  const pln_pretraining_options *pretraining, pln_trainer **trainer,
                                                  pln_error *error);

/* Of the last step, or of an evaluation. Shares are of the chosen tokens, or of all; what has nothing to be a share of
 * is NaN.
 */
typedef struct pln_pretraining_report {
    uint32_t size;                   /* sizeof(pln_pretraining_report) */
    float masked_lm_loss, disc_loss; /* means; disc_loss is NaN without a discriminator, as all that is about it */
    uint64_t examples, tokens, masked, mask_tokens, replaced; /* mask_tokens: of the masked, those that became [MASK] */
    double masked_lm_accuracy;                                /* the likeliest token is the original */
    double sampled_masked_lm_accuracy;                        /* the drawn one is */
    double disc_accuracy, disc_precision, disc_recall, disc_auc;
    /* Tensors as --dump-steps writes them; they belong to the trainer until its next call: sampled_ids [B,N] (-1:
     * unused), discriminator_ids and labels [B,L], i64. */
    const pln_tensor *tensors;
    uint32_t n_tensors;
} pln_pretraining_report;

/* Fills the report of the last pln_trainer_step or pln_trainer_pretraining_evaluate. PLN_INVALID for a trainer that is
 * not of pln_trainer_create_pretraining, or before its first step. One thread. */
PLN_API pln_status pln_trainer_pretraining_report(pln_trainer *trainer, pln_pretraining_report *report,
                                                  pln_error *error);
/* The losses of a batch, without dropout and without learning from it. What is drawn hangs on the seed and `number`
 * alone. Numbers count from 0; the report is of all batches since the one with 0, as if they were one, and its tensors
 * are the last one's. report may be NULL: pln_trainer_pretraining_report has it too. One thread. */
PLN_API pln_status pln_trainer_pretraining_evaluate(pln_trainer *trainer, const pln_tensor *inputs, uint32_t n_inputs,
                                                    uint32_t number, pln_pretraining_report *report, pln_error *error);

typedef enum pln_half { PLN_HALF_DISCRIMINATOR = 0, PLN_HALF_GENERATOR = 1 } pln_half;
/* Writes a half as a Hugging Face directory that is complete by itself (config.json, model.safetensors, the
 * tokenizer's files), as pln_trainer_save does it. One thread. */
PLN_API pln_status pln_trainer_save_half(pln_trainer *trainer, pln_half half, const char *directory, pln_error *error);

/* ---- a corpus of text */

typedef struct pln_corpus pln_corpus;

typedef struct pln_corpus_options { /* zero is a good default */
    uint32_t size;                  /* sizeof(pln_corpus_options) */
    const char *column;             /* of a .jsonl file, in which a row is a document; NULL: "text" */
    bool file_documents;            /* a document ends with its file only; else with an empty line too */
    bool once;                      /* one pass; else the corpus is repeated */
    uint32_t max_length;            /* tokens of an example; 0: 128 */
    uint32_t shuffle_buffer;        /* examples that one is drawn from; 1: the order of the corpus; 0: 16384 */
    double mask_probability;        /* of a token to be chosen; 0: 0.15 */
    double mask_token_probability;  /* of a chosen one to become [MASK]; 0: 0.85; the others stay as they are */
    uint64_t seed;
    uint32_t threads; /* that turn text into tokens; 0: pln_processors() */
} pln_corpus_options;

/* Returns new; keeps the tokenizer. paths: text files, .jsonl, .gz and .zst of both, folders (recursively, names in the
 * order of their bytes; hidden files, and what is no file, are passed over), "-" for standard input. Examples are made as
 * ELECTRA's own code makes them, by a thread of its own, some batches ahead. The same documents in the same order give the
 * same examples, whatever files they stand in. PLN_INVALID names the path that cannot be read, or the special token that
 * the tokenizer lacks. options may be NULL. Any thread. */
PLN_API pln_status pln_corpus_open(const pln_tokenizer *tokenizer, const char *const *paths, uint32_t n_paths,
                                   const pln_corpus_options *options, pln_corpus **corpus, pln_error *error);
PLN_API void pln_corpus_close(pln_corpus **corpus); /* alone */

typedef struct pln_corpus_batch { /* handed out by pointer: may grow */
    uint32_t rows;                /* fewer than asked for at the end of a corpus that is not repeated */
    const pln_tensor
        *tensors; /* i64, as pln_trainer_create_pretraining says: input_ids, attention_mask, token_type_ids,
                                   * masked_ids [rows, longest row], positions [rows, slots] */
    uint32_t n_tensors;
    double epoch;  /* passes through the corpus: how much of it the examples so far are */
    double waited; /* seconds that this call waited for examples */
} pln_corpus_batch;

/* The next examples, masked anew. It belongs to the corpus until its next call. PLN_INVALID: a row cannot be read
 * ("FILE:LINE: sentence"), or there is no text; PLN_FAILED: a file cannot, or a corpus that is read once has ended
 * before. One thread. */
PLN_API pln_status pln_corpus_next(pln_corpus *corpus, uint32_t rows, const pln_corpus_batch **batch, pln_error *error);

/* Waits until so many examples are there, or some thousands, or all that are left, and takes none: what is wrong at the
 * beginning of a text is said before a run makes anything. Errors as pln_corpus_next; PLN_INVALID also names a text
 * without any. One thread. */
PLN_API pln_status pln_corpus_look(pln_corpus *corpus, uint32_t rows, pln_error *error);

/* Writes where the corpus stands, examples that wait among it, to a file of its own. After pln_corpus_restore on a
 * corpus of the same files and options what follows is the same. PLN_FAILED names the path; a corpus whose reading has
 * failed gives that failure. PLN_BAD_MODEL: a file that is not of pln_corpus_save, or of another corpus; PLN_INVALID: a
 * text that has changed since. One thread. */
PLN_API pln_status pln_corpus_save(pln_corpus *corpus, const char *path, pln_error *error);
PLN_API pln_status pln_corpus_restore(pln_corpus *corpus, const char *path, pln_error *error); /* one thread */

#ifdef __cplusplus
}
#endif
#endif
