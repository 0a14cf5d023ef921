/* SPDX-License-Identifier: Apache-2.0
 *
 * The record of a run: written once, compared by who goes on.
 */
#define _DEFAULT_SOURCE /* flock */
#include "cli/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "cli/folders.h"
#include "cli/part.h"

/* The file is there and says this. */
static bool says(const char *path, const json_t *json)
{
    json_t *there = json_load_file(path, 0, NULL);
    const bool same = there && json_equal(there, json);
    json_decref(there);
    return same;
}

int cli_write_json(const char *path, const json_t *json)
{
    if (json && says(path, json))
        return 0;
    char *text = json ? cli_dump_json(json, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    struct cli_part part = {0};
    int code = text ? cli_part_begin(&part, path) : cli_fail_file(path, PLN_NO_MEMORY, "no memory");
    if (code == 0) {
        fprintf(part.file, "%s\n", text);
        code = cli_part_end(&part);
    }
    cli_part_drop(&part);
    free(text);
    return code;
}

/* What differs from the first run is named. */
static int compare_runs(const json_t *before, json_t *now, const char *optional)
{
    const char *key;
    json_t *value;
    json_object_foreach(now, key, value)
    {
        const json_t *was = json_object_get(before, key);
        if (!was || !json_equal(was, value)) {
            char *then = was ? json_dumps(was, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
            char *here = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
            const int code = cli_usage_error("--resume: %s was %s in this run and is now %s", key,
                                             then ? then : "not given", here ? here : "another");
            free(then);
            free(here);
            return code;
        }
    }
    return optional && json_object_get(before, optional) && !json_object_get(now, optional)
               ? cli_usage_error("--resume: %s was given in this run, and is not now", optional)
               : 0;
}

static int find_path(const char *out, const json_t *now, char path[PATH_MAX])
{
    if (!now)
        return cli_fail_file(out, PLN_NO_MEMORY, "no memory for its record");
    return snprintf(path, PATH_MAX, "%s/" CLI_RECORD, out) < PATH_MAX
               ? 0
               : cli_fail_file(out, PLN_FAILED, "the path is too long");
}

int cli_record_check(const char *out, bool resume, json_t *now, const char *optional)
{
    char path[PATH_MAX];
    struct stat about;
    int code = find_path(out, now, path);
    if (code == 0 && stat(path, &about) == 0 && !resume)
        code = cli_usage_error("%s holds a run: --resume goes on with it, another --out begins anew", out);
    json_t *before = code == 0 ? json_load_file(path, 0, NULL) : NULL;
    if (before)
        code = compare_runs(before, now, optional);
    json_decref(before);
    json_decref(now);
    return code;
}

/* The descriptor stays open as long as the process lives. Some file systems have no locks. */
int cli_record_claim(const char *out)
{
    pln_error error;
    if (cli_make_folder(out, &error) != PLN_OK)
        return cli_fail(&error);
    const int folder = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool taken = folder >= 0 && flock(folder, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    return taken ? cli_usage_error("%s: another process is training there", out) : 0;
}

int cli_record_write(const char *out, json_t *now)
{
    char path[PATH_MAX];
    int code = find_path(out, now, path);
    if (code == 0)
        code = cli_write_json(path, now);
    json_decref(now);
    return code;
}
