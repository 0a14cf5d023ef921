/* SPDX-License-Identifier: Apache-2.0
 *
 * Files mapped for reading that survive being made shorter by somebody else: what is gone reads as zero, and whoever
 * read it asks afterwards whether the file was whole. docs/design.md says why.
 */
#ifndef COMMON_MAPPED_H
#define COMMON_MAPPED_H

#include <stdbool.h>
#include <stddef.h>

#include "api/pleione_types.h"

struct mapped;

/* Returns new: a regular file of at least one byte. While any file is mapped, a handler of SIGBUS stands in the
 * process; it passes on what is not about these mappings. PLN_BAD_MODEL and PLN_NO_MEMORY name the path. */
pln_status mapped_open(const char *path, struct mapped **file, pln_error *error);
void mapped_close(struct mapped **file);

/* The bytes, read-only, as many as there were at first. */
const unsigned char *mapped_bytes(const struct mapped *file, size_t *bytes);
/* As it was given to mapped_open. */
const char *mapped_path(const struct mapped *file);
/* The open file, for somebody else who is to read it; it stays the mapping's. */
int mapped_descriptor(const struct mapped *file);
/* PLN_BAD_MODEL names the path: the file has become shorter, so what was read since it was opened may be wrong. */
pln_status mapped_check(const struct mapped *file, pln_error *error);
/* The same of the mapping that data points into; true if it points into none. Any thread, while the file is open. */
bool mapped_is_whole(const void *data);
/* Gives pages back to the system; they are read again when they are touched. */
void mapped_release_pages(const struct mapped *file);
#endif
