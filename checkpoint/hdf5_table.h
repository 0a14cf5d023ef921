/* SPDX-License-Identifier: Apache-2.0
 *
 * What the program pleione-hdf5 tells of a file is checked against the file before any of it is believed: the program has
 * read bytes of a stranger with a library that such bytes can break.
 */
#ifndef CHECKPOINT_HDF5_TABLE_H
#define CHECKPOINT_HDF5_TABLE_H

#include "checkpoint/format.h"

/* Where the records come from. */
struct hdf5_source {
    /* Exactly so many bytes; false: they do not come. */
    bool (*read)(void *context, void *to, size_t bytes);
    void *context;
};

/* Fills the content. Of several datasets of one name the first is taken; ones that differ are warned of. *ready: the
 * program has run so far that it would have looked at the file. */
pln_status hdf5_take_table(struct ckpt_content *content, const struct hdf5_source *source, bool *ready,
                           pln_error *error);
#endif
