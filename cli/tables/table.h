/* SPDX-License-Identifier: Apache-2.0
 *
 * A table: columns with key, title, unit and type; rows of cells; notes. Commands fill it and know no format; writers
 * (text, JSON, CSV, Markdown, SVG) take it and know no command.
 */
#ifndef CLI_TABLES_TABLE_H
#define CLI_TABLES_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { TABLE_COLUMNS = 32, TABLE_NOTES = 8 };

enum table_type { TABLE_TEXT, TABLE_COUNT, TABLE_NUMBER, TABLE_SCIENTIFIC };

struct table_column {
    const char *key;   /* in JSON and CSV: "best_ms" */
    const char *title; /* for people: "best"; NULL: not shown to them */
    const char *unit;  /* "ms", or NULL */
    enum table_type type;
    int digits;         /* behind the point, for people */
    uint32_t width;     /* of text, at least */
    uint32_t rank;      /* on a terminal that is too narrow the highest goes first; 0: it stays */
    bool fitted;        /* text: as wide as the widest cell that is there when the head is written */
    bool judges;        /* text that says good or bad, which colour shows */
    const char *absent; /* what people read where a cell is absent, if not "-" */
};

/* How a table stands on a terminal: made when its head is written, from the rows that are there. */
struct table_layout {
    uint32_t columns; /* of the terminal; 0: as many as there are */
    uint32_t width[TABLE_COLUMNS];
    bool shown[TABLE_COLUMNS];
};

/* A cell is absent until it is set. */
struct table_cell {
    bool present;
    double number;
    char *text; /* owned */
};

enum table_plot_kind { TABLE_NO_PLOT, TABLE_BARS, TABLE_LINES };

/* How the table is drawn; columns by key. */
struct table_plot {
    enum table_plot_kind kind;
    const char *series;              /* text: one colour each */
    const char *group;               /* bars: rows with the same text stand together */
    const char *x;                   /* lines */
    const char *value;               /* y of lines, length of bars */
    const char *unit;                /* of the value, behind it: "tokens/s" */
    const char *beside[3];           /* bars: also written at the end of each */
    const char *sense;               /* "longer is faster" */
    const char *x_name, *value_name; /* of the axes, with units */
};

struct table {
    char title[200];
    uint32_t n_columns, n_rows, n_notes;
    size_t room; /* rows */
    struct table_column columns[TABLE_COLUMNS];
    struct table_cell *cells; /* [rows, columns] */
    char notes[TABLE_NOTES][240];
    struct table_plot plot;
    bool failed; /* out of memory; later calls do nothing */
};

/* Columns keep their strings; table_finish frees the cells. */
void table_add_columns(struct table *t, const struct table_column *columns, uint32_t n);
void table_add_row(struct table *t);
void table_add_note(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_finish(struct table *t);

/* Cells of the last row, by the column's key. A number that is not finite leaves the cell absent. */
void table_set_text(struct table *t, const char *key, const char *text);
void table_set_number(struct table *t, const char *key, double number);

/* Index of a column, or -1. */
int table_find(const struct table *t, const char *key);
const struct table_cell *table_at(const struct table *t, uint32_t row, uint32_t column);

/* "best ms", and a cell as people read it (`absent` of its column, or "-", when it is). Return text. */
const char *table_heading(const struct table_column *column, char *text, size_t bytes);
const char *table_print_cell(const struct table_column *column, const struct table_cell *cell, char *text,
                             size_t bytes);

/* ---- writers: the whole table, or rows as they come. False when there is no memory; a full disk is the stream's. */

/* columns: of the terminal, 0 for all there is. */
void table_lay_out(const struct table *t, uint32_t columns, struct table_layout *layout);
void table_write_head(FILE *out, const struct table *t, const struct table_layout *layout);
void table_write_rows(FILE *out, const struct table *t, const struct table_layout *layout, uint32_t first);
/* Which columns found no room; nothing if all did. */
void table_write_left_out(FILE *out, const struct table *t, const struct table_layout *layout);
/* A whole table, fitted to the terminal unless `wide`. */
void table_print(FILE *out, const struct table *t, bool wide);
bool table_write_json_rows(FILE *out, const struct table *t, uint32_t first); /* one object a line */

bool table_write_json(FILE *out, const struct table *t);
bool table_write_csv(FILE *out, const struct table *t);
bool table_write_markdown(FILE *out, const struct table *t);
bool table_write_svg(FILE *out, const struct table *t);
#endif
