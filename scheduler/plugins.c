/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds plugins, without loading any, and loads one by its name.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/reference/reference.h"
#include "common/beside.h"
#include "common/fail.h"
#include "scheduler/scheduler.h"

/* The order in which `auto` and `all` look at what ships with pleione; others follow by name, reference is the last. */
static const char *const shipped[] = {"vulkan", "opencl", "cpu"};
enum { N_SHIPPED = sizeof shipped / sizeof *shipped };
static const char built_in[] = "reference";

/* ---- finding */

struct sched_backend *sched_backend_find(pln_runtime *runtime, const char *name)
{
    for (uint32_t i = 0; i < runtime->n_backends; i++)
        if (strcmp(runtime->backends[i].name, name) == 0)
            return &runtime->backends[i];
    return NULL;
}

/* The first folder with a plugin of that name has it, but for one that is refused. False: no memory. */
static bool note_plugin(pln_runtime *runtime, const char *name, const char *folder, const char *refused, bool ours)
{
    char path[PATH_MAX];
    struct sched_backend *b = sched_backend_find(runtime, name);
    const int n = snprintf(path, sizeof path, "%s/pleione-%s.so", folder, name);
    if ((b && (!b->refused || refused)) || (!b && runtime->n_backends == SCHED_BACKENDS) || n >= (int)sizeof path ||
        strcmp(name, built_in) == 0)
        return true;
    if (!b)
        b = &runtime->backends[runtime->n_backends++];
    free(b->path);
    *b = (struct sched_backend){.refused = refused != NULL, .shipped = ours, .path = strdup(path)};
    snprintf(b->name, sizeof b->name, "%s", name);
    if (refused)
        snprintf(b->reason, sizeof b->reason, "its folder %.100s is refused: %s", folder, refused);
    return b->path != NULL;
}

static void warn(const pln_runtime *runtime, const char *folder, const char *why)
{
    char message[PATH_MAX + 120];
    snprintf(message, sizeof message, "no plugin of %s is loaded: %s", folder, why);
    if (runtime->log)
        runtime->log(runtime->log_context, PLN_LOG_LEVEL_WARNING, message);
}

/* A folder that is not there has no plugins; one that cannot be read hides them. */
static pln_status look_into(pln_runtime *runtime, const char *folder, const char *refused, bool ours, pln_error *error)
{
    DIR *dir = opendir(folder);
    bool noted = true;
    if (!dir && (errno == ENOENT || errno == ENOTDIR))
        return PLN_OK;
    if (!dir && errno != ENOMEM && errno != EMFILE && errno != ENFILE) {
        warn(runtime, folder, strerror(errno));
        return PLN_OK;
    }
    if (!dir)
        return pln_fail(error, pln_status_of_errno(errno, PLN_FAILED), "%s: plugins cannot be looked for: %s", folder,
                        strerror(errno));
    for (struct dirent *entry; noted && (entry = readdir(dir));) {
        char name[24];
        int end = 0;
        if (sscanf(entry->d_name, "pleione-%23[^./].so%n", name, &end) == 1 && end && entry->d_name[end] == '\0')
            noted = note_plugin(runtime, name, folder, refused, ours);
    }
    closedir(dir);
    return noted ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for the plugins of %s", folder);
}

static pln_status look_into_list(pln_runtime *runtime, const char *list, pln_error *error)
{
    char folder[PATH_MAX];
    pln_status status = PLN_OK;
    while (status == PLN_OK && list && *list) {
        const size_t n = strcspn(list, ":");
        if (n && n < sizeof folder) {
            memcpy(folder, list, n);
            folder[n] = '\0';
            const char *refused = beside_refusal(folder);
            if (refused)
                warn(runtime, folder, refused);
            status = look_into(runtime, folder, refused, false, error);
        }
        list += n + (list[n] == ':');
    }
    return status;
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

/* The build tree when run from there, else the installed folder. */
static pln_status look_beside_library(pln_runtime *runtime, pln_error *error)
{
    char library[PATH_MAX - 300], folder[PATH_MAX];
    pln_status status = PLN_OK;
    if (!beside_library(library, sizeof library))
        return PLN_OK;
    snprintf(folder, sizeof folder, "%s/backends", library);
    const bool built = access(folder, F_OK) == 0;
    for (uint32_t i = 0; status == PLN_OK && built && i < N_SHIPPED; i++) {
        snprintf(folder, sizeof folder, "%s/backends/%s", library, shipped[i]);
        status = look_into(runtime, folder, NULL, true, error);
    }
    snprintf(folder, sizeof folder, "%s/pleione", library);
    return built ? status : look_into(runtime, folder, NULL, true, error);
}

pln_status sched_backends_look(pln_runtime *runtime, pln_error *error)
{
    pln_status status = look_beside_library(runtime, error);
    if (status == PLN_OK)
        status = look_into_list(runtime, runtime->backend_path, error);
    if (status == PLN_OK)
        status = look_into_list(runtime, getenv(BESIDE_PATH), error);
    if (status != PLN_OK)
        return status;
    const uint32_t last = runtime->n_backends < SCHED_BACKENDS ? runtime->n_backends++ : SCHED_BACKENDS - 1;
    free(runtime->backends[last].path);
    runtime->backends[last] = (struct sched_backend){0};
    snprintf(runtime->backends[last].name, sizeof runtime->backends[last].name, "%s", built_in);
    qsort(runtime->backends, runtime->n_backends, sizeof *runtime->backends, by_preference);
    for (uint32_t i = 0; i < runtime->n_backends; i++)
        runtime->backends[i].seam.faults = runtime->faults;
    return PLN_OK;
}

const char *pln_runtime_backend(pln_runtime *runtime, uint32_t index)
{
    return runtime && index < runtime->n_backends ? runtime->backends[index].name : NULL;
}

/* ---- loading */

static void load_file(struct sched_backend *backend)
{
    backend->library = dlopen(backend->path, RTLD_NOW | RTLD_LOCAL);
    if (!backend->library) {
        snprintf(backend->reason, sizeof backend->reason, "%s", dlerror());
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
    char reason[160];
    const pln_backend *table = query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    if (!table)
        snprintf(backend->reason, sizeof backend->reason,
                 "%.150s speaks another version of the interface than %u: build it again", backend->path,
                 PLN_ABI_VERSION);
    else if (!seam_accept(&backend->seam, table, reason, sizeof reason))
        snprintf(backend->reason, sizeof backend->reason, "pleione-%s.so is refused: %s", backend->name, reason);
    backend->loaded = !*backend->reason;
    backend->seam.table.name = backend->name; /* what it is called by, whatever its table says */
}

pln_status sched_backend_load(pln_runtime *runtime, const char *name, struct sched_backend **backend, pln_error *error)
{
    struct sched_backend *b = sched_backend_find(runtime, name);
    if (!b)
        return pln_fail(error, PLN_NO_DEVICE, "no backend %.40s: there is no plugin pleione-%.40s.so", name, name);
    if (!b->loaded && !*b->reason && strcmp(name, built_in) == 0)
        b->loaded =
            seam_accept(&b->seam, pln_reference_query(PLN_ABI_VERSION, PLN_ABI_VERSION), b->reason, sizeof b->reason);
    if (!b->loaded && !*b->reason && b->path)
        sched_backend_probe(runtime, b);
    if (!b->loaded && !*b->reason && b->path)
        load_file(b);
    if (!b->loaded)
        return pln_fail(error, PLN_NO_DEVICE, "backend %s cannot be loaded: %s", name, b->reason);
    *backend = b;
    return PLN_OK;
}
