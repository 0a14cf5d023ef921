/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of a tokenizer: which there are, read as JSON.
 */
#ifndef TOKENIZER_FILES_H
#define TOKENIZER_FILES_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

#include "api/pleione.h"

typedef enum tok_file {
    TOK_FILE_TOKENIZER, /* tokenizer.json */
    TOK_FILE_CONFIG,    /* tokenizer_config.json */
    TOK_FILE_SPECIAL,   /* special_tokens_map.json */
    TOK_FILE_ADDED,     /* added_tokens.json */
    TOK_FILES
} tok_file;

struct tok_files {
    char vocabulary[PATH_MAX]; /* vocab.txt, or the file that was named; "" if there is none */
    char path[TOK_FILES][PATH_MAX];
    json_t *json[TOK_FILES]; /* NULL: there is no such file */
};

/* The caller's memory. path: a directory, a vocabulary file or a tokenizer.json; the others are looked for beside it.
 * config: taken for tokenizer_config.json instead of the file, borrowed; NULL: the file. PLN_BAD_MODEL names the file.
 */
pln_status tok_files_init(struct tok_files *files, const char *path, const json_t *config, pln_error *error);
void tok_files_finish(struct tok_files *files);

/* What is odd about the files and stops nobody, for the log of the options. */
__attribute__((format(printf, 2, 3))) void tok_warn(const pln_tokenizer_options *options, const char *format, ...);
#endif
