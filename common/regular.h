/* SPDX-License-Identifier: Apache-2.0
 *
 * Every file that is read is opened here: a pipe, a device or a folder in its place is an error at once, not a wait.
 */
#ifndef COMMON_REGULAR_H
#define COMMON_REGULAR_H

#include <stddef.h>
#include <stdint.h>

#include "api/pleione_types.h"

/* Opens a regular file for reading; the caller closes *fd. *bytes is its size now. PLN_BAD_MODEL names the path. */
pln_status regular_open(const char *path, int *fd, uint64_t *bytes, pln_error *error);

/* The whole file: returns new *text (free), *bytes of it, and behind them two bytes of zero. PLN_BAD_MODEL if it cannot
 * be read or is longer than limit, PLN_NO_MEMORY. */
pln_status regular_read(const char *path, size_t limit, char **text, size_t *bytes, pln_error *error);

/* What a file is by its first bytes, if people confuse it with another: "a Git LFS pointer, ...". NULL: none known. */
const char *regular_kind(const void *bytes, size_t n);
#endif
