/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of rows, read and written: text, JSON lines, CSV, TSV, CoNLL, SQuAD, as they are or compressed. Knows nothing
 * of models. The rules stand in pleione.h.
 */
#ifndef PLEIONE_ROWS_H
#define PLEIONE_ROWS_H

#include "pleione_base.h"
#include "pleione_tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- rows */

/* A column of a row: a text, or a list of texts. A number or a boolean is a text, as it stands in the file ("3",
 * "0.50", "true"). null is a column that is absent. */
typedef struct pln_field {
    const char *name; /* "text"; what lies in an object has its path: "answers.text" */
    pln_text text;    /* text NULL: it is the list */
    const pln_text *items;
    uint32_t n_items;
} pln_field;

typedef struct pln_record {
    const pln_field *fields;
    uint32_t n_fields;
} pln_record;

/* The field of that name; NULL if the row has none, or for NULL. Any thread. */
PLN_API const pln_field *pln_record_field(const pln_record *row, const char *name);

/* A list that stands as JSON in a text, as in a cell of CSV ('["a","b"]'): returns new *items, which hold their texts
 * too, freed by pln_free; numbers and booleans as in a pln_field. PLN_INVALID: it is no JSON list of texts, numbers and
 * booleans. Any thread. */
PLN_API pln_status pln_text_list(pln_text text, pln_text **items, uint32_t *n_items, pln_error *error);

/* ---- reading
 *
 * The formats, by the ending of a file (a .gz or .zst behind it is left aside), or named:
 *
 *   text   .txt    a line is a row, column "text"; an empty line is a row with an empty text.
 *   jsonl  .jsonl  a line is a JSON object and a row. Members of objects within it are columns by their path
 *                  ("answers.text"; of equal ones the first counts); a list of texts, numbers and booleans is a list,
 *                  any other one is the text of its JSON. Lines of blanks are passed over. A name that stands twice in
 *                  an object makes a bad row. NaN, Infinity and -Infinity are taken as Python writes them.
 *   csv    .csv    RFC 4180, the first row names the columns. A field in quotes may hold commas, line ends and doubled
 *                  quotes; a quote within a field that does not begin with one is a letter; letters behind a closing
 *                  quote make a bad row, and so do too few or too many cells. Empty lines are passed over. An empty
 *                  cell is an empty text. A column without a name is not read; two of one name are refused when the
 *                  file is opened, and so is a file without a first row.
 *   tsv    .tsv    the same with tabs, quotes too, as spreadsheets and Python's csv write it.
 *   conll  .conll  a word a line, blanks or tabs between columns: the first is the word, the last its tag. A line of
 *                  blanks ends a sentence, which is a row: lists "tokens" and, unless its lines have one column,
 *                  "tags". Lines whose word is -DOCSTART- are passed over. A sentence of which only some words have a
 *                  tag is a bad row.
 *   squad  .json   SQuAD 1.1 and 2.0, read paragraph by paragraph: a question is a row, columns "id", "question",
 *                  "context" and lists "answers.text", "answers.answer_start" (code points), empty where there is no
 *                  answer or they are not given.
 *
 * Files may have any size, and rows up to PLN_ROW_BYTES; memory is that of a row, or a SQuAD paragraph. gzip and zstd
 * are known by their first bytes, whatever the file is called; streams may be concatenated. Lines end in LF or CRLF,
 * the last one with the file at the latest. A byte order mark is passed over; UTF-16 is refused. Zero bytes are letters
 * like others, but not in names. Bytes that are not UTF-8 are handed out as they are; in JSON each maximal subpart
 * becomes U+FFFD. */
enum {
    PLN_ROW_BYTES = 64 << 20, /* of a line, a record of CSV, a sentence of CoNLL, a paragraph of SQuAD */
    PLN_ROW_COLUMNS = 65536,  /* columns */
    PLN_ROW_ITEMS = 1 << 20,  /* values in a row of JSON; words of a sentence */
};

typedef struct pln_reader pln_reader;

typedef struct pln_reader_options { /* zero is a good default */
    uint32_t size;                  /* sizeof(pln_reader_options) */
    const char *format;             /* NULL: by the ending, "-" is text */
    const pln_option *columns;      /* key: the name that a column shall have; value: its name in the file */
    uint32_t n_columns;
    bool (*cancel)(
        void *context); /* asked ten times a second while a pipe is waited for; true: PLN_CANCELLED. NULL: nobody */
    void *context;
} pln_reader_options;

