/* SPDX-License-Identifier: Apache-2.0
 *
 * The tensors of a checkpoint by their PyTorch names, whatever wrote them: names of TensorFlow, Flax and Google's code, of
 * old files and of training loops are translated by the tables of dialects.c, and matrices that lie [in, out] are marked.
 */
#ifndef ELECTRA_NAMES_H
#define ELECTRA_NAMES_H

#include "checkpoint/checkpoint.h"
#include "common/arena.h"
#include "common/weight.h"

/* What names of the encoder's tensors begin with in every class but ElectraModel, and here always. */
#define ELECTRA_PREFIX "electra."

struct electra_name {
    const char *name;         /* "electra.encoder.layer.0.intermediate.dense.weight" */
    const pln_tensor *tensor; /* as the file has it; its name is the file's */
    bool transposed;
    bool dropped; /* a buffer, a slot of an optimizer, a step: nothing of the model */
};

enum electra_dialect { ELECTRA_PYTORCH, ELECTRA_SLASHED, ELECTRA_GOOGLE, ELECTRA_OBJECTS, ELECTRA_KERAS };

struct electra_names {
    enum electra_dialect dialect; /* that the file's names are of */
    struct electra_name *list;    /* [count], sorted by name; what is dropped has the file's name and comes last */
    uint32_t count, found;        /* the first `found` are not dropped */
    bool has[3];                  /* by pln_part: the head of that half is there */
    char *note;                   /* sentences for a warning; NULL: none */
    struct arena memory;
};

/* Borrows the checkpoint. part: which half of a file that holds both, PLN_PART_DEFAULT: the only one. PLN_BAD_MODEL says
 * which halves are there. After an error it is finished all the same. */
pln_status electra_names_init(struct electra_names *names, const struct ckpt *checkpoint, pln_part part,
                              pln_error *error);
void electra_names_finish(struct electra_names *names);

/* NULL if there is none of that name. */
const struct electra_name *electra_names_find(const struct electra_names *names, const char *name);
/* The tensor in the order of PyTorch, with its PyTorch name. */
struct weight electra_name_weight(const struct electra_name *name);

/* ---- google.c */

const char *electra_part_string(pln_part part); /* "discriminator" */
/* Of the names in from [count], of Google's code, those of one model stay: of the half, and with the head of its task under
 * the names that this library has for it; the others become NULL. *note: a sentence for a warning, else as it was. */
pln_status electra_google_take(const struct ckpt *checkpoint, pln_part part, const char **from, struct arena *memory,
                               const char **note, pln_error *error);

/* Whether a weight is that of a head of fine-tuning that has its own name here, and no class in transformers. */
bool electra_is_google_layer(const char *name);

/* ---- dialects.c */

enum { ELECTRA_NAME_BYTES = 1200 };

/* Which one the names of a checkpoint are of. */
enum electra_dialect electra_dialect_of(const struct ckpt *checkpoint);
/* Whether a name, after translation, is one of the model's. */
bool electra_is_model_name(const char *name);
/* A name in PyTorch's words; false: nothing of the model. *transposed: it lies [in, out] if it is a matrix. */
bool electra_translate(enum electra_dialect dialect, const char *name, char out[ELECTRA_NAME_BYTES], bool *transposed);
#endif
