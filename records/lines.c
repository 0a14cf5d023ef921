/* SPDX-License-Identifier: Apache-2.0
 *
 * Cuts a stream into lines.
 */
#include "records/lines.h"

#include <stdlib.h>
#include <string.h>

#include "api/pleione_rows.h"
#include "common/array.h"
#include "common/fail.h"

pln_status records_lines_fill(struct records_lines *l, pln_error *error)
{
    if (l->left)
        return PLN_OK;
    const pln_status status = records_stream_next(&l->stream, &l->next, &l->left, error);
    l->begin = l->end;
    l->end = l->stream.done - l->stream.rest.n;
    l->piece = l->left;
    return status;
}

uint64_t records_lines_position(const struct records_lines *l)
{
    return l->piece ? l->begin + (l->end - l->begin) * (l->piece - l->left) / l->piece : l->end;
}

static void take(struct records_lines *l, size_t n)
{
    l->next += n;
    l->left -= n;
}

/* Copies n bytes behind the `used` ones of the buffer, and a zero behind them. */
static pln_status keep(struct records_lines *l, size_t used, const char *bytes, size_t n, pln_error *error)
{
    char *larger = array_reserve(l->buffer, &l->room, used + n + 1, 1);
    if (!larger)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for line %llu", l->stream.name,
                        (unsigned long long)l->number + 1);
    l->buffer = larger;
    if (n)
        memcpy(l->buffer + used, bytes, n);
    l->buffer[used + n] = '\0';
    return PLN_OK;
}

/* The byte order mark of UTF-8 says nothing, that of UTF-16 that this is no UTF-8. */
static pln_status pass_mark(struct records_lines *l, pln_error *error)
{
    const pln_status status = records_lines_fill(l, error);
    if (status != PLN_OK)
        return status;
    if (l->left >= 2 && (memcmp(l->next, "\xff\xfe", 2) == 0 || memcmp(l->next, "\xfe\xff", 2) == 0))
        return pln_fail(error, PLN_FAILED, "%s: UTF-16; only UTF-8 is read", l->stream.name);
    if (l->left >= 3 && memcmp(l->next, "\xef\xbb\xbf", 3) == 0)
        take(l, 3);
    return PLN_OK;
}

pln_status records_lines_open(struct records_lines *l, const char *path, struct records_cancel cancel, pln_error *error)
{
    *l = (struct records_lines){0};
    const pln_status status = records_stream_open(&l->stream, path, cancel, error);
    return status == PLN_OK ? pass_mark(l, error) : status;
}

void records_lines_close(struct records_lines *l)
{
    records_stream_close(&l->stream);
    free(l->buffer);
    *l = (struct records_lines){0};
}

pln_status records_lines_next(struct records_lines *l, struct records_line *line, pln_error *error)
{
    size_t used = 0;
    bool any = false;
    *line = (struct records_line){.number = l->number + 1};
    while (!line->ended) {
        pln_status status = records_lines_fill(l, error);
        if (status != PLN_OK) { /* what is cut off is no line */
            l->stream.held = *error;
            return status;
        }
        if (!l->left)
            break;
        any = true;
        const char *newline = memchr(l->next, '\n', l->left);
        const size_t n = newline ? (size_t)(newline - l->next) : l->left;
        const size_t kept = n <= PLN_ROW_BYTES - used ? n : PLN_ROW_BYTES - used;
        line->too_long |= kept < n;
        line->ended = newline != NULL;
        status = keep(l, used, l->next, kept, error);
        if (status != PLN_OK)
            return status;
        used += kept;
        take(l, n + line->ended);
    }
    l->number += any;
    line->text = any ? l->buffer : NULL;
    line->bytes = used;
    return PLN_OK;
}

void records_line_trim(struct records_line *line)
{
    line->bytes -= line->ended && line->bytes && line->text[line->bytes - 1] == '\r';
}

bool records_line_is_blank(const struct records_line *line)
{
    for (size_t i = 0; i < line->bytes; i++)
        if (line->text[i] != ' ' && line->text[i] != '\t')
            return false;
    return true;
}
