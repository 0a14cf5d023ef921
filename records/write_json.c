/* SPDX-License-Identifier: Apache-2.0
 *
 * A row as a line of JSON.
 */
#include <string.h>

#include "records/format.h"

/* A line end in JSON stands between its words, where a blank says the same. */
static bool put_json(struct records_text *out, pln_text json)
{
    const size_t begin = out->bytes;
    if (!records_put(out, json.text, json.bytes))
        return false;
    for (size_t i = begin; i < out->bytes; i++)
        if (out->text[i] == '\n' || out->text[i] == '\r')
            out->text[i] = ' ';
    return true;
}

static bool put_value(struct records_text *out, const pln_cell *cell)
{
    if (!cell->text.text)
        return records_put(out, "null", 4);
    return cell->json ? put_json(out, cell->text) : records_put_quoted(out, cell->text);
}

static bool put(struct records_text *out, const pln_cell *cells, uint32_t n)
{
    bool written = records_put(out, "{", 1);
    for (uint32_t i = 0; written && i < n; i++)
        written = (!i || records_put(out, ", ", 2)) &&
                  records_put_quoted(out, (pln_text){cells[i].name, strlen(cells[i].name)}) &&
                  records_put(out, ": ", 2) && put_value(out, &cells[i]);
    return written && records_put(out, "}\n", 2);
}

const struct records_writing records_write_jsonl = {.put = put};
