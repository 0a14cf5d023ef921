/* SPDX-License-Identifier: Apache-2.0
 *
 * What is fed with bytes that somebody else chose: a text, and each file that is read. The same targets run
 * under libFuzzer (fuzzer.c) and on the stored corpus (replay.c).
 */
#ifndef TESTS_FUZZ_TARGET_H
#define TESTS_FUZZ_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/pleione.h"

struct fuzz_target {
    const char *name;
    void (*run)(const struct fuzz_target *target, const uint8_t *data, size_t bytes);
};

/* NULL if there is none. */
const struct fuzz_target *fuzz_find(const char *name);

/* Ends the process with the sentence if what must hold does not. */
void fuzz_check(bool holds, const char *sentence);

/* A model directory of this process, empty at first, and a file in it. */
const char *fuzz_folder(void);
void fuzz_write(const char *name, const void *data, size_t bytes);

/* Checks all that the header promises of the answer to an example, whatever the tokenizer. */
void fuzz_check_encodings(const pln_tokenizer *tokenizer, const pln_encodings *encodings, const pln_example *example);

void fuzz_text(const struct fuzz_target *target, const uint8_t *data, size_t bytes);
/* The target's name is the file's. */
void fuzz_file(const struct fuzz_target *target, const uint8_t *data, size_t bytes);
void fuzz_config(const struct fuzz_target *target, const uint8_t *data, size_t bytes);
void fuzz_safetensors(const struct fuzz_target *target, const uint8_t *data, size_t bytes);
/* The target's name is that of a file of weights. */
void fuzz_checkpoint(const struct fuzz_target *target, const uint8_t *data, size_t bytes);
void fuzz_bundle(const struct fuzz_target *target, const uint8_t *data, size_t bytes);
void fuzz_table(const struct fuzz_target *target, const uint8_t *data, size_t bytes);
void fuzz_index(const struct fuzz_target *target, const uint8_t *data, size_t bytes);
void fuzz_request(const struct fuzz_target *target, const uint8_t *data, size_t bytes);
void fuzz_training(const struct fuzz_target *target, const uint8_t *data, size_t bytes);
/* The target's name is that of a file of a saved trainer. */
void fuzz_trainer(const struct fuzz_target *target, const uint8_t *data, size_t bytes);
/* The end of the target's name is that of a file of rows. */
void fuzz_rows(const struct fuzz_target *target, const uint8_t *data, size_t bytes);
void fuzz_resume(const struct fuzz_target *target, const uint8_t *data, size_t bytes);
#endif
