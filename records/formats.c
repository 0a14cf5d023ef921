/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of formats.
 */
#include <string.h>

#include "common/fail.h"
#include "records/codec.h"
#include "records/format.h"

#define READ(name, ending) extern const struct records_reading records_read_##name;
#define WRITTEN(name, ending) READ(name, ending) extern const struct records_writing records_write_##name;
#include "records/formats.def"
#undef READ
#undef WRITTEN

#define READ(name, ending) {#name, ending, &records_read_##name, NULL},
#define WRITTEN(name, ending) {#name, ending, &records_read_##name, &records_write_##name},
static const struct records_format formats[] = {
#include "records/formats.def"
};
#undef READ
#undef WRITTEN
enum { N_FORMATS = sizeof formats / sizeof *formats };

static bool suits(const struct records_format *format, bool to_write)
{
    return !to_write || format->writing;
}

/* "text (.txt), jsonl (.jsonl)". */
static void list_formats(bool to_write, char *list, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < N_FORMATS && used < room; i++)
        if (suits(&formats[i], to_write))
            used += (size_t)snprintf(list + used, room - used, "%s%s (%s)", used ? ", " : "", formats[i].name,
                                     formats[i].ending);
}

static const struct records_format *find_name(const char *name, bool to_write)
{
    for (size_t i = 0; i < N_FORMATS; i++)
        if (strcmp(formats[i].name, name) == 0 && suits(&formats[i], to_write))
            return &formats[i];
    return NULL;
}

static const struct records_format *find_ending(const char *path, bool to_write)
{
    size_t bytes = strlen(path);
    const struct codec *codec = records_codec_of_path(path, bytes);
    bytes -= codec ? strlen(codec->ending) : 0;
    for (size_t i = 0; i < N_FORMATS; i++) {
        const size_t n = strlen(formats[i].ending);
        if (bytes >= n && memcmp(path + bytes - n, formats[i].ending, n) == 0 && suits(&formats[i], to_write))
            return &formats[i];
    }
    return NULL;
}

pln_status records_format_find(const char *path, const char *format, const char *standard, bool to_write,
                               const struct records_format **found, pln_error *error)
{
    char list[160] = "";
    if (!format && strcmp(path, "-") == 0)
        format = standard;
    *found = format ? find_name(format, to_write) : find_ending(path, to_write);
    if (*found)
        return PLN_OK;
    list_formats(to_write, list, sizeof list);
    if (format)
        return pln_fail(error, PLN_INVALID, "no format \"%s\" of rows; %s: %s", format,
                        to_write ? "those that are written" : "there are", list);
    return pln_fail(error, PLN_INVALID, "%s: its ending says no format; %s: %s", path,
                    to_write ? "those that are written" : "there are", list);
}
