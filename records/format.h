/* SPDX-License-Identifier: Apache-2.0
 *
 * What a format does: one file each that reads it, one that writes it.
 */
#ifndef RECORDS_FORMAT_H
#define RECORDS_FORMAT_H

#include "records/lines.h"
#include "records/quote.h"
#include "records/row.h"

/* What a reader of a format works on. */
struct records_source {
    struct records_lines lines;
    struct records_row row;
    uint64_t line;              /* in which the row, good or bad, begins */
    const char *const *columns; /* names in the file; of a format that has none, those of the last row */
    uint32_t n_columns;
    void *state; /* of the format, zeroed at first */
};

struct records_reading {
    const char *missing; /* a library that this build lacks, then nothing else is there; NULL */
    size_t state_bytes;
    /* Whatever stands before the first row. NULL: nothing. PLN_INVALID names file and line. */
    pln_status (*begin)(struct records_source *source, pln_error *error);
    /* Fills source->row, which was cleared; *end: there is no more. PLN_INVALID, by records_bad: this row is bad. */
    pln_status (*next)(struct records_source *source, bool *end, pln_error *error);
    /* The cells of the row. NULL: its fields. False: no memory. */
    bool (*cells)(struct records_source *source);
    void (*end)(struct records_source *source); /* NULL: nothing; also after a begin that failed */
};

struct records_writing {
    bool named;        /* it needs the names of columns */
    bool quoted_lines; /* a line end within quotes does not end a row */
    /* What stands before the first row. NULL: nothing. False: no memory. */
    bool (*begin)(struct records_text *out, const char *const *columns, uint32_t n);
    /* A row of cells in the order of the columns, or as they were given. */
    bool (*put)(struct records_text *out, const pln_cell *cells, uint32_t n);
};

struct records_format {
    const char *name, *ending;
    const struct records_reading *reading;
    const struct records_writing *writing; /* NULL: it is only read */
};

/* By name, or by the ending of a path (format NULL). standard: what "-" is. PLN_INVALID lists those that there are. */
pln_status records_format_find(const char *path, const char *format, const char *standard, bool to_write,
                               const struct records_format **found, pln_error *error);

/* PLN_INVALID "FILE:LINE: sentence". */
pln_status records_bad(const struct records_source *source, uint64_t line, pln_error *error, const char *sentence, ...)
    __attribute__((format(printf, 4, 5)));
pln_status records_no_memory(const struct records_source *source, pln_error *error);
#endif
