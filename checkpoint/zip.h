/* SPDX-License-Identifier: Apache-2.0
 *
 * The directory of a zip archive that is in memory, through minizip. Only the central directory is believed, and each
 * entry is checked against the bytes that are there.
 */
#ifndef CHECKPOINT_ZIP_H
#define CHECKPOINT_ZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "api/pleione_types.h"

struct zip;

struct zip_entry {
    const char *name;
    uint64_t bytes;            /* as it is read */
    const unsigned char *data; /* where it lies in the archive; NULL: it is packed */
};

/* Returns new; borrows path and bytes until it is closed. Two entries of one name, encrypted ones and methods other than
 * stored and deflated are PLN_BAD_MODEL, as is data that is not there. PLN_BAD_MODEL too if this was built without minizip. */
pln_status zip_open(const char *path, const unsigned char *bytes, size_t size, struct zip **zip, pln_error *error);
void zip_close(struct zip **zip);

/* Sorted by name. */
const struct zip_entry *zip_entries(const struct zip *zip, uint32_t *count);
const struct zip_entry *zip_find(const struct zip *zip, const char *name);

/* Fills out [entry->bytes] and compares the checksum: of packed entries and of stored ones. */
pln_status zip_read(struct zip *zip, const struct zip_entry *entry, void *out, pln_error *error);
#endif
