/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes whole rows, or whole members of them.
 */
#define _XOPEN_SOURCE 700 /* pwrite */
#include "records/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fail.h"

enum { BLOCK = 1 << 16 /* bytes of rows that are written at once where nothing is compressed */ };

pln_status records_sink_open(struct records_sink *s, const char *path, bool resume, pln_error *error)
{
    const bool is_stdout = strcmp(path, "-") == 0;
    struct stat about;
    *s = (struct records_sink){.name = is_stdout ? "stdout" : path, .fd = STDOUT_FILENO, .opened = true};
    s->codec = is_stdout ? NULL : records_codec_of_path(path, strlen(path));
    const pln_status status = records_codec_check(s->codec, path, error);
    if (status != PLN_OK)
        return status;
    if (!is_stdout)
        s->fd = open(path, (resume ? O_RDWR : O_WRONLY) | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (s->fd < 0)
        return pln_fail(error, pln_status_of_errno(errno, PLN_INVALID), "%s: cannot be opened: %s", path,
                        strerror(errno));
    s->own = !is_stdout;
    s->regular = !is_stdout && fstat(s->fd, &about) == 0 && S_ISREG(about.st_mode);
    s->tail = s->regular && about.st_size > 0;
    return s->regular || !resume ? PLN_OK
                                 : pln_fail(error, PLN_INVALID, "%s: not a file that could be resumed", s->name);
}

void records_sink_close(struct records_sink *s)
{
    if (s->own)
        close(s->fd);
    free(s->rows.text);
    *s = (struct records_sink){0};
}

static pln_status refuse(const struct records_sink *s, int problem, pln_error *error)
{
    return pln_fail(error, PLN_FAILED, "%s cannot be written: %s", s->name, strerror(problem));
}

static pln_status cut_tail(struct records_sink *s, pln_error *error)
{
    if (s->tail && ftruncate(s->fd, s->at) != 0)
        return refuse(s, errno, error);
    s->tail = false;
    return PLN_OK;
}

/* Rows, or a member, and what lay there before is gone. */
static pln_status write_whole(struct records_sink *s, const char *bytes, size_t n, pln_error *error)
{
    pln_status status = cut_tail(s, error);
    for (size_t done = 0; status == PLN_OK && done < n;) {
        const ssize_t written = s->regular ? pwrite(s->fd, bytes + done, n - done, s->at + (off_t)done)
                                           : write(s->fd, bytes + done, n - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            status = refuse(s, errno, error);
            if (s->regular &&
                ftruncate(s->fd, s->at) != 0) /* no half row; where not even that works, `resume` cuts it */
                s->tail = true;
        } else {
            done += (size_t)written;
        }
    }
    s->at += status == PLN_OK ? (off_t)n : 0;
    return status;
}

static pln_status write_rows(struct records_sink *s, pln_error *error)
{
    size_t n = s->rows.bytes;
    if (!n)
        return PLN_OK;
    char *member = s->codec ? s->codec->library->encode(s->rows.text, n, &n) : NULL;
    if (s->codec && !member)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory to compress it", s->name);
    const pln_status status = write_whole(s, member ? member : s->rows.text, n, error);
    free(member);
    if (status == PLN_OK)
        s->rows.bytes = 0;
    return status;
}

pln_status records_sink_row(struct records_sink *s, pln_error *error)
{
    const size_t full = s->codec ? SINK_MEMBER : BLOCK;
    return s->rows.bytes >= full ? write_rows(s, error) : PLN_OK;
}

pln_status records_sink_flush(struct records_sink *s, pln_error *error)
{
    return s->codec ? PLN_OK : write_rows(s, error);
}

pln_status records_sink_finish(struct records_sink *s, pln_error *error)
{
    pln_status status = write_rows(s, error);
    if (status == PLN_OK)
        status = cut_tail(s, error);
    return status == PLN_OK && s->regular && fsync(s->fd) != 0 ? refuse(s, errno, error) : status;
}
