/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a path, gives an open regular file or all of its bytes.
 */
#include "common/array.h"
#include "common/regular.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fail.h"

pln_status regular_open(const char *path, int *fd, uint64_t *bytes, pln_error *error)
{
    struct stat about;
    /* Without O_NONBLOCK a pipe that nobody writes to would never open; for regular files it changes nothing. */
    const int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (opened < 0)
        return pln_fail(error, pln_status_of_errno(errno, PLN_BAD_MODEL), "%s: cannot be opened: %s", path,
                        strerror(errno));
    if (fstat(opened, &about) != 0 || !S_ISREG(about.st_mode)) {
        close(opened);
        return pln_fail(error, PLN_BAD_MODEL, "%s: not a regular file", path);
    }
    *fd = opened;
    *bytes = (uint64_t)about.st_size;
    return PLN_OK;
}

/* Reads to the end, wherever that is by now, but not more than limit + 1 bytes. False: errno says why. */
static bool read_all(int fd, size_t limit, char **text, size_t *bytes)
{
    size_t room = *bytes < limit ? *bytes + 3 : limit + 3, used = 0;
    char *buffer = malloc(room);
    while (buffer) {
        if (used + 2 == room) {
            char *larger = used <= limit ? array_reserve(buffer, &room, room + 1, 1) : NULL;
            if (!larger)
                break;
            buffer = larger;
        }
        const ssize_t n = read(fd, buffer + used, room - used - 2);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(buffer);
            return false;
        }
        used += (size_t)n;
        if (n == 0 || used > limit) {
            buffer[used] = buffer[used + 1] = '\0';
            *text = buffer;
            *bytes = used;
            return true;
        }
    }
    free(buffer);
    errno = ENOMEM;
    return false;
}

pln_status regular_read(const char *path, size_t limit, char **text, size_t *bytes, pln_error *error)
{
    int fd;
    uint64_t size;
    pln_status status = regular_open(path, &fd, &size, error);
    if (status != PLN_OK)
        return status;
    *text = NULL;
    *bytes = size < limit ? (size_t)size : limit;
    if (!read_all(fd, limit, text, bytes))
        status = errno == ENOMEM ? pln_fail(error, PLN_NO_MEMORY, "%s: no memory to read it", path)
                                 : pln_fail(error, PLN_BAD_MODEL, "%s: cannot be read: %s", path, strerror(errno));
    else if (*bytes > limit)
        status = pln_fail(error, PLN_BAD_MODEL, "%s: larger than %zu bytes", path, limit);
    close(fd);
    if (status != PLN_OK) {
        free(*text);
        *text = NULL;
    }
    return status;
}

/* ---- files in place of others */

static const struct {
    const char *bytes, *kind;
} kinds[] = {
    {"version https://git-lfs", "a Git LFS pointer, not the file itself: `git lfs pull` fetches it"},
    {"<!doctype", "an HTML page: what was to be downloaded did not come"},
    {"<html", "an HTML page: what was to be downloaded did not come"},
    {"<?xml", "an XML page: what was to be downloaded did not come"},
    {"PK\003\004", "a zip archive, as PyTorch writes its files"},
    {"\x89HDF\r\n\x1a\n", "an HDF5 file, as TensorFlow writes models"},
    {"\x80\002", "a Python pickle, as PyTorch writes its files"},
    {"\x80\003", "a Python pickle, as PyTorch writes its files"},
    {"\x80\004\x95", "a Python pickle"},
    {"\x80\005\x95", "a Python pickle"},
    {"GGUF", "a GGUF file"},
    {"\x1f\x8b", "compressed by gzip: unpack it first"},
    {"BZh", "compressed by bzip2: unpack it first"},
    {"\xfd"
     "7zXZ",
     "compressed by xz: unpack it first"},
    {"\x28\xb5\x2f\xfd", "compressed by zstd: unpack it first"},
};

/* A map whose first key is a short text, as Flax has it: {"params": ...}, {"electra": ...}. */
static bool is_msgpack(const unsigned char *b, size_t n)
{
    size_t key = 0; /* where the first key is */
    if (n > 0 && b[0] >= 0x81 && b[0] <= 0x8f)
        key = 1;
    if (n > 0 && b[0] == 0xde)
        key = 3;
    if (!key || n < key + 2 || b[key] < 0xa1 || b[key] > 0xbf)
        return false;
    for (size_t i = key + 1; i < n && i <= key + (b[key] & 31u); i++)
        if (b[i] < ' ' || b[i] > '~')
            return false;
    return true;
}

/* What a download or a copy that was broken off leaves where room was made for the file beforehand. */
static bool is_zero(const char *text, size_t n)
{
    return n >= 2 && !text[0] && memcmp(text, text + 1, n - 1) == 0;
}

const char *regular_kind(const void *bytes, size_t n)
{
    const char *text = bytes;
    if (is_zero(text, n))
        return "zeros: a download or a copy of it was broken off";
    size_t blank = 0;
    while (blank < n && (text[blank] == ' ' || text[blank] == '\n' || text[blank] == '\r' || text[blank] == '\t'))
        blank++;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t skip = kinds[i].bytes[0] == '<' ? blank : 0, length = strlen(kinds[i].bytes);
        if (n - skip >= length && strncasecmp(text + skip, kinds[i].bytes, length) == 0)
            return kinds[i].kind;
    }
    if (is_msgpack(bytes, n))
        return "a MessagePack file, as Flax writes models";
    const size_t first = blank < n ? blank : 0;
    return n && text[first] == '{' ? "a JSON text, not weights" : NULL;
}
