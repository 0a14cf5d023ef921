/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes an archive in memory, gives its entries: minizip reads the directory and inflates.
 */
#include "checkpoint/zip.h"

#include <inttypes.h>
#include <minizip/unzip.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/format.h"
#include "common/arena.h"
#include "common/array.h"
#include "common/fail.h"

enum {
    MAX_ENTRIES = 2 * CKPT_MAX_TENSORS,
    MAX_RATIO = 1040, /* deflate makes of one byte at most 1032 */
    ENCRYPTED = 1,
};

/* What minizip takes for a file. */
struct window {
    const unsigned char *bytes;
    uint64_t size, at;
};

struct entry {
    struct zip_entry shown;
    unz64_file_pos place;
};

struct zip {
    const char *path;
    struct window window;
    unzFile file;
    struct entry *all; /* in the order of the directory */
    struct zip_entry *entries;
    uint32_t count;
    size_t room;
    uint64_t packed; /* bytes of all packed entries */
    struct arena names;
};

/* ---- the archive as a file */

static voidpf ZCALLBACK open_window(voidpf opaque, const void *name, int mode)
{
    (void)name;
    (void)mode;
    return opaque;
}

static uLong ZCALLBACK read_window(voidpf opaque, voidpf stream, void *to, uLong n)
{
    struct window *w = stream;
    (void)opaque;
    const uint64_t left = w->at < w->size ? w->size - w->at : 0;
    const uLong take = n < left ? n : (uLong)left;
    if (take)
        memcpy(to, w->bytes + w->at, take);
    w->at += take;
    return take;
}

static uLong ZCALLBACK write_window(voidpf opaque, voidpf stream, const void *from, uLong n)
{
    (void)opaque;
    (void)stream;
    (void)from;
    (void)n;
    return 0;
}

static ZPOS64_T ZCALLBACK tell_window(voidpf opaque, voidpf stream)
{
    (void)opaque;
    return ((struct window *)stream)->at;
}

static long ZCALLBACK seek_window(voidpf opaque, voidpf stream, ZPOS64_T offset, int origin)
{
    struct window *w = stream;
    (void)opaque;
    uint64_t from = origin == ZLIB_FILEFUNC_SEEK_CUR ? w->at : 0;
    if (origin == ZLIB_FILEFUNC_SEEK_END)
        from = w->size;
    if (offset > w->size - (from < w->size ? from : w->size))
        return -1;
    w->at = from + offset;
    return 0;
}

static int ZCALLBACK close_window(voidpf opaque, voidpf stream)
{
    (void)opaque;
    (void)stream;
    return 0;
}

static int ZCALLBACK error_window(voidpf opaque, voidpf stream)
{
    (void)opaque;
    (void)stream;
    return 0;
}

/* ---- the directory */

static pln_status lie(const struct zip *zip, const char *name, const char *what, pln_error *error)
{
    return pln_fail(error, PLN_BAD_MODEL, "%s: entry '%.200s' of the archive %s", zip->path, name, what);
}

/* Where the data of a stored entry begins; the entry is the current one. */
static pln_status place_data(struct zip *zip, struct zip_entry *entry, pln_error *error)
{
    int method;
    if (unzOpenCurrentFile2(zip->file, &method, NULL, 1) != UNZ_OK)
        return lie(zip, entry->name, "is not where its directory says", error);
    const uint64_t offset = unzGetCurrentFileZStreamPos64(zip->file);
    unzCloseCurrentFile(zip->file);
    if (offset > zip->window.size || entry->bytes > zip->window.size - offset)
        return lie(zip, entry->name, "ends beyond the file", error);
    entry->data = zip->window.bytes + offset;
    return PLN_OK;
}

static pln_status check_entry(const struct zip *zip, const char *name, const unz_file_info64 *info, pln_error *error)
{
    if (info->flag & ENCRYPTED)
        return lie(zip, name, "is encrypted", error);
    if (info->compression_method != 0 && info->compression_method != Z_DEFLATED)
        return lie(zip, name, "is packed by a method that is neither stored nor deflated", error);
    if (info->compressed_size > zip->window.size)
        return lie(zip, name, "ends beyond the file", error);
    if (info->compression_method == 0 && info->compressed_size != info->uncompressed_size)
        return lie(zip, name, "is stored and has two sizes", error);
    if (info->uncompressed_size / MAX_RATIO > info->compressed_size)
        return lie(zip, name, "claims more bytes than can be packed in so few", error);
    return PLN_OK;
}

