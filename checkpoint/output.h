/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of tensors that are written: the whole file or nothing, and tensors that are turned and rounded while they go
 * out, a piece at a time.
 */
#ifndef CHECKPOINT_OUTPUT_H
#define CHECKPOINT_OUTPUT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/weight.h"

/* Asked before each piece of what is written, of at most a MiB: false ends the writing. */
struct ckpt_watch {
    bool (*go_on)(void *context, size_t bytes); /* of the piece */
    void *context;
};

/* Takes a piece of what a tensor is made of. False ends it; errno says why. */
typedef bool ckpt_take(void *taker, const void *bytes, size_t n);

/* A tensor that is to be written. */
struct ckpt_output {
    const char *name;               /* in the file */
    struct weight weight;           /* in the shape that is written */
    pln_dtype dtype;                /* that is written: the weight's own, or F32, F16 or BF16 of a weight of floats */
    const char *layer;              /* of Keras, whose group lists it; NULL: the second part of its name */
    const struct ckpt_watch *watch; /* NULL: nobody is asked; borrowed */
    /* Gives its bytes to take in pieces, in their order, where they lie nowhere together. NULL: the weight has them. */
    bool (*give)(const void *context, ckpt_take *take, void *taker);
    const void *context; /* of give; borrowed */
};

/* The tensor as it is. Borrows name and data. */
struct ckpt_output ckpt_output_of(const pln_tensor *tensor);
/* Bytes that it has in the file; it is no larger than 64 bits can count. */
uint64_t ckpt_output_bytes(const struct ckpt_output *output);

/* A file under way. What goes wrong is kept, and said at the end. */
struct ckpt_file {
    char target[PATH_MAX];    /* where the bytes belong at the end, links followed */
    char temporary[PATH_MAX]; /* where they are written; "" if in place */
    int fd;
    int problem;      /* errno of the first that went wrong; 0: nothing */
    uint64_t at;      /* bytes that were put */
    const char *name; /* of a tensor with a finite number that its type in the file cannot hold; NULL: there is none */
    size_t used;
    unsigned char buffer[4096];
};

/* A new file beside path, which takes its place at the end; path itself if that is a device or a pipe. PLN_FAILED names
 * it. */
pln_status ckpt_file_begin(struct ckpt_file *file, const char *path, pln_error *error);
void ckpt_file_put(struct ckpt_file *file, const void *bytes, uint64_t n);
void ckpt_file_put_tensor(struct ckpt_file *file, const struct ckpt_output *output);
/* Bytes that were put at `at` are replaced. Not for devices and pipes. */
void ckpt_file_patch(struct ckpt_file *file, uint64_t at, const void *bytes, size_t n);
/* The file is on the disk under its path, or nothing of it is left if `good` is false (its own error was said) or
 * anything went wrong. */
pln_status ckpt_file_end(struct ckpt_file *file, const char *path, bool good, pln_error *error);

/* The elements in pieces, in their order. False: a piece was not taken, or not to be written (ECANCELED). *fits: every finite one is finite in the file. */
bool ckpt_output_each(const struct ckpt_output *output, ckpt_take *take, void *taker, bool *fits);
#endif
