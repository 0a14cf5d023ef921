/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows of values: columns, a row, another shape. What hangs on symbols is asked again when their numbers are known.
 */
#include "graph/graph.h"

pln_value *graph_add_window(pln_graph *graph, pln_value *of, uint64_t first, pln_dim rows, uint32_t width,
                            uint32_t stride)
{
    if (of->kind == PLN_VALUE_CONSTANT) {
        graph_fail(graph, of->name, PLN_INVALID, "a constant has no windows");
        return NULL;
    }
    of->windowed = of->base->windowed = true;
    pln_value window = *of;
    window.outer = of;
    window.reshaped = false;
    window.first += first;
    window.rows = rows;
    window.width = width;
    window.row_stride = stride;
    return graph_add_value(graph, &window);
}

pln_value *pln_columns(pln_graph *graph, pln_value *value, uint32_t first, uint32_t width)
{
    if (!graph_usable(graph, "columns") || !graph_owns(graph, value, "columns"))
        return NULL;
    if (!width || (uint64_t)first + width > value->width) {
        graph_fail(graph, value->name, PLN_INVALID, "columns %u to %llu of %u", first,
                   (unsigned long long)first + width, value->width);
        return NULL;
    }
    return graph_add_window(graph, value, first, value->rows, width, value->row_stride);
}

pln_value *pln_row(pln_graph *graph, pln_value *value, uint32_t row)
{
    if (!graph_usable(graph, "row") || !graph_owns(graph, value, "row"))
        return NULL;
    if (value->rows.symbol == 0 && row >= value->rows.offset) {
        graph_fail(graph, value->name, PLN_INVALID, "row %u of %u", row, value->rows.offset);
        return NULL;
    }
    return graph_add_window(graph, value, (uint64_t)row * value->row_stride, pln_rows_fixed(1), value->width,
                            value->row_stride);
}

/* Between different symbols the numbers of a run decide. */
static bool may_reshape(const pln_value *value, pln_dim rows, uint32_t width)
{
    if (rows.symbol != value->rows.symbol)
        return true;
    return (uint64_t)rows.offset * width == (uint64_t)value->rows.offset * value->width &&
           (!rows.symbol || (uint64_t)rows.scale * width == (uint64_t)value->rows.scale * value->width);
}

pln_value *pln_reshape(pln_graph *graph, pln_value *value, pln_dim rows, uint32_t width)
{
    if (!graph_usable(graph, "reshape") || !graph_owns(graph, value, "reshape"))
        return NULL;
    if (!graph_fits(graph, rows, width) || !may_reshape(value, rows, width)) {
        graph_fail(graph, value->name, PLN_INVALID, "reshaped to another number of elements");
        return NULL;
    }
    if (value->windowed || value->base != value || value->row_stride != value->width) {
        graph_fail(graph, value->name, PLN_INVALID,
                   "only a whole value without padding between its rows can be reshaped");
        return NULL;
    }
    pln_value *window = graph_add_window(graph, value, 0, rows, width, width);
    if (window)
        window->reshaped = true;
    return window;
}

bool graph_window_holds(const pln_value *window, const uint32_t *dims)
{
    const pln_value *outer = window->outer;
    const uint64_t rows = pln_dim_rows(window->rows, dims), outer_rows = pln_dim_rows(outer->rows, dims);
    if (window->reshaped)
        return rows * window->width == outer_rows * outer->width;
    if (!rows || !outer_rows)
        return !rows;
    return window->first - outer->first + (rows - 1) * window->row_stride + window->width <=
           (outer_rows - 1) * outer->row_stride + outer->width;
}
