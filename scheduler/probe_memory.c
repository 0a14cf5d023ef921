/* SPDX-License-Identifier: Apache-2.0
 *
 * What plugins said, kept in the cache folder. It counts while the plugin, every file that was loaded with it (drivers among
 * them) and the lists of drivers are as they were. That a plugin does not answer counts for an hour.
 */
#define _DEFAULT_SOURCE /* st_mtim */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/hash.h"
#include "scheduler/probe.h"

enum { HOUR = 3600, LARGEST = 1 << 20 };

/* What decides which drivers the loaders of Vulkan and OpenCL find. */
static const char *const folders[] = {"/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d",
                                      "/usr/share/vulkan/implicit_layer.d", "/etc/OpenCL/vendors"};
static const char *const variables[] = {"VK_ICD_FILENAMES",       "VK_DRIVER_FILES",   "VK_ADD_DRIVER_FILES",
                                        "OCL_ICD_VENDORS",        "OCL_ICD_FILENAMES", "LD_LIBRARY_PATH",
                                        "LP_NATIVE_VECTOR_WIDTH", "POCL_DEVICES",      "XDG_DATA_HOME"};

static uint64_t mix_file(uint64_t seed, const char *path)
{
    struct stat about;
    int64_t facts[3] = {-1, -1, -1};
    if (stat(path, &about) == 0) {
        facts[0] = about.st_size;
        facts[1] = about.st_mtim.tv_sec;
        facts[2] = about.st_mtim.tv_nsec;
    }
    return hash_bytes(hash_bytes(seed, path, strlen(path) + 1), facts, sizeof facts);
}

/* Of the plugin and of what was loaded with it. */
static uint64_t stamp_of(const char *path, const json_t *said)
{
    uint64_t stamp = mix_file(hash_begin, path);
    const json_t *files = json_object_get(json_object_get(said, "answer"), "files");
    stamp = hash_bytes(stamp, PLEIONE_VERSION, sizeof PLEIONE_VERSION);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        stamp = mix_file(stamp, folders[i]);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        stamp = hash_bytes(stamp, value ? value : "", value ? strlen(value) + 1 : 1);
    }
    for (size_t i = 0; i < json_array_size(files); i++)
        stamp = mix_file(stamp, json_string_value(json_array_get(files, i)));
    return stamp;
}

static bool place_of(const char *folder, const char *path, char *file, size_t bytes)
{
    const uint64_t hash = hash_bytes(hash_begin, path, strlen(path));
    return folder && (size_t)snprintf(file, bytes, "%s/plugin-%016" PRIx64 ".json", folder, hash) < bytes;
}

json_t *probe_recall(const char *folder, const char *path)
{
    char file[PATH_MAX], expected[17];
    struct stat about;
    if (!place_of(folder, path, file, sizeof file) || stat(file, &about) != 0 || about.st_size > LARGEST)
        return NULL;
    json_t *kept = json_load_file(file, 0, NULL);
    json_t *said = json_incref(json_object_get(kept, "said"));
    const char *stamp = json_string_value(json_object_get(kept, "stamp"));
    const json_int_t asked = json_integer_value(json_object_get(kept, "asked"));
    const bool refused = json_object_get(said, "refused");
    snprintf(expected, sizeof expected, "%016" PRIx64, stamp_of(path, said));
    const bool counts = stamp && strcmp(stamp, expected) == 0 && (!refused || time(NULL) - (time_t)asked < HOUR);
    json_decref(kept);
    if (said && counts)
        return said;
    json_decref(said);
    return NULL;
}

void probe_remember(const char *folder, const char *path, const json_t *said)
{
    char file[PATH_MAX], part[PATH_MAX + 32], stamp[17];
    if (!place_of(folder, path, file, sizeof file))
        return;
    snprintf(stamp, sizeof stamp, "%016" PRIx64, stamp_of(path, said));
    snprintf(part, sizeof part, "%s.%ld", file, (long)getpid());
    json_t *kept = json_pack("{s:s,s:I,s:s,s:O}", "stamp", stamp, "asked", (json_int_t)time(NULL), "path", path, "said",
                             (json_t *)(uintptr_t)said);
    if (!kept || json_dump_file(kept, part, JSON_COMPACT) != 0 || rename(part, file) != 0)
        unlink(part);
    json_decref(kept);
}
