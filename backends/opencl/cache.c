/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiled programs on disk. A file is named by the hash of everything that the binary depends on (text, options,
 * device and driver) and begins with a header that tells a whole file from a torn or foreign one. Files are written
 * beside their name and renamed, so that two processes cannot spoil each other's.
 */
#include "backends/opencl/opencl.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hash.h"

enum { FORMAT_VERSION = 1, PATH_BYTES = 4096 };

struct header {
    char magic[8];
    uint64_t key[2]; /* of what the binary depends on */
    uint64_t bytes;  /* of the binary, which follows */
    uint64_t check;  /* hash of the binary */
};

static const char magic[8] = {'P', 'L', 'N', 'C', 'L', 'B', FORMAT_VERSION, '\n'};

static void make_key(const pln_device *device, const struct gpu_text *text, const char *options, uint64_t key[2])
{
    static const uint64_t seeds[2] = {UINT64_C(0xcbf29ce484222325), UINT64_C(0x84222325cbf29ce4)};
    for (int i = 0; i < 2; i++) {
        uint64_t h = hash_bytes(seeds[i], text->bytes, text->size);
        h = hash_bytes(h, options, strlen(options) + 1);
        h = hash_bytes(h, device->entry->identity, strlen(device->entry->identity) + 1);
        key[i] = hash_bytes(h, magic, sizeof magic);
    }
}

/* False if there is no cache folder. */
static bool make_path(const pln_device *device, const struct gpu_text *text, const uint64_t key[2], char *path)
{
    const pln_host *host = device->host;
    const char *folder = host->cache_directory ? host->cache_directory(host->context) : NULL;
    if (!folder)
        return false;
    int n = snprintf(path, PATH_BYTES, "%s/opencl-%s-%016llx", folder, text->kernel, (unsigned long long)key[0]);
    return n > 0 && n < PATH_BYTES - 16;
}

static bool read_whole(FILE *file, const pln_host *host, const uint64_t key[2], struct clb_blob *blob)
{
    struct header header;
    if (fread(&header, sizeof header, 1, file) != 1 || memcmp(header.magic, magic, sizeof magic) != 0 ||
        memcmp(header.key, key, sizeof header.key) != 0 || header.bytes == 0 || header.bytes > (1u << 30))
        return false;
    blob->size = (size_t)header.bytes;
    blob->bytes = host->allocate(host->context, blob->size);
    if (!blob->bytes)
        return false;
    if (fread(blob->bytes, 1, blob->size, file) == blob->size && fgetc(file) == EOF &&
        hash_bytes(key[0], blob->bytes, blob->size) == header.check)
        return true;
    host->release(host->context, blob->bytes);
    *blob = (struct clb_blob){0};
    return false;
}

bool clb_cache_load(const pln_device *device, const struct gpu_text *text, const char *options, struct clb_blob *blob)
{
    char path[PATH_BYTES];
    uint64_t key[2];
    *blob = (struct clb_blob){0};
    make_key(device, text, options, key);
    if (!make_path(device, text, key, path))
        return false;
    /* A pipe that lies there must not hold anybody up. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "rb");
    if (!file) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool whole = read_whole(file, device->host, key, blob);
    fclose(file);
    return whole;
}

void clb_cache_store(const pln_device *device, const struct gpu_text *text, const char *options,
                     const struct clb_blob *blob)
{
    char path[PATH_BYTES], temporary[PATH_BYTES + 8];
    struct header header = {.bytes = blob->size};
    memcpy(header.magic, magic, sizeof magic);
    make_key(device, text, options, header.key);
    header.check = hash_bytes(header.key[0], blob->bytes, blob->size);
    if (!make_path(device, text, header.key, path))
        return;
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    int descriptor = mkstemp(temporary);
    if (descriptor < 0)
        return;
    FILE *file = fdopen(descriptor, "wb");
    if (!file) {
        close(descriptor);
        unlink(temporary);
        return;
    }
    bool written =
        fwrite(&header, sizeof header, 1, file) == 1 && fwrite(blob->bytes, 1, blob->size, file) == blob->size;
    written &= fclose(file) == 0;
    if (!written || rename(temporary, path) != 0)
        unlink(temporary);
}
