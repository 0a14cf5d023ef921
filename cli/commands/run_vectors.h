/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of answers as one array [rows, width] of f32, in a .npy or .safetensors file (tensor "embeddings"). A row
 * without an answer is NaN.
 */
#ifndef CLI_COMMANDS_RUN_VECTORS_H
#define CLI_COMMANDS_RUN_VECTORS_H

#include "cli/cli.h"

struct vector_format;

struct run_vectors {  /* zero: nothing to close */
    const char *path; /* borrows */
    const struct vector_format *format;
    FILE *file;
    uint64_t rows;  /* those found by resume among them */
    uint32_t width; /* 0: no answer has told it yet */
};

/* Whether the path ends as such a file. */
bool run_vectors_suit(const char *path);
/* resume: goes on behind the last whole row of a file that is there. PLN_INVALID: it cannot be opened, or is none that
 * was written here. */
pln_status run_vectors_open(struct run_vectors *v, const char *path, bool resume, pln_error *error);
void run_vectors_close(struct run_vectors *v);
/* How many of the rows that are there are NaN, and the first of them. PLN_FAILED. */
pln_status run_vectors_count_failures(struct run_vectors *v, uint64_t *failed, uint64_t *first, pln_error *error);
/* Whether the last row that is there is this answer's vector, or missing as that is; the file is read. */
bool run_vectors_end_with(const struct run_vectors *v, const pln_answer *answer);
/* PLN_INVALID: the answer is no vector as wide as those before. PLN_FAILED: the file cannot be written. */
pln_status run_vectors_put(struct run_vectors *v, const pln_answer *answer, pln_error *error);
pln_status run_vectors_flush(struct run_vectors *v, pln_error *error);
/* Writes how many rows there are into the head of the file. */
pln_status run_vectors_finish(struct run_vectors *v, pln_error *error);
#endif
