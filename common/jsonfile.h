/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON files through jansson: size limit, errors that name file and line.
 */
#ifndef COMMON_JSONFILE_H
#define COMMON_JSONFILE_H

#include <jansson.h>
#include <stddef.h>

#include "api/pleione_types.h"

enum { JSONFILE_CONFIG_LIMIT = 16 << 20, JSONFILE_LIMIT = 128 << 20 }; /* bytes */

/* Returns a new reference to the object in the file; `limit` is the most bytes that are read. Integers that do not fit
 * 64 bits become reals, as other writers mean them (a model_max_length of 1e30). NaN, Infinity and -Infinity, which
 * Python writes, become the texts "NaN", "Infinity" and "-Infinity"; a byte order mark is passed over. PLN_BAD_MODEL
 * names the file, and the line if it is not a JSON object; PLN_NO_MEMORY. */
pln_status jsonfile_load(const char *path, size_t limit, json_t **object, pln_error *error);
/* A JSON text that is in memory, with the flags of json_loadb; returns new. `where` begins the sentences. */
pln_status jsonfile_parse(const char *text, size_t bytes, size_t flags, const char *where, json_t **json,
                          pln_error *error);
#endif
