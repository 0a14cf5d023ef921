/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows as CSV and TSV: quotes only where they are needed, lines end in LF.
 */
#include <string.h>

#include "records/format.h"

static bool needs_quotes(pln_text text, char delimiter)
{
    for (size_t i = 0; i < text.bytes; i++)
        if (text.text[i] == delimiter || text.text[i] == '"' || text.text[i] == '\n' || text.text[i] == '\r')
            return true;
    return false;
}

static bool put_cell(struct records_text *out, pln_text text, char delimiter)
{
    if (!needs_quotes(text, delimiter))
        return !text.bytes || records_put(out, text.text, text.bytes);
    bool put = records_put(out, "\"", 1);
    for (size_t at = 0, n; put && at < text.bytes; at += n) {
        const char *quote = memchr(text.text + at, '"', text.bytes - at);
        n = quote ? (size_t)(quote - text.text) - at + 1 : text.bytes - at;
        put = records_put(out, text.text + at, n) && (!quote || records_put(out, "\"", 1));
    }
    return put && records_put(out, "\"", 1);
}

/* A line of one empty cell would be an empty line, which is no row. */
static bool put_row(struct records_text *out, const pln_cell *cells, uint32_t n, char delimiter)
{
    bool put = n > 1 || cells[0].text.bytes || records_put(out, "\"\"", 2);
    for (uint32_t i = 0; put && i < n; i++)
        put = (!i || records_put(out, &delimiter, 1)) && put_cell(out, cells[i].text, delimiter);
    return put && records_put(out, "\n", 1);
}

static bool put_names(struct records_text *out, const char *const *columns, uint32_t n, char delimiter)
{
    bool put = true;
    for (uint32_t i = 0; put && i < n; i++)
        put = (!i || records_put(out, &delimiter, 1)) &&
              put_cell(out, (pln_text){columns[i], strlen(columns[i])}, delimiter);
    return put && records_put(out, "\n", 1);
}

static bool begin_csv(struct records_text *out, const char *const *columns, uint32_t n)
{
    return put_names(out, columns, n, ',');
}

static bool put_csv(struct records_text *out, const pln_cell *cells, uint32_t n)
{
    return put_row(out, cells, n, ',');
}

static bool begin_tsv(struct records_text *out, const char *const *columns, uint32_t n)
{
    return put_names(out, columns, n, '\t');
}

static bool put_tsv(struct records_text *out, const pln_cell *cells, uint32_t n)
{
    return put_row(out, cells, n, '\t');
}

const struct records_writing records_write_csv = {true, true, begin_csv, put_csv};
const struct records_writing records_write_tsv = {true, true, begin_tsv, put_tsv};
