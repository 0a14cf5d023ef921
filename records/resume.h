/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds where the whole rows of a file end that a process may have left half written.
 */
#ifndef RECORDS_RESUME_H
#define RECORDS_RESUME_H

#include "records/sink.h"

struct records_resume {
    bool quoted_lines;                 /* a line end within quotes does not end a row */
    const struct records_text *header; /* what stands before the first row; may have no bytes */
};

/* Sets s->at behind the last whole row, or the last whole member that is full; rows of the member behind it go to
 * s->rows. *rows: how many there are, those among them. *begun: the header is there. PLN_INVALID: it begins otherwise;
 * PLN_FAILED: it cannot be read; PLN_NO_MEMORY. */
pln_status records_resume(struct records_sink *s, const struct records_resume *how, uint64_t *rows, bool *begun,
                          pln_error *error);
#endif
