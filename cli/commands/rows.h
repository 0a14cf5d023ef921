/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of raw tensors as batches: rows in order, round and round.
 */
#ifndef CLI_COMMANDS_ROWS_H
#define CLI_COMMANDS_ROWS_H

#include "cli/cli.h"

enum { CLI_ROW_TENSORS = 16 };

struct cli_rows {
    pln_tensor_file *file;
    uint64_t rows; /* of the file */
    uint32_t n, batch;
    const pln_tensor *all;               /* [n] */
    pln_tensor tensors[CLI_ROW_TENSORS]; /* [n] of the batch */
    void *buffers[CLI_ROW_TENSORS];      /* NULL: the tensor has no rows of its own and is used as it is */
    uint64_t seed, epoch, *order;        /* [rows], rows in the order of that epoch; NULL: as in the file */
};

/* Opens the file; batches have `batch` rows. PLN_INVALID names the tensor that does not fit the others. */
pln_status cli_rows_open(struct cli_rows *rows, const char *path, uint32_t batch, pln_error *error);
void cli_rows_close(struct cli_rows *rows);

/* From now on each epoch has another order, a function of the seed and the epoch. PLN_NO_MEMORY. */
pln_status cli_rows_shuffle(struct cli_rows *rows, uint64_t seed, pln_error *error);

/* Number of batches after which they repeat; 0: never. */
uint64_t cli_rows_period(const struct cli_rows *rows);

/* Whether the rows stand class by class: labels [rows] of whole numbers, each in one run. */
bool cli_rows_sorted(const struct cli_rows *rows);

/* tensors[] become batch number `index`: rows index * batch and on, epoch after epoch. */
void cli_rows_take(struct cli_rows *rows, uint64_t index);
#endif
