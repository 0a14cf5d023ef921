/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds plugins, without loading any, and loads one by its name.
 */
#define _GNU_SOURCE /* dladdr */
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/reference/reference.h"
#include "common/fail.h"
#include "scheduler/scheduler.h"

/* The order in which `auto` and `all` look at what ships with pleione; others follow by name, reference is the last. */
static const char *const shipped[] = {"vulkan", "opencl", "cpu"};
enum { N_SHIPPED = sizeof shipped / sizeof *shipped };
static const char built_in[] = "reference";

/* ---- finding */

static struct sched_backend *find_known(pln_runtime *runtime, const char *name)
{
    for (uint32_t i = 0; i < runtime->n_backends; i++)
        if (strcmp(runtime->backends[i].name, name) == 0)
            return &runtime->backends[i];
    return NULL;
}

/* The first folder with a plugin of that name has it, but for one that is refused. */
static void note_plugin(pln_runtime *runtime, const char *name, const char *folder, const char *refused)
{
    char path[PATH_MAX];
    struct sched_backend *b = find_known(runtime, name);
    const int n = snprintf(path, sizeof path, "%s/pleione-%s.so", folder, name);
    if ((b && (!b->refused || refused)) || (!b && runtime->n_backends == SCHED_BACKENDS) || n >= (int)sizeof path ||
        strcmp(name, built_in) == 0)
        return;
    if (!b)
        b = &runtime->backends[runtime->n_backends++];
    free(b->path);
    *b = (struct sched_backend){.refused = refused != NULL, .path = strdup(path)};
    snprintf(b->name, sizeof b->name, "%s", name);
    if (refused)
        snprintf(b->reason, sizeof b->reason, "its folder %.100s is refused: %s", folder, refused);
}

static void look_into(pln_runtime *runtime, const char *folder, const char *refused)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char name[24];
        int end = 0;
        if (sscanf(entry->d_name, "pleione-%23[^./].so%n", name, &end) == 1 && end && entry->d_name[end] == '\0')
            note_plugin(runtime, name, folder, refused);
    }
    if (dir)
        closedir(dir);
}

/* Why plugins of a folder that the user names are not loaded, or NULL: code that others put there would run as the
 * user's. */
static const char *refusal(const char *folder)
{
    struct stat about;
    if (*folder != '/')
        return "it is not absolute";
    if (stat(folder, &about) == 0 && about.st_mode & (S_IWGRP | S_IWOTH))
        return "others than its owner may write there";
    return NULL;
}

static void look_into_list(pln_runtime *runtime, const char *list)
{
    char folder[PATH_MAX], message[PATH_MAX + 120];
    while (list && *list) {
        const size_t n = strcspn(list, ":");
        if (n && n < sizeof folder) {
            memcpy(folder, list, n);
            folder[n] = '\0';
            const char *refused = refusal(folder);
            snprintf(message, sizeof message, "no plugin of %s is loaded: %s", folder, refused ? refused : "");
            if (refused && runtime->log)
                runtime->log(runtime->log_context, PLN_LOG_LEVEL_WARNING, message);
            look_into(runtime, folder, refused);
        }
        list += n + (list[n] == ':');
    }
}

/* The folder of the library itself. */
static bool library_folder(char *folder, size_t bytes)
{
    Dl_info info;
    char resolved[PATH_MAX];
    if (!dladdr((const void *)(uintptr_t)pln_runtime_backend, &info) || !realpath(info.dli_fname, resolved))
        return false;
    char *slash = strrchr(resolved, '/');
    if (!slash || (size_t)(slash - resolved) >= bytes)
        return false;
    *slash = '\0';
    memcpy(folder, resolved, strlen(resolved) + 1);
    return true;
}

static int rank(const struct sched_backend *b)
{
    int i = 0;
    while (i < N_SHIPPED && strcmp(b->name, shipped[i]) != 0)
        i++;
    return strcmp(b->name, built_in) == 0 ? N_SHIPPED + 1 : i;
}

static int by_preference(const void *a, const void *b)
{
    const struct sched_backend *x = a, *y = b;
    return rank(x) != rank(y) ? rank(x) - rank(y) : strcmp(x->name, y->name);
}

/* The build tree when run from there, else the installed folder, then those of the options and of
 * PLEIONE_BACKEND_PATH. */
static void find_all(pln_runtime *runtime)
{
    char library[PATH_MAX - 300], folder[PATH_MAX];
    if (runtime->n_backends)
        return;
    if (library_folder(library, sizeof library)) {
        snprintf(folder, sizeof folder, "%s/backends", library);
        const bool built = access(folder, F_OK) == 0;
        for (uint32_t i = 0; built && i < N_SHIPPED; i++) {
            snprintf(folder, sizeof folder, "%s/backends/%s", library, shipped[i]);
            look_into(runtime, folder, NULL);
        }
        snprintf(folder, sizeof folder, "%s/pleione", library);
        if (!built)
            look_into(runtime, folder, NULL);
    }
    look_into_list(runtime, runtime->backend_path);
    look_into_list(runtime, getenv("PLEIONE_BACKEND_PATH"));
    const uint32_t last = runtime->n_backends < SCHED_BACKENDS ? runtime->n_backends++ : SCHED_BACKENDS - 1;
    free(runtime->backends[last].path);
    runtime->backends[last] = (struct sched_backend){0};
    snprintf(runtime->backends[last].name, sizeof runtime->backends[last].name, "%s", built_in);
    qsort(runtime->backends, runtime->n_backends, sizeof *runtime->backends, by_preference);
}

struct sched_backend *sched_backend_find(pln_runtime *runtime, const char *name)
{
    find_all(runtime);
    return find_known(runtime, name);
}

const char *pln_runtime_backend(pln_runtime *runtime, uint32_t index)
{
    if (!runtime)
        return NULL;
    pthread_mutex_lock(&runtime->lock);
    find_all(runtime);
    const char *name = index < runtime->n_backends ? runtime->backends[index].name : NULL;
    pthread_mutex_unlock(&runtime->lock);
    return name;
}

/* ---- loading */

static void load_file(struct sched_backend *backend)
{
    backend->library = backend->path ? dlopen(backend->path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!backend->library) {
        snprintf(backend->reason, sizeof backend->reason, "%s", backend->path ? dlerror() : "no memory for its path");
        return;
    }
    pln_backend_query_fn *query = NULL;
    void *symbol = dlsym(backend->library, PLN_BACKEND_SYMBOL);
    memcpy(&query, &symbol, sizeof query);
    if (!query) {
        snprintf(backend->reason, sizeof backend->reason, "%.150s exports no %s: not a plugin", backend->path,
                 PLN_BACKEND_SYMBOL);
        return;
    }
    backend->table = query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    if (!backend->table)
        snprintf(backend->reason, sizeof backend->reason,
                 "%.150s speaks another version of the interface than %u: build it again", backend->path,
                 PLN_ABI_VERSION);
}

pln_status sched_backend_load(pln_runtime *runtime, const char *name, struct sched_backend **backend, pln_error *error)
{
    struct sched_backend *b = sched_backend_find(runtime, name);
    if (!b)
        return pln_fail(error, PLN_NO_DEVICE, "no backend %.40s: there is no plugin pleione-%.40s.so", name, name);
    if (!b->table && !*b->reason && strcmp(name, built_in) == 0)
        b->table = pln_reference_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    else if (!b->table && !*b->reason)
        load_file(b);
    if (!b->table)
        return pln_fail(error, PLN_NO_DEVICE, "backend %s cannot be loaded: %s", name, b->reason);
    *backend = b;
    return PLN_OK;
}
