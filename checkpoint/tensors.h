/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of named tensors: mapped for reading, in any format; written as safetensors, whole or not at all; rows of them as
 * f32. What pleione.h declares as pln_tensor_file is made here.
 */
#ifndef CHECKPOINT_TENSORS_H
#define CHECKPOINT_TENSORS_H

#include <jansson.h>
#include <stdbool.h>

#include "api/pleione.h"
#include "common/weight.h"

enum { CKPT_ALIGNED = 1u << 0 }; /* what lies unaligned in the file is copied: for who reads by addresses */

/* Returns new: a file of any format that is known (format.h), mapped read-only; a bundle by its .index. If it is
 * shortened while it is open, what is gone reads as zero: whoever has read from it asks ckpt_tensors_check. A tensor of
 * an element type or a rank that pleione does not have is listed with dtype 0, rank 0 and no data. Every disagreement in
 * the file is PLN_BAD_MODEL, in one sentence that names the file and the tensor. */
pln_status ckpt_tensors_open(const char *path, uint32_t flags, pln_tensor_file **file, pln_error *error);
void ckpt_tensors_close(pln_tensor_file **file);

/* The name of its format, its path, and a sentence for a warning (NULL: there is none). */
const char *ckpt_tensors_format(const pln_tensor_file *file);
const char *ckpt_tensors_path(const pln_tensor_file *file);
const char *ckpt_tensors_note(const pln_tensor_file *file);
/* Whether it is this file, or one of those that it has its data in. */
bool ckpt_tensors_read(const pln_tensor_file *file, const char *path);

/* In the order of the file; they live as long as the file is open. */
const pln_tensor *ckpt_tensors(const pln_tensor_file *file, uint32_t *count);
/* NULL if there is none of that name. */
const pln_tensor *ckpt_tensors_find(const pln_tensor_file *file, const char *name);
/* PLN_BAD_MODEL: the file has become shorter since it was opened. */
pln_status ckpt_tensors_check(const pln_tensor_file *file, pln_error *error);
/* Reads the data of a tensor and compares it with the sum that the file has of it, if the tensor is of this file and
 * its format has sums: before its numbers are believed. PLN_BAD_MODEL names it. Any thread. */
pln_status ckpt_tensors_verify(const pln_tensor_file *file, const pln_tensor *tensor, pln_error *error);
/* What the file calls a tensor of dtype 0, for a sentence; false if the tensor is not of this file. */
bool ckpt_tensors_type(const pln_tensor_file *file, const pln_tensor *tensor, char *text, size_t bytes);
/* Borrowed object of strings; NULL if the file has no metadata. */
const json_t *ckpt_tensors_metadata(const pln_tensor_file *file);
/* Gives pages of the mapping back to the system; they are read again when they are touched. */
void ckpt_tensors_release_pages(const pln_tensor_file *file);

/* Writes a file beside path, then renames it; on failure nothing is left behind and an older file at path is as it was.
 * A path that exists and is no regular file (a device, a pipe) is written in place. Data of wide elements goes first,
 * so that all of it is aligned. Borrows. PLN_INVALID for tensors that no file can hold, PLN_FAILED names the path. */
pln_status ckpt_tensors_write(const char *path, const pln_tensor *tensors, uint32_t count, const pln_option *metadata,
                              uint32_t n_metadata, pln_error *error);

/* The same of weights, which may lie transposed: each is written in the order of its shape. */
pln_status ckpt_weights_write(const char *path, const struct weight *weights, uint32_t count,
                              const pln_option *metadata, uint32_t n_metadata, pln_error *error);

/* Rows and width of a tensor seen as [rows, width]: rank 0 and 1 are one row, else the first dimension is rows. */
uint64_t ckpt_rows(const pln_tensor *tensor);
uint64_t ckpt_width(const pln_tensor *tensor);

/* out [rows, width] from row `first` on, of an f32, f16, bf16 or f64 tensor; first + rows is at most ckpt_rows.
 * PLN_UNSUPPORTED for other element types. */
pln_status ckpt_read_rows(const pln_tensor *tensor, uint64_t first, uint64_t rows, float *out);
#endif
