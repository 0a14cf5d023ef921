/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of weights of other packages: those that they wrote (make_foreign.py), and those that a test makes up.
 */
#ifndef TESTS_CHECKPOINT_FOREIGN_H
#define TESTS_CHECKPOINT_FOREIGN_H

#include "checkpoint/tensors.h"
#include "tests/checkpoint/folder.h"

extern const char *given; /* tests/checkpoint/foreign */
extern pln_error error;

/* Bytes that a test puts together. */
struct bytes {
    unsigned char at[1 << 16];
    size_t n;
};

void append(struct bytes *b, const void *data, size_t n);
size_t of_hex(const char *text, unsigned char *out);
size_t read_given(const char *name, struct bytes *to);

/* Every tensor of NAME.safetensors is in the file; `others` more are, without data. note: what the warning says. */
void reads(const char *name, const char *file, uint32_t others, const char *note);
/* Opening ends in a sentence that has the path and this one in it. */
void refused(const char *path, const char *sentence);

#endif