/* Returns new. path "-" is standard input, which stays open. A column that has been given a name hides one of the file
 * that is called so; it also keeps its own. PLN_INVALID names the file and what is wrong: it cannot be opened, its
 * ending is none of those above, its header is broken or lacks a column of the options (in JSON lines only a row can
 * lack one). PLN_FAILED: it cannot be read. PLN_UNSUPPORTED: this build lacks a library, which is named. Any thread. */
PLN_API pln_status pln_reader_open(const char *path, const pln_reader_options *options, pln_reader **reader,
                                   pln_error *error);
PLN_API void pln_reader_close(pln_reader **reader); /* alone */

/* *row NULL: the end. Else it belongs to the reader until its next call. PLN_INVALID "FILE:LINE: sentence": this row is
 * bad, and the next call goes on behind it. Any other failure is the end: PLN_FAILED for a stream that cannot be read,
 * is cut off, broken, or followed by what is no compressed data (the rows before it were given), PLN_CANCELLED,
 * PLN_NO_MEMORY. One thread. */
PLN_API pln_status pln_reader_next(pln_reader *reader, const pln_record **row, pln_error *error);

/* Names of the file's columns, before those of the options; of JSON lines those of the last row, 0 before. They belong
 * to the reader until its next call. One thread. */
PLN_API const char *const *pln_reader_columns(const pln_reader *reader, uint32_t *n_columns);

/* A column as it stands in a file: what is written is not what was read if numbers become texts. */
typedef struct pln_cell {
    const char *name;
    pln_text text; /* text NULL: null */
    bool json;     /* it is JSON: a number, a boolean, a list, an object; else a text */
} pln_cell;

/* The columns of the last row as they stand in the file, names of the options and paths left aside: what a writer
 * passes on. They belong to the reader until its next call. PLN_INVALID: there is no last row. PLN_NO_MEMORY. One
 * thread. */
PLN_API pln_status pln_reader_cells(pln_reader *reader, const pln_cell **cells, uint32_t *n_cells, pln_error *error);

/* The name of the file and the line in which the last row begins, good or bad; it belongs to the reader. Any pointer
 * may be NULL. One thread. */
PLN_API void pln_reader_place(const pln_reader *reader, const char **file, uint64_t *line);
/* Bytes of the file up to the end of the last row (about, where it is compressed), of how many; *total is 0 where that
 * is not known (a pipe). Any thread. */
PLN_API void pln_reader_progress(const pln_reader *reader, uint64_t *done, uint64_t *total);

/* ---- writing */

typedef struct pln_writer pln_writer;

typedef struct pln_writer_options { /* zero is a good default */
    uint32_t size;                  /* sizeof(pln_writer_options) */
    const char *format;             /* "jsonl", "csv", "tsv"; NULL: by the ending, "-" is jsonl */
    const char *const *columns;     /* CSV and TSV need them, JSON lines take none */
    uint32_t n_columns;
    bool resume; /* go on behind the last whole row of a file that is there; else it is made empty */
} pln_writer_options;

/* Returns new. path "-" is standard output, which stays open. An ending .gz or .zst compresses. What is written depends
 * on the rows alone, also where it is cut into compressed members, so that a file that was resumed is equal to one that
 * was not. Rows reach the file whole: what a killed process leaves half written is taken off by `resume`. PLN_INVALID
 * names the path and what is wrong, PLN_FAILED that it cannot be written, PLN_UNSUPPORTED what is missing. Any
 * thread. */
PLN_API pln_status pln_writer_open(const char *path, const pln_writer_options *options, pln_writer **writer,
                                   pln_error *error);
/* Rows that stand in the file, those found by `resume` among them. One thread. */
PLN_API uint64_t pln_writer_rows(const pln_writer *writer);
/* A row. JSON lines: cells in their order, each name once; text that is not UTF-8 as U+FFFD. CSV and TSV: the cells of
 * the columns, in any order, null and absent ones empty. PLN_INVALID names a cell that is no column, or no JSON.
 * PLN_FAILED: the file cannot be written, and has the rows before. Borrows. One thread. */
PLN_API pln_status pln_writer_put(pln_writer *writer, const pln_cell *cells, uint32_t n_cells, pln_error *error);
/* Hands the rows to the system: those of a compressed file when a member is full. One thread. */
PLN_API pln_status pln_writer_flush(pln_writer *writer, pln_error *error);
/* All rows are written; a file is on its disk then. Nothing can be put afterwards. One thread. */
PLN_API pln_status pln_writer_finish(pln_writer *writer, pln_error *error);
/* Rows that were not flushed or finished are lost. Alone. */
PLN_API void pln_writer_close(pln_writer **writer);

#ifdef __cplusplus
}
#endif
#endif
