/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads what is there from the front, and counts.
 */
#define _XOPEN_SOURCE 700 /* pread */
#include "records/resume.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fail.h"

enum { BLOCK = 1 << 16 };

struct scan {
    const struct records_resume *how;
    uint64_t bytes, rows; /* that went by, of the text */
    uint64_t whole;       /* bytes up to the last whole row */
    bool quoted, other;   /* within quotes; the header is another one */
};

static void scan_text(struct scan *scan, const char *text, size_t n)
{
    const struct records_text *header = scan->how->header;
    for (size_t i = 0; i < n && !scan->other; i++) {
        const uint64_t at = scan->bytes++;
        if (at < header->bytes) {
            scan->other = text[i] != header->text[at];
            scan->whole = at + 1 == header->bytes ? header->bytes : 0;
            continue;
        }
        scan->quoted ^= scan->how->quoted_lines && text[i] == '"';
        if (text[i] != '\n' || scan->quoted)
            continue;
        scan->rows++;
        scan->whole = scan->bytes;
    }
}

static pln_status read_at(const struct records_sink *s, char *block, off_t at, size_t *n, pln_error *error)
{
    ssize_t got;
    do
        got = pread(s->fd, block, BLOCK, at);
    while (got < 0 && errno == EINTR);
    *n = got < 0 ? 0 : (size_t)got;
    return got < 0 ? pln_fail(error, PLN_FAILED, "%s: cannot be read: %s", s->name, strerror(errno)) : PLN_OK;
}

static pln_status scan_plain(struct records_sink *s, struct scan *scan, char *block, pln_error *error)
{
    off_t at = 0;
    size_t n;
    pln_status status;
    while ((status = read_at(s, block, at, &n, error)) == PLN_OK && n) {
        scan_text(scan, block, n);
        at += (off_t)n;
    }
    s->at = (off_t)scan->whole;
    return status;
}

/* ---- members */

struct members {
    void *state;
    char *block, *text;    /* of the file, of what it holds */
    struct codec_input in; /* of block */
    off_t read;            /* bytes of the file up to the end of block */
};

static pln_status fill(const struct records_sink *s, struct members *m, pln_error *error)
{
    size_t n;
    if (m->in.n)
        return PLN_OK;
    const pln_status status = read_at(s, m->block, m->read, &n, error);
    m->read += (off_t)n;
    m->in = (struct codec_input){m->block, n};
    return status;
}

/* What has been read of a member stands in s->rows as long as it may turn out to be a short one. */
static enum codec_step unpack(struct records_sink *s, struct members *m, struct scan *scan)
{
    struct codec_output out = {m->text, BLOCK, 0};
    const size_t before = m->in.n;
    const enum codec_step step = s->codec->library->decode(m->state, &m->in, &out);
    if (s->rows.bytes < SINK_MEMBER && out.used && !records_put(&s->rows, m->text, out.used))
        return CODEC_NO_MEMORY;
    scan_text(scan, m->text, out.used);
    if (step == CODEC_ENDED && scan->whole != scan->bytes)
        return CODEC_BROKEN; /* no writer of rows made it */
    return step == CODEC_GOES_ON && !out.used && m->in.n == before ? CODEC_BROKEN : step;
}

/* Up to the end, or to a member that is broken, cut off, or shorter than a full one: the last that was written. */
static pln_status scan_members(struct records_sink *s, struct members *m, struct scan *scan, pln_error *error)
{
    struct scan inside = *scan;
    for (;;) {
        const pln_status status = fill(s, m, error);
        if (status != PLN_OK)
            return status;
        const enum codec_step step = m->in.n ? unpack(s, m, &inside) : CODEC_BROKEN;
        if (step == CODEC_NO_MEMORY)
            return pln_fail(error, PLN_NO_MEMORY, "%s: no memory to read it", s->name);
        if (step == CODEC_ENDED)
            *scan = inside;
        if (step == CODEC_ENDED && s->rows.bytes < SINK_MEMBER)
            return PLN_OK;
        if (step != CODEC_GOES_ON)
            s->rows.bytes = 0;
        if (step == CODEC_ENDED)
            s->at = m->read - (off_t)m->in.n;
        if (step == CODEC_BROKEN) {
            scan->other = inside.other;
            return PLN_OK;
        }
    }
}

static pln_status scan_packed(struct records_sink *s, struct scan *scan, char *block, pln_error *error)
{
    struct members m = {.state = s->codec->library->begin(), .block = block, .text = malloc(BLOCK)};
    const pln_status status = m.state && m.text ? scan_members(s, &m, scan, error)
                                                : pln_fail(error, PLN_NO_MEMORY, "%s: no memory to read it", s->name);
    s->codec->library->end(m.state);
    free(m.text);
    return status;
}

pln_status records_resume(struct records_sink *s, const struct records_resume *how, uint64_t *rows, bool *begun,
                          pln_error *error)
{
    struct scan scan = {.how = how};
    char *block = malloc(BLOCK);
    if (!block)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory to read it", s->name);
    const pln_status status = s->codec ? scan_packed(s, &scan, block, error) : scan_plain(s, &scan, block, error);
    free(block);
    *rows = scan.rows;
    *begun = scan.whole >= how->header->bytes;
    if (status == PLN_OK && scan.other)
        return pln_fail(error, PLN_INVALID, "%s: its first row names other columns: another run wrote it", s->name);
    return status;
}
