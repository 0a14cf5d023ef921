/* SPDX-License-Identifier: Apache-2.0
 *
 * The format of safetensors, shared by its reader and its writer: u64 length of the header, header (a JSON object of
 * tensors, padded with blanks), data.
 */
#ifndef CHECKPOINT_SAFETENSORS_H
#define CHECKPOINT_SAFETENSORS_H

#include <stdbool.h>

#include "api/pleione.h"
#include "checkpoint/output.h"

#define SAFETENSORS_METADATA "__metadata__"
enum { SAFETENSORS_MAX_HEADER = 100000000 }; /* bytes; the same limit as the reference implementation's */

/* "BF16" and back; NULL and false for what the format does not have. */
const char *safetensors_dtype_name(pln_dtype dtype);
bool safetensors_dtype_find(const char *name, pln_dtype *dtype);

/* What ckpt_tensors_write does, of tensors that are turned and rounded meanwhile. */
pln_status safetensors_write(const char *path, const struct ckpt_output *outputs, uint32_t count,
                             const pln_option *metadata, uint32_t n_metadata, pln_error *error);
#endif
