/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream line by line. Memory is that of the longest line, up to PLN_ROW_BYTES.
 */
#ifndef RECORDS_LINES_H
#define RECORDS_LINES_H

#include "records/stream.h"

struct records_line {
    const char *text; /* a zero byte stands behind it; NULL: there is no more */
    size_t bytes;     /* without its LF */
    uint64_t number;  /* from 1 */
    bool ended;       /* by a LF, not by the end of the file */
    bool too_long;    /* it has more than PLN_ROW_BYTES, and this is how it begins */
};

struct records_lines {
    struct records_stream stream;
    const char *next; /* of the stream's bytes that are not used yet */
    size_t left;
    size_t piece;        /* bytes that there were when the stream gave them */
    uint64_t begin, end; /* bytes of the file before these, and with them */
    char *buffer;
    size_t room;
    uint64_t number;
};

/* The caller's memory; as records_stream_open. PLN_FAILED for a text that begins as UTF-16 does. */
pln_status records_lines_open(struct records_lines *l, const char *path, struct records_cancel cancel,
                              pln_error *error);
void records_lines_close(struct records_lines *l);
/* It stays until the next call. As records_stream_next. */
pln_status records_lines_next(struct records_lines *l, struct records_line *line, pln_error *error);
/* For those who read no lines: sees to it that `next` has `left` bytes, which the caller takes off the front; 0: there
 * are no more. As records_stream_next. */
pln_status records_lines_fill(struct records_lines *l, pln_error *error);

/* Bytes of the file before `next`; of a compressed one about so many. They never become fewer. */
uint64_t records_lines_position(const struct records_lines *l);

/* Takes the CR off that belongs to the end of a line. */
void records_line_trim(struct records_line *line);
/* Whether there are only blanks and tabs. */
bool records_line_is_blank(const struct records_line *line);
#endif
