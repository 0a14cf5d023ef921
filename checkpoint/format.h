/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract of a format of weights: how a file is known by its bytes, and how its tensors are told. A format knows
 * files and not models: tensors have the names that the file gives them, with all their parts joined by '/', and lie as
 * they lie there. What tensors of TensorFlow, Flax or Google are in PyTorch is told by electra/names.h, turned matrices
 * included.
 *
 * A format is given the file mapped. It tells each tensor by ckpt_content_add, with data in the mapping wherever the bytes
 * allow it (unaligned ones too: nobody reads weights by their address), else in memory of ckpt_content_own. Whatever it
 * takes from the file, it checks against the bytes that are there before it asks for memory; it recurses at most
 * CKPT_MAX_DEPTH deep. Every disagreement is PLN_BAD_MODEL in one sentence that begins with content->path.
 */
#ifndef CHECKPOINT_FORMAT_H
#define CHECKPOINT_FORMAT_H

#include <jansson.h>
#include <stdbool.h>

#include "api/pleione.h"
#include "common/arena.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "data of weights is little-endian and is used in place"
#endif

enum {
    CKPT_MAX_TENSORS = 100000, /* of a file */
    CKPT_MAX_NAME = 1000,      /* bytes of a name */
    CKPT_MAX_NAMES = 16 << 20, /* of all names of a file: formats that share parts of names claim more than they hold */
    CKPT_MAX_DEPTH = 32,
};

struct mapped;

/* A file of weights while it is open. A format reads the first three and calls the functions below. */
struct ckpt_content {
    const char *path; /* for sentences */
    const unsigned char *bytes;
    size_t size;
    pln_tensor *tensors; /* [count], as they were added */
    const char **types;  /* [count]: what the file calls the type of a tensor of dtype 0, else NULL */
    uint32_t count;
    size_t room, name_bytes;
    json_t *metadata; /* object of strings, owned; NULL: none */
    char *note;       /* a sentence for a warning; NULL: none */
    struct arena memory;
    struct mapped **parts; /* [n_parts]: further files, the first is `bytes` */
    uint32_t n_parts;
    size_t room_parts;
    void *own; /* the format's, in memory of the content */
};

struct ckpt_format {
    const char *name; /* "safetensors": for people */
    /* Whether it is such a file by the bytes at its beginning (or end); a damaged one too, open says what is wrong. */
    bool (*sniff)(const unsigned char *bytes, size_t size);
    /* Fills the content. What was added is taken back by the caller if it fails. */
    pln_status (*open)(struct ckpt_content *content, pln_error *error);
    /* Reads the data of a tensor and compares it with the sum that the file has of it. Any thread. NULL: a format without
     * sums. */
    pln_status (*verify)(const struct ckpt_content *content, uint32_t index, pln_error *error);
};

#define FORMAT(name) extern const struct ckpt_format ckpt_format_##name;
#include "checkpoint/formats.def"
#undef FORMAT

/* Adds a tensor; its name is copied. data is in the mapping, in a part or in memory of the content, dtype 0 goes with
 * rank 0 and no data, and with `type`, the text for a sentence about it ("F8_E4M3 of 2 dimensions"), which is copied. The
 * tensor's bytes are there, as the format has checked (ckpt_tensor_bytes). PLN_BAD_MODEL beyond the limits. */
pln_status ckpt_content_add(struct ckpt_content *content, const pln_tensor *tensor, const char *type, pln_error *error);

/* Memory for data that cannot be used where it lies: zeroed, aligned to 16 bytes, until the file is closed. `bytes` was
 * checked against the file. NULL: there is no memory, and error says so. */
void *ckpt_content_own(struct ckpt_content *content, uint64_t bytes, pln_error *error);

/* Another file that belongs to this one (the data of a bundle), mapped until this one is closed; watched as it is. */
pln_status ckpt_content_map(struct ckpt_content *content, const char *path, const unsigned char **bytes, size_t *size,
                            pln_error *error);

/* Adds to the warning of the file. False: there is no memory. */
__attribute__((format(printf, 2, 3))) bool ckpt_content_note(struct ckpt_content *content, const char *format, ...);

/* Bytes of a tensor by type and shape; false if the product does not fit 64 bits, or the type is unknown. */
bool ckpt_tensor_bytes(const pln_tensor *tensor, uint64_t *bytes);
#endif
