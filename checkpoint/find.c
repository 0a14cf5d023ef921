/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a directory, gives the path of its weights. What else lies there (states of optimizers, arguments of a trainer) is
 * never opened: only names of the list are.
 */
#include "checkpoint/find.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fail.h"
#include "common/regular.h"

#define INDEX ".index.json"
#define BUNDLE ".index"

const char *const ckpt_weight_names[] = {
    "model.safetensors",
    "model.safetensors" INDEX,
    "pytorch_model.bin",
    "pytorch_model.bin" INDEX,
    "tf_model.h5",
    "tf_model.h5" INDEX,
    "flax_model.msgpack",
    "flax_model.msgpack" INDEX,
    NULL,
};

enum { LATEST_BYTES = 1 << 16 }; /* of the text `checkpoint` */

static bool is_there(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0;
}

static bool ends(const char *name, const char *with)
{
    const size_t n = strlen(name), tail = strlen(with);
    return n > tail && strcmp(name + n - tail, with) == 0;
}

static bool join(const char *directory, const char *name, const char *end, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/%s%s", directory, name, end) < PATH_MAX;
}

pln_status ckpt_find_model(const char *model, char directory[PATH_MAX], char file[PATH_MAX], pln_error *error)
{
    struct stat about;
    char prefix[PATH_MAX];
    file[0] = '\0';
    if (strlen(model) + sizeof BUNDLE >= PATH_MAX)
        return pln_fail(error, PLN_BAD_MODEL, "%.200s...: the path is too long", model);
    snprintf(directory, PATH_MAX, "%s", model);
    const bool there = stat(model, &about) == 0;
    const int problem = errno;
    if (there && S_ISDIR(about.st_mode))
        return PLN_OK;
    snprintf(prefix, sizeof prefix, "%.*s" BUNDLE, PATH_MAX - 16, model);
    if (!there && !is_there(prefix))
        return pln_fail(error, PLN_BAD_MODEL, "%s: %s", model, strerror(problem));
    snprintf(file, PATH_MAX, "%s", model);
    char *slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory] = '\0';
    else
        snprintf(directory, PATH_MAX, ".");
    return PLN_OK;
}

/* ---- bundles */

/* The step in a name such as model.ckpt-1000.index; -1: there is none. */
static long long step_of(const char *name)
{
    const char *dash = strrchr(name, '-');
    char *end;
    const long long step = dash ? strtoll(dash + 1, &end, 10) : -1;
    return dash && end != dash + 1 && strcmp(end, BUNDLE) == 0 ? step : -1;
}

/* What the text "checkpoint" names, if that is there: often it names a path of the machine that trained. */
static bool find_latest(const char *directory, char path[PATH_MAX])
{
    char *text = NULL, name[PATH_MAX] = "";
    size_t bytes = 0;
    if (!join(directory, "checkpoint", "", path) || !is_there(path) ||
        regular_read(path, LATEST_BYTES, &text, &bytes, NULL) != PLN_OK)
        return false;
    const char *key = strstr(text, "model_checkpoint_path:");
    const bool read = key && sscanf(key, "model_checkpoint_path: \"%4000[^\"\n]", name) == 1;
    free(text);
    const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    return read && *base && join(directory, base, BUNDLE, path) && is_there(path);
}

/* The .index of the highest step. */
static bool find_highest(const char *directory, char path[PATH_MAX])
{
    char name[NAME_MAX + 1] = "";
    DIR *list = opendir(directory);
    for (struct dirent *entry; list && (entry = readdir(list));)
        if (ends(entry->d_name, BUNDLE) && entry->d_name[0] != '.' &&
            (!*name || step_of(entry->d_name) > step_of(name)))
            snprintf(name, sizeof name, "%s", entry->d_name);
    if (list)
        closedir(list);
    return *name && join(directory, name, "", path);
}

/* ---- a file that was chosen */

/* A bundle is opened by its .index, however it was named. */
static bool find_bundle(char path[PATH_MAX])
{
    char index[PATH_MAX];
    const char *data = strstr(strrchr(path, '/') ? strrchr(path, '/') : path, ".data-");
    const int n = data ? (int)(data - path) : (int)strlen(path);
    if (snprintf(index, sizeof index, "%.*s" BUNDLE, n, path) >= PATH_MAX || !is_there(index))
        return false;
    snprintf(path, PATH_MAX, "%s", index);
    return true;
}

static pln_status find_chosen(const char *directory, const char *chosen, char path[PATH_MAX], pln_error *error)
{
    const bool own = strchr(chosen, '/') != NULL;
    if (own ? snprintf(path, PATH_MAX, "%s", chosen) >= PATH_MAX : !join(directory, chosen, "", path))
        return pln_fail(error, PLN_BAD_MODEL, "%.200s: the path of the weights is too long", chosen);
    if ((!is_there(path) || strstr(path, ".data-")) && !find_bundle(path) && !is_there(path))
        return pln_fail(error, PLN_BAD_MODEL, "%s: the weights that were chosen cannot be opened: %s", path,
                        strerror(errno));
    return PLN_OK;
}

pln_status ckpt_find_weights(const char *directory, const char *chosen, char path[PATH_MAX], enum ckpt_found_by *by,
                             pln_error *error)
{
    pln_status status = PLN_OK;
    bool found = chosen && *chosen;
    if (found)
        status = find_chosen(directory, chosen, path, error);
    for (size_t i = 0; !found && ckpt_weight_names[i]; i++)
        found = join(directory, ckpt_weight_names[i], "", path) && is_there(path);
    const bool latest = !found && find_latest(directory, path);
    if (!found && !latest && !find_highest(directory, path))
        path[0] = '\0';
    *by = ends(path, INDEX) ? CKPT_BY_INDEX : latest ? CKPT_BY_LATEST : CKPT_BY_NAME;
    return status;
}
