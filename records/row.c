/* SPDX-License-Identifier: Apache-2.0
 *
 * Collects the columns of a row.
 */
#include "records/row.h"

#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "records/quote.h"

void records_row_clear(struct records_row *row)
{
    arena_finish(&row->arena);
    row->n = row->n_cells = 0;
}

void records_row_finish(struct records_row *row)
{
    arena_finish(&row->arena);
    free(row->fields);
    free(row->cells);
    *row = (struct records_row){0};
}

static bool add(struct records_row *row, pln_field field)
{
    pln_field *fields = array_reserve(row->fields, &row->room, row->n + 1, sizeof *fields);
    if (!fields)
        return false;
    row->fields = fields;
    row->fields[row->n++] = field;
    return true;
}

bool records_row_add(struct records_row *row, const char *name, pln_text text)
{
    return add(row, (pln_field){.name = name, .text = text});
}

bool records_row_add_list(struct records_row *row, const char *name, const pln_text *items, size_t n)
{
    return add(row, (pln_field){.name = name, .items = items, .n_items = (uint32_t)n});
}

bool records_row_add_cell(struct records_row *row, const char *name, pln_text text, bool json)
{
    pln_cell *cells = array_reserve(row->cells, &row->cell_room, row->n_cells + 1, sizeof *cells);
    if (!cells)
        return false;
    row->cells = cells;
    row->cells[row->n_cells++] = (pln_cell){name, text, json};
    return true;
}

/* '["a", "b"]' in the arena. */
static bool add_list_cell(struct records_row *row, const pln_field *field)
{
    struct records_text out = {0};
    bool made = records_put(&out, "[", 1);
    for (uint32_t i = 0; made && i < field->n_items; i++)
        made = (!i || records_put(&out, ", ", 2)) && records_put_quoted(&out, field->items[i]);
    made = made && records_put(&out, "]", 1);
    char *copy = made ? arena_allocate(&row->arena, out.bytes) : NULL;
    if (copy)
        memcpy(copy, out.text, out.bytes);
    free(out.text);
    return copy && records_row_add_cell(row, field->name, (pln_text){copy, out.bytes}, true);
}

bool records_row_make_cells(struct records_row *row)
{
    bool made = true;
    for (size_t i = 0; made && i < row->n; i++)
        made = row->fields[i].text.text ? records_row_add_cell(row, row->fields[i].name, row->fields[i].text, false)
                                        : add_list_cell(row, &row->fields[i]);
    return made;
}
