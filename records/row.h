/* SPDX-License-Identifier: Apache-2.0
 *
 * The row that a reader is about to give: fields for those who work with it, cells for those who pass it on. Names and
 * texts are borrowed; what must be kept for the row is allocated in its arena.
 */
#ifndef RECORDS_ROW_H
#define RECORDS_ROW_H

#include <stdbool.h>

#include "api/pleione_rows.h"
#include "common/arena.h"

struct records_row { /* zero is empty */
    struct arena arena;
    pln_field *fields;
    pln_cell *cells;
    size_t n, room, n_cells, cell_room;
};

/* Empty again; memory stays for the next one, but for the arena's. */
void records_row_clear(struct records_row *row);
void records_row_finish(struct records_row *row);

/* False: there is no memory. */
bool records_row_add(struct records_row *row, const char *name, pln_text text);
bool records_row_add_list(struct records_row *row, const char *name, const pln_text *items, size_t n);
bool records_row_add_cell(struct records_row *row, const char *name, pln_text text, bool json);
/* The fields as cells, a list as JSON. */
bool records_row_make_cells(struct records_row *row);
#endif
