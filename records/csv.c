/* SPDX-License-Identifier: Apache-2.0
 *
 * CSV and TSV, by libcsv: it is given a line at a time, so that at most one row ends in it.
 */
#include "records/format.h"

#ifdef PLEIONE_CSV
#include <csv.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"

enum { BLOCK = 4096 /* by which libcsv lets a field grow */ };

struct csv {
    struct csv_parser parser;
    bool ready;                 /* the parser is to be freed */
    struct records_text values; /* of the row's cells, one behind the other */
    size_t *ends;               /* of each in it */
    size_t n, room;             /* cells; those beyond the limit are counted only */
    bool ended, no_memory;      /* the row is whole; a callback had none */
    struct records_text header; /* names, each with a zero byte */
    const char **names;         /* of the cells; NULL: it has none, and is passed over */
    uint32_t n_names;
    const char **columns; /* those that have one */
};

static void take_cell(void *text, size_t bytes, void *context)
{
    struct csv *csv = context;
    if (csv->n++ >= PLN_ROW_COLUMNS)
        return;
    size_t *ends = array_reserve(csv->ends, &csv->room, csv->n, sizeof *ends);
    csv->ends = ends ? ends : csv->ends;
    if (!ends || (bytes && !records_put(&csv->values, text, bytes)))
        csv->no_memory = true;
    else
        csv->ends[csv->n - 1] = csv->values.bytes;
}

static void end_row(int letter, void *context)
{
    (void)letter;
    ((struct csv *)context)->ended = true;
}

static int is_end(unsigned char letter)
{
    return letter == CSV_LF;
}

/* A CR before the LF is passed over as blanks around a field would be; in quotes it stays. */
static int is_space(unsigned char letter)
{
    return letter == CSV_CR;
}

static pln_status start(struct records_source *source, pln_error *error)
{
    struct csv *csv = source->state;
    const char delimiter = csv->parser.delim_char ? (char)csv->parser.delim_char : CSV_COMMA;
    if (csv->ready)
        csv_free(&csv->parser);
    csv->ready = csv_init(&csv->parser, CSV_STRICT | CSV_STRICT_FINI) == 0;
    csv_set_delim(&csv->parser, (unsigned char)delimiter);
    csv_set_term_func(&csv->parser, is_end);
    csv_set_space_func(&csv->parser, is_space);
    csv_set_blk_size(&csv->parser, BLOCK);
    return csv->ready ? PLN_OK : records_no_memory(source, error);
}

/* Strict parsing stops at every quote that closes nothing. In a field that has not begun with one it is a letter; one
 * with letters behind it is an error, and false. */
static bool feed(struct csv *csv, const char *text, size_t bytes)
{
    for (;;) {
        const size_t taken = csv_parse(&csv->parser, text, bytes, take_cell, end_row, csv);
        if (taken == bytes)
            return true;
        if (csv_error(&csv->parser) == CSV_ENOMEM || csv_error(&csv->parser) == CSV_ETOOBIG) {
            csv->no_memory = true;
            return true;
        }
        if (csv->parser.quoted)
            return false;
        text += taken;
        bytes -= taken;
        csv_set_opts(&csv->parser, CSV_STRICT_FINI);
        csv_parse(&csv->parser, text++, 1, take_cell, end_row, csv);
        csv_set_opts(&csv->parser, CSV_STRICT | CSV_STRICT_FINI);
        bytes--;
    }
}

/* The cells of the next row; csv->ended is false at the end of the file. */
static pln_status read_cells(struct records_source *source, pln_error *error)
{
    struct csv *csv = source->state;
    struct records_line line;
    uint64_t read = 0;
    csv->n = csv->values.bytes = 0;
    csv->ended = csv->no_memory = false;
    while (!csv->ended) {
        pln_status status = records_lines_next(&source->lines, &line, error);
        if (status != PLN_OK)
            return status;
        if (!line.text)
            break;
        source->line = read ? source->line : line.number;
        read += line.bytes + 1;
        const bool fits = read <= PLN_ROW_BYTES && !line.too_long;
        const bool fed = fits && feed(csv, line.text, line.bytes) && (!line.ended || feed(csv, "\n", 1));
        if (csv->no_memory)
            return records_no_memory(source, error);
        if (!fed) { /* the next line begins a new row */
            status = start(source, error);
            if (status != PLN_OK)
                return status;
            return fits ? records_bad(source, line.number, error, "letters stand behind the quote that closes a field")
                        : records_bad(source, source->line, error, "the row has more than %d bytes", PLN_ROW_BYTES);
        }
        if (!csv->ended && line.ended && !csv->parser.quoted)
            read = 0; /* the line was empty */
    }
    if (csv->ended || csv_fini(&csv->parser, take_cell, end_row, csv) == 0)
        return csv->no_memory ? records_no_memory(source, error) : PLN_OK;
    const pln_status status = start(source, error);
    return status == PLN_OK ? records_bad(source, source->line, error, "the file ends within quotes") : status;
}

