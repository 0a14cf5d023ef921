/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows into a file, at the public door.
 */
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/door.h"
#include "common/in_use.h"
#include "records/format.h"
#include "records/resume.h"

struct pln_writer {
    const struct records_writing *writing;
    struct records_sink sink;
    char *path, **columns;
    pln_cell *cells; /* of the columns */
    uint32_t n_columns;
    uint64_t rows;
    bool finished;
    atomic_bool in_use;
};

static pln_status no_memory(const char *path, pln_error *error)
{
    return pln_fail(error, PLN_NO_MEMORY, "%s: no memory to write it", path);
}

static pln_status check_columns(const struct records_format *format, const pln_writer_options *options,
                                pln_error *error)
{
    const char *const *columns = options->columns;
    if (format->writing->named != (options->n_columns > 0))
        return pln_fail(error, PLN_INVALID,
                        format->writing->named ? "%s needs the names of its columns" : "%s takes no names of columns",
                        format->name);
    if (options->n_columns > PLN_ROW_COLUMNS)
        return pln_fail(error, PLN_INVALID, "more than %d columns", PLN_ROW_COLUMNS);
    for (uint32_t i = 0; i < options->n_columns; i++) {
        if (!columns[i] || !*columns[i] || strchr(columns[i], '\r'))
            return pln_fail(error, PLN_INVALID, "column %u has no name, or one with a CR", i);
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(columns[i], columns[j]) == 0)
                return pln_fail(error, PLN_INVALID, "two columns are called \"%s\"", columns[i]);
    }
    return PLN_OK;
}

static pln_status copy_columns(pln_writer *writer, const pln_writer_options *options, pln_error *error)
{
    const uint32_t n = options->n_columns;
    writer->columns = n ? calloc(n, sizeof *writer->columns) : NULL;
    writer->cells = n ? calloc(n, sizeof *writer->cells) : NULL;
    bool copied = !n || (writer->columns && writer->cells);
    writer->n_columns = writer->columns ? n : 0;
    for (uint32_t i = 0; copied && i < n; i++) {
        writer->columns[i] = strdup(options->columns[i]);
        copied = writer->columns[i] != NULL;
    }
    return copied ? PLN_OK : no_memory(writer->path, error);
}

/* What stands before the first row, unless it is there already. */
static pln_status begin_file(pln_writer *writer, bool resume, pln_error *error)
{
    struct records_text header = {0};
    const struct records_resume how = {writer->writing->quoted_lines, &header};
    bool begun = false;
    pln_status status = PLN_OK;
    if (writer->writing->begin &&
        !writer->writing->begin(&header, (const char *const *)writer->columns, writer->n_columns))
        status = no_memory(writer->path, error);
    if (status == PLN_OK && resume)
        status = records_resume(&writer->sink, &how, &writer->rows, &begun, error);
    if (status == PLN_OK && !begun && header.bytes && !records_put(&writer->sink.rows, header.text, header.bytes))
        status = no_memory(writer->path, error);
    free(header.text);
    return status;
}

static pln_status open_writer(pln_writer *writer, const char *path, const pln_writer_options *options, pln_error *error)
{
    const struct records_format *format;
    pln_status status = records_format_find(path, options->format, "jsonl", true, &format, error);
    if (status == PLN_OK)
        status = check_columns(format, options, error);
    if (status != PLN_OK)
        return status;
    writer->writing = format->writing;
    writer->path = strdup(path);
    if (!writer->path)
        return no_memory(path, error);
    status = copy_columns(writer, options, error);
    if (status == PLN_OK)
        status = records_sink_open(&writer->sink, writer->path, options->resume, error);
    return status == PLN_OK ? begin_file(writer, options->resume, error) : status;
}

pln_status pln_writer_open(const char *path, const pln_writer_options *options, pln_writer **writer, pln_error *error)
{
    pln_writer_options taken = {.size = sizeof taken};
    if (writer)
        *writer = NULL;
    NEED(error, path, writer);
    TAKE(error, pln_writer_options, taken, options);
    NEED_LIST(error, taken.columns, taken.n_columns);
    *writer = calloc(1, sizeof **writer);
    if (!*writer)
        return no_memory(path, error);
    const pln_status status = open_writer(*writer, path, &taken, error);
    if (status != PLN_OK)
        pln_writer_close(writer);
    return status;
}

void pln_writer_close(pln_writer **writer)
{
    if (!writer || !*writer)
        return;
    records_sink_close(&(*writer)->sink);
    for (uint32_t i = 0; i < (*writer)->n_columns; i++)
        free((*writer)->columns[i]);
    free((*writer)->columns);
    free((*writer)->cells);
    free((*writer)->path);
    free(*writer);
    *writer = NULL;
}

uint64_t pln_writer_rows(const pln_writer *writer)
{
    return writer ? writer->rows : 0;
}

/* The cells of the columns, in their order. */
static pln_status sort_cells(pln_writer *writer, const pln_cell *cells, uint32_t n, pln_error *error)
{
    memset(writer->cells, 0, writer->n_columns * sizeof *writer->cells);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t column = 0;
        while (column < writer->n_columns && strcmp(cells[i].name, writer->columns[column]) != 0)
            column++;
        if (column == writer->n_columns)
            return pln_fail(error, PLN_INVALID, "%s: no column is called \"%s\"", writer->path, cells[i].name);
        writer->cells[column] = cells[i];
    }
    return PLN_OK;
}

static pln_status put_row(pln_writer *writer, const pln_cell *cells, uint32_t n, pln_error *error)
{
    struct records_sink *sink = &writer->sink;
    const size_t before = sink->rows.bytes;
    pln_status status = PLN_OK;
    for (uint32_t i = 0; i < n; i++)
        if (!cells[i].name || (!cells[i].text.text && cells[i].text.bytes))
            return pln_fail(error, PLN_INVALID, "%s: cell %u has no name or no text", writer->path, i);
    if (writer->finished)
        return pln_fail(error, PLN_INVALID, "%s: it is finished", writer->path);
    if (writer->n_columns)
        status = sort_cells(writer, cells, n, error);
    if (status != PLN_OK)
        return status;
    if (!writer->writing->put(&sink->rows, writer->n_columns ? writer->cells : cells,
                              writer->n_columns ? writer->n_columns : n)) {
        sink->rows.bytes = before;
        return no_memory(writer->path, error);
    }
    status = records_sink_row(sink, error);
    writer->rows += status == PLN_OK;
    return status;
}

pln_status pln_writer_put(pln_writer *writer, const pln_cell *cells, uint32_t n_cells, pln_error *error)
{
    NEED(error, writer);
    NEED_LIST(error, cells, n_cells);
    pln_status status = in_use_begin(&writer->in_use, "the writer", error);
    if (status != PLN_OK)
        return status;
    status = put_row(writer, cells, n_cells, error);
    in_use_end(&writer->in_use);
    return status;
}

pln_status pln_writer_flush(pln_writer *writer, pln_error *error)
{
    NEED(error, writer);
    return records_sink_flush(&writer->sink, error);
}

pln_status pln_writer_finish(pln_writer *writer, pln_error *error)
{
    NEED(error, writer);
    const pln_status status = writer->finished ? PLN_OK : records_sink_finish(&writer->sink, error);
    writer->finished |= status == PLN_OK;
    return status;
}
