/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a block, unpacks it.
 */
#include "records/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fail.h"

enum { BLOCK = 1 << 16 };

/* Until there are bytes, or an end; PLN_CANCELLED. */
static pln_status await(const struct records_stream *s, pln_error *error)
{
    struct pollfd waited = {.fd = s->fd, .events = POLLIN};
    while (s->cancel.ask && !s->total && poll(&waited, 1, 100) <= 0)
        if (s->cancel.ask(s->cancel.context))
            return pln_fail(error, PLN_CANCELLED, "%s: reading was cancelled", s->name);
    return PLN_OK;
}

/* One read; 0 bytes at the end only. Appends to raw, of which `rest` is what was not used yet. */
static pln_status read_block(struct records_stream *s, pln_error *error)
{
    memmove(s->raw, s->rest.bytes, s->rest.n);
    s->rest.bytes = s->raw;
    for (;;) {
        const pln_status status = await(s, error);
        if (status != PLN_OK)
            return status;
        const ssize_t n = read(s->fd, s->raw + s->rest.n, BLOCK - s->rest.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return pln_fail(error, PLN_FAILED, "%s: cannot be read: %s", s->name, strerror(errno));
        s->ended = n == 0;
        s->rest.n += (size_t)n;
        s->done += (uint64_t)n;
        return PLN_OK;
    }
}

/* The first bytes say whether it is compressed. */
static pln_status sniff(struct records_stream *s, pln_error *error)
{
    pln_status status = PLN_OK;
    while (status == PLN_OK && !s->ended && s->rest.n < CODEC_MAGIC)
        status = read_block(s, error);
    if (status != PLN_OK)
        return status;
    s->codec = records_codec_of_bytes(s->rest.bytes, s->rest.n);
    status = records_codec_check(s->codec, s->name, error);
    if (status != PLN_OK || !s->codec)
        return status;
    s->text = malloc(BLOCK);
    s->state = s->text ? s->codec->library->begin() : NULL;
    s->inside = true;
    return s->state ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "%s: no memory to unpack it", s->name);
}

pln_status records_stream_open(struct records_stream *s, const char *path, struct records_cancel cancel,
                               pln_error *error)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    struct stat about;
    *s = (struct records_stream){
        .name = is_stdin ? "stdin" : path, .fd = STDIN_FILENO, .opened = true, .cancel = cancel};
    if (!is_stdin)
        s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (s->fd < 0)
        return pln_fail(error, pln_status_of_errno(errno, PLN_INVALID), "%s: cannot be opened: %s", path,
                        strerror(errno));
    s->own = !is_stdin;
    if (fstat(s->fd, &about) == 0 && S_ISREG(about.st_mode))
        s->total = (uint64_t)about.st_size;
    s->raw = malloc(BLOCK);
    s->rest.bytes = s->raw;
    return s->raw ? sniff(s, error) : pln_fail(error, PLN_NO_MEMORY, "%s: no memory to read it", s->name);
}

void records_stream_close(struct records_stream *s)
{
    if (s->own)
        close(s->fd);
    if (s->state)
        s->codec->library->end(s->state);
    free(s->raw);
    free(s->text);
    *s = (struct records_stream){0};
}

/* Behind a member: the next one, or the end. Zero bytes fill the blocks of a tape and say nothing. */
static pln_status pass_gap(struct records_stream *s, pln_error *error)
{
    for (;;) {
        while (s->rest.n && !*s->rest.bytes) {
            s->rest.bytes++;
            s->rest.n--;
        }
        if (s->ended || s->rest.n >= CODEC_MAGIC)
            break;
        const pln_status status = read_block(s, error);
        if (status != PLN_OK)
            return status;
    }
    s->inside = s->rest.n > 0;
    if (s->inside && records_codec_of_bytes(s->rest.bytes, s->rest.n) != s->codec)
        return pln_fail(error, PLN_FAILED, "%s: behind its %s data stands something else", s->name, s->codec->name);
    return PLN_OK;
}

/* One step of unpacking into out. */
static pln_status unpack(struct records_stream *s, struct codec_output *out, pln_error *error)
{
    const bool last = s->ended;
    const size_t before = s->rest.n;
    const enum codec_step step = s->codec->library->decode(s->state, &s->rest, out);
    if (step == CODEC_NO_MEMORY)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory to unpack it", s->name);
    if (step == CODEC_BROKEN)
        return pln_fail(error, PLN_FAILED, "%s: its %s data is broken", s->name, s->codec->name);
    if (step == CODEC_ENDED)
        return pass_gap(s, error);
    if (out->used || s->rest.n < before)
        return PLN_OK;
    return last ? pln_fail(error, PLN_FAILED, "%s: its %s data is cut off", s->name, s->codec->name)
                : read_block(s, error);
}

pln_status records_stream_next(struct records_stream *s, const char **bytes, size_t *n, pln_error *error)
{
    pln_status status = s->held.status;
    struct codec_output out = {s->text, BLOCK, 0};
    if (status != PLN_OK) {
        *error = s->held;
        return status;
    }
    if (!s->rest.n && !s->ended)
        status = read_block(s, error);
    if (!s->codec) {
        *bytes = s->rest.bytes;
        *n = s->rest.n;
        s->rest.n = 0;
        return status;
    }
    while (status == PLN_OK && !out.used && s->inside)
        status = unpack(s, &out, error);
    if (status != PLN_OK && out.used) {
        s->held = *error;
        status = PLN_OK;
    }
    *bytes = out.bytes;
    *n = out.used;
    return status;
}