static pln_text cell(const struct csv *csv, size_t i)
{
    const size_t begin = i ? csv->ends[i - 1] : 0;
    return (pln_text){csv->values.text ? csv->values.text + begin : "", csv->ends[i] - begin};
}

/* ---- the header */

static bool copy_names(struct csv *csv)
{
    csv->names = calloc(csv->n + 1, sizeof *csv->names);
    csv->columns = calloc(csv->n + 1, sizeof *csv->columns);
    if (!csv->names || !csv->columns)
        return false;
    for (size_t i = 0; i < csv->n; i++) {
        const pln_text name = cell(csv, i);
        if (!records_put(&csv->header, name.text, name.bytes) || !records_put(&csv->header, "", 1))
            return false;
    }
    const char *name = csv->header.text;
    for (size_t i = 0; i < csv->n; i++, name += strlen(name) + 1)
        csv->names[i] = *name ? name : NULL;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A name that two columns have; NULL: none. *sorted: room for all. */
static const char *find_twin(const char *const *names, uint32_t n, const char **sorted)
{
    memcpy(sorted, names, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_name);
    for (uint32_t i = 1; i < n; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            return sorted[i];
    return NULL;
}

static pln_status name_columns(struct records_source *source, pln_error *error)
{
    struct csv *csv = source->state;
    if (csv->n > PLN_ROW_COLUMNS)
        return records_bad(source, source->line, error, "there are more than %d columns", PLN_ROW_COLUMNS);
    if (csv->values.bytes &&
        (memchr(csv->values.text, '\0', csv->values.bytes) || memchr(csv->values.text, '\r', csv->values.bytes)))
        return records_bad(source, source->line, error, "the name of a column holds a zero byte or a CR");
    if (!copy_names(csv))
        return records_no_memory(source, error);
    csv->n_names = (uint32_t)csv->n;
    for (uint32_t i = 0; i < csv->n_names; i++)
        if (csv->names[i])
            csv->columns[source->n_columns++] = csv->names[i];
    source->columns = csv->columns;
    if (!source->n_columns)
        return records_bad(source, source->line ? source->line : 1, error, "no row names the columns");
    const char **sorted = malloc(source->n_columns * sizeof *sorted);
    const char *twin = sorted ? find_twin(source->columns, source->n_columns, sorted) : NULL;
    const pln_status status = sorted ? PLN_OK : records_no_memory(source, error);
    free(sorted);
    return twin ? records_bad(source, source->line, error, "two columns are called \"%.200s\"", twin) : status;
}

static pln_status begin(struct records_source *source, char delimiter, pln_error *error)
{
    struct csv *csv = source->state;
    csv->parser.delim_char = (unsigned char)delimiter;
    pln_status status = start(source, error);
    if (status == PLN_OK)
        status = read_cells(source, error);
    return status == PLN_OK ? name_columns(source, error) : status;
}

static pln_status begin_csv(struct records_source *source, pln_error *error)
{
    return begin(source, CSV_COMMA, error);
}

static pln_status begin_tsv(struct records_source *source, pln_error *error)
{
    return begin(source, CSV_TAB, error);
}

/* ---- rows */

static pln_status next(struct records_source *source, bool *end, pln_error *error)
{
    struct csv *csv = source->state;
    const pln_status status = read_cells(source, error);
    if (status != PLN_OK)
        return status;
    *end = !csv->ended;
    if (*end)
        return PLN_OK;
    if (csv->n != csv->n_names)
        return records_bad(source, source->line, error, "the row has %zu cells, the first row names %u", csv->n,
                           csv->n_names);
    for (uint32_t i = 0; i < csv->n_names; i++)
        if (csv->names[i] && !records_row_add(&source->row, csv->names[i], cell(csv, i)))
            return records_no_memory(source, error);
    return PLN_OK;
}

static void end_reading(struct records_source *source)
{
    struct csv *csv = source->state;
    if (csv->ready)
        csv_free(&csv->parser);
    free(csv->values.text);
    free(csv->ends);
    free(csv->header.text);
    free(csv->names);
    free(csv->columns);
}

const struct records_reading records_read_csv = {
    .state_bytes = sizeof(struct csv), .begin = begin_csv, .next = next, .end = end_reading};
const struct records_reading records_read_tsv = {
    .state_bytes = sizeof(struct csv), .begin = begin_tsv, .next = next, .end = end_reading};
#else
const struct records_reading records_read_csv = {.missing = "libcsv"};
const struct records_reading records_read_tsv = {.missing = "libcsv"};
#endif
