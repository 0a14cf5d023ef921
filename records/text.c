/* SPDX-License-Identifier: Apache-2.0
 *
 * Text: a line is a row.
 */
#include "records/format.h"

static const char *const columns[] = {"text"};

static pln_status begin(struct records_source *source, pln_error *error)
{
    (void)error;
    source->columns = columns;
    source->n_columns = 1;
    return PLN_OK;
}

static pln_status next(struct records_source *source, bool *end, pln_error *error)
{
    struct records_line line;
    const pln_status status = records_lines_next(&source->lines, &line, error);
    if (status != PLN_OK)
        return status;
    *end = !line.text;
    if (*end)
        return PLN_OK;
    source->line = line.number;
    if (line.too_long)
        return records_bad(source, line.number, error, "the line has more than %d bytes", PLN_ROW_BYTES);
    records_line_trim(&line);
    return records_row_add(&source->row, columns[0], (pln_text){line.text, line.bytes})
               ? PLN_OK
               : records_no_memory(source, error);
}

const struct records_reading records_read_text = {.begin = begin, .next = next};
