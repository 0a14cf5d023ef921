/* SPDX-License-Identifier: Apache-2.0
 *
 * What the program pleione-hdf5 tells of a file, as records on its standard output: READY, then one for each dataset,
 * then END, then the bytes of every COPY in their order. PROBLEM instead of what would follow ends it. Both sides run on
 * one machine and are of one build.
 */
#ifndef CHECKPOINT_HDF5_WIRE_H
#define CHECKPOINT_HDF5_WIRE_H

#include <stdint.h>

#include "api/pleione.h"

/* To write a file, the program is started with its path, and told TENSOR records on its standard input: the name is that
 * of the dataset, the type that of the layer that it belongs to ("" in a shard), and its bytes follow each record. After
 * END it answers END, or PROBLEM. */
#define HDF5_PROGRAM "pleione-hdf5"
enum { HDF5_FILE = 3 }; /* the descriptor under which the program has the file */

enum hdf5_kind {
    HDF5_READY = 0x68356631, /* the program runs, and has not looked at the file yet */
    HDF5_TENSOR,             /* bytes of the file at `place` */
    HDF5_COPY,               /* bytes follow behind END */
    HDF5_OTHER,              /* an element type or a rank that pleione lacks; the type's text says which */
    HDF5_PROBLEM,            /* the name is a sentence */
    HDF5_END,
};

/* Behind it: name, type, without zeros. */
struct hdf5_record {
    uint32_t kind, dtype, rank, name_bytes, type_bytes, unused;
    uint64_t shape[PLN_MAX_RANK];
    uint64_t place, bytes;
};
#endif
