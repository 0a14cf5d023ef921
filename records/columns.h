/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns by the names that a caller wants: NAME=COLUMN.
 */
#ifndef RECORDS_COLUMNS_H
#define RECORDS_COLUMNS_H

#include "records/format.h"

struct records_columns {
    pln_option *wanted; /* key: name, value: column of the file; copies */
    uint32_t n;
    pln_field *fields; /* of the last row, by these names */
    size_t room;
};

/* The caller's memory. PLN_INVALID: a name or a column is missing, or a name is given twice. */
pln_status records_columns_init(struct records_columns *c, const pln_option *wanted, uint32_t n, pln_error *error);
void records_columns_finish(struct records_columns *c);
/* PLN_INVALID names file, column and those that there are, if the source has columns and one that is wanted is none. */
pln_status records_columns_check(const struct records_columns *c, const struct records_source *source,
                                 pln_error *error);
/* The source's row under the names. False: no memory. */
bool records_columns_rename(struct records_columns *c, const struct records_source *source, pln_record *row);
#endif
