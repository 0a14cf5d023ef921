/* SPDX-License-Identifier: Apache-2.0
 *
 * The format of safetensors, shared by its reader and its writer: u64 length of the header, header (a JSON object of
 * tensors, padded with blanks), data.
 */
#ifndef CHECKPOINT_SAFETENSORS_H
#define CHECKPOINT_SAFETENSORS_H

#include <jansson.h>
#include <stdbool.h>

#include "api/pleione.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors data is little-endian and is used in place"
#endif

#define SAFETENSORS_METADATA "__metadata__"
enum { SAFETENSORS_MAX_HEADER = 100000000 }; /* bytes; the same limit as the reference implementation's */

/* "BF16" and back; NULL and false for what the format does not have. */
const char *safetensors_dtype_name(pln_dtype dtype);
bool safetensors_dtype_find(const char *name, pln_dtype *dtype);

/* Bytes of a tensor; false if the product does not fit 64 bits. */
bool safetensors_bytes(const pln_tensor *tensor, uint64_t *bytes);

/* The tensors that a header describes, in its order; dtype 0 as in tensors.h. header is borrowed: names point into it.
 * `data` are the data_bytes after the header. Returns new *tensors (free). PLN_BAD_MODEL names path and tensor. */
pln_status safetensors_describe(const json_t *header, const char *path, const void *data, uint64_t data_bytes,
                                pln_tensor **tensors, uint32_t *count, pln_error *error);
#endif
