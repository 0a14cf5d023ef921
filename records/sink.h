/* SPDX-License-Identifier: Apache-2.0
 *
 * Where rows go: a file or standard output, compressed in members that are cut by the rows alone.
 */
#ifndef RECORDS_SINK_H
#define RECORDS_SINK_H

#include <sys/types.h>

#include "records/codec.h"
#include "records/quote.h"

enum { SINK_MEMBER = 1 << 18 /* bytes of rows, not compressed, at which a member ends behind a row */ };

struct records_sink { /* zero: nothing to close */
    const char *name;
    int fd;
    bool opened, own;
    bool regular; /* it can be cut back */
    bool tail;    /* the file goes on behind `at` with what is to be written over */
    const struct codec *codec;
    struct records_text rows; /* whole ones that are not in the file */
    off_t at;                 /* where the next bytes go */
};

/* The caller's memory. path (borrows) "-" is standard output. What lies in a file stays until something is written, or
 * finish. PLN_INVALID: it cannot be opened, or is no file that can be resumed; PLN_UNSUPPORTED. */
pln_status records_sink_open(struct records_sink *s, const char *path, bool resume, pln_error *error);
void records_sink_close(struct records_sink *s);

/* To be called behind each row that was put into `rows`. PLN_FAILED: the file cannot be written; it ends with the rows
 * that it had. PLN_NO_MEMORY. */
pln_status records_sink_row(struct records_sink *s, pln_error *error);
/* As far as members are full. */
pln_status records_sink_flush(struct records_sink *s, pln_error *error);
pln_status records_sink_finish(struct records_sink *s, pln_error *error);
#endif