static pln_status add_entry(struct zip *zip, pln_error *error)
{
    char name[CKPT_MAX_NAME + 2];
    unz_file_info64 info;
    if (unzGetCurrentFileInfo64(zip->file, &info, name, sizeof name, NULL, 0, NULL, 0) != UNZ_OK)
        return pln_fail(error, PLN_BAD_MODEL, "%s: the directory of the archive is damaged", zip->path);
    if (info.size_filename > CKPT_MAX_NAME || strlen(name) != info.size_filename)
        return pln_fail(error, PLN_BAD_MODEL, "%s: the archive has a name that is too long or holds a zero", zip->path);
    pln_status status = check_entry(zip, name, &info, error);
    if (status != PLN_OK)
        return status;
    zip->packed += info.compression_method ? info.compressed_size : 0;
    if (zip->packed > zip->window.size) /* then they share bytes, and could ask for any memory */
        return lie(zip, name, "overlaps another one", error);
    struct entry *all = array_reserve(zip->all, &zip->room, zip->count + 1u, sizeof *all);
    char *copy = arena_copy(&zip->names, name);
    if (all)
        zip->all = all;
    if (!all || !copy)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for its directory", zip->path);
    struct entry *e = &all[zip->count++];
    *e = (struct entry){.shown = {.name = copy, .bytes = info.uncompressed_size}};
    if (unzGetFilePos64(zip->file, &e->place) != UNZ_OK)
        return lie(zip, name, "has no place", error);
    return info.compression_method == 0 ? place_data(zip, &e->shown, error) : PLN_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->shown.name, ((const struct entry *)b)->shown.name);
}

static pln_status sort_entries(struct zip *zip, pln_error *error)
{
    qsort(zip->all, zip->count, sizeof *zip->all, by_name);
    zip->entries = calloc(zip->count + 1u, sizeof *zip->entries);
    if (!zip->entries)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for its directory", zip->path);
    for (uint32_t i = 0; i < zip->count; i++) {
        zip->entries[i] = zip->all[i].shown;
        if (i && strcmp(zip->entries[i - 1].name, zip->entries[i].name) == 0)
            return lie(zip, zip->entries[i].name, "is there twice", error);
    }
    return PLN_OK;
}

static pln_status read_directory(struct zip *zip, pln_error *error)
{
    pln_status status = PLN_OK;
    int step = unzGoToFirstFile(zip->file);
    for (; status == PLN_OK && step == UNZ_OK; step = unzGoToNextFile(zip->file)) {
        if (zip->count == MAX_ENTRIES)
            return pln_fail(error, PLN_BAD_MODEL, "%s: the archive holds more than %d entries", zip->path, MAX_ENTRIES);
        status = add_entry(zip, error);
    }
    if (status == PLN_OK && step != UNZ_END_OF_LIST_OF_FILE)
        status = pln_fail(error, PLN_BAD_MODEL, "%s: the directory of the archive is damaged", zip->path);
    return status == PLN_OK ? sort_entries(zip, error) : status;
}

pln_status zip_open(const char *path, const unsigned char *bytes, size_t size, struct zip **zip, pln_error *error)
{
    struct zip *z = calloc(1, sizeof *z);
    if (!z)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", path);
    z->path = path;
    z->window = (struct window){.bytes = bytes, .size = size};
    zlib_filefunc64_def calls = {open_window, read_window,  write_window, tell_window,
                                 seek_window, close_window, error_window, &z->window};
    z->file = unzOpen2_64("archive", &calls);
    const pln_status status =
        z->file ? read_directory(z, error)
                : pln_fail(error, PLN_BAD_MODEL, "%s: an archive without its end: the file is cut or damaged", path);
    if (status == PLN_OK)
        *zip = z;
    else
        zip_close(&z);
    return status;
}

void zip_close(struct zip **zip)
{
    struct zip *z = *zip;
    if (!z)
        return;
    if (z->file)
        unzClose(z->file);
    free(z->all);
    free(z->entries);
    arena_finish(&z->names);
    free(z);
    *zip = NULL;
}

const struct zip_entry *zip_entries(const struct zip *zip, uint32_t *count)
{
    *count = zip->count;
    return zip->entries;
}

static int by_key(const void *key, const void *entry)
{
    return strcmp(key, ((const struct zip_entry *)entry)->name);
}

const struct zip_entry *zip_find(const struct zip *zip, const char *name)
{
    return bsearch(name, zip->entries, zip->count, sizeof *zip->entries, by_key);
}

pln_status zip_read(struct zip *zip, const struct zip_entry *entry, void *out, pln_error *error)
{
    enum { CHUNK = 1 << 30 };
    const struct entry *e = &zip->all[entry - zip->entries];
    char *to = out;
    uint64_t left = entry->bytes;
    if (unzGoToFilePos64(zip->file, &e->place) != UNZ_OK || unzOpenCurrentFile(zip->file) != UNZ_OK)
        return lie(zip, entry->name, "is not where its directory says", error);
    while (left) {
        const int n = unzReadCurrentFile(zip->file, to, left < CHUNK ? (unsigned)left : CHUNK);
        if (n <= 0)
            break;
        to += n;
        left -= (uint64_t)n;
    }
    const int closed = unzCloseCurrentFile(zip->file);
    if (left)
        return lie(zip, entry->name, "is damaged: it cannot be unpacked", error);
    return closed == UNZ_OK ? PLN_OK : lie(zip, entry->name, "is damaged: its checksum (CRC-32) is another", error);
}
