/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder that a test fills with files and empties again.
 */
#ifndef TESTS_CHECKPOINT_FOLDER_H
#define TESTS_CHECKPOINT_FOLDER_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

extern char folder[PATH_MAX]; /* folder_make sets it; a test may have another one in its place */
/* Runs the tests in the folder; what it returns is main's. */
#define run_in_folder(tests) (folder_make() ? folder_drop(cmocka_run_group_tests(tests, NULL, NULL)) : 1)
int folder_make(void);
int folder_drop(int failed);

/* The path of a file of the folder; of the last four calls. */
const char *in_folder(const char *name);
int remove_files(void **state); /* a teardown */
int files_in_folder(void);
const char *put(const char *name, const void *bytes, size_t n); /* its path */
void put_text(const char *name, const char *text);
/* A safetensors file of two numbers, 7 and 7: the tensor that is named, and "unlisted". */
void put_shard(const char *name, const char *tensor);

#endif
