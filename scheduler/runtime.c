/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime: finds and loads plugins, owns the thread team, lists devices.
 */
#define _GNU_SOURCE /* dladdr */
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/reference/reference.h"
#include "common/fail.h"
#include "common/processors.h"
#include "scheduler/scheduler.h"

/* The order in which `auto` and `all` look at what ships with pleione; others follow by name. */
static const char *const shipped[] = {"vulkan", "opencl", "cpu"};
enum { N_SHIPPED = sizeof shipped / sizeof *shipped };

/* Opening a device asks for the cache folder, and "auto" for the list of devices: so one thread may hold it twice. */
static void init_lock(pln_runtime *runtime)
{
    pthread_mutexattr_t twice;
    pthread_mutexattr_init(&twice);
    pthread_mutexattr_settype(&twice, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&runtime->lock, &twice);
    pthread_mutexattr_destroy(&twice);
}

pln_status pln_runtime_create(const pln_runtime_options *options, pln_runtime **runtime, pln_error *error)
{
    const pln_runtime_options defaults = {0};
    if (!options)
        options = &defaults;
    pln_runtime *r = calloc(1, sizeof *r);
    if (!r)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a runtime");
    init_lock(r);
    r->log = options->log;
    r->log_context = options->log_context;
    r->team = team_create(options->threads ? options->threads : processors_usable());
    r->backend_path = options->backend_path ? strdup(options->backend_path) : NULL;
    if (!r->team || (options->backend_path && !r->backend_path)) {
        const uint32_t threads = options->threads;
        pln_runtime_destroy(&r);
        return pln_fail(error, PLN_NO_MEMORY, "cannot start a team of %u threads", threads);
    }
    sched_host_init(r);
    *runtime = r;
    return PLN_OK;
}

/* Plugins stay loaded: drivers below them do not like to be unloaded. */
void pln_runtime_destroy(pln_runtime **runtime)
{
    pln_runtime *r = *runtime;
    if (!r)
        return;
    team_destroy(&r->team);
    pthread_mutex_destroy(&r->lock);
    free(r->backend_path);
    free(r->cache);
    free(r->entries);
    free(r);
    *runtime = NULL;
}

uint32_t pln_runtime_threads(const pln_runtime *runtime)
{
    return team_size(runtime->team);
}

/* The folder of the library itself. */
static bool library_folder(char *folder, size_t bytes)
{
    Dl_info info;
    char resolved[PATH_MAX];
    if (!dladdr((const void *)(uintptr_t)pln_runtime_create, &info) || !realpath(info.dli_fname, resolved))
        return false;
    char *slash = strrchr(resolved, '/');
    if (!slash || (size_t)(slash - resolved) >= bytes)
        return false;
    *slash = '\0';
    memcpy(folder, resolved, strlen(resolved) + 1);
    return true;
}

typedef bool visit_folder(void *context, const char *folder);

static bool visit_list(const char *list, visit_folder *visit, void *context)
{
    char folder[PATH_MAX];
    while (list && *list) {
        const size_t n = strcspn(list, ":");
        if (n && n < sizeof folder && *list == '/') { /* never relative to the working directory */
            memcpy(folder, list, n);
            folder[n] = '\0';
            if (visit(context, folder))
                return true;
        }
        list += n + (list[n] == ':');
    }
    return false;
}

/* Visits every folder that may hold plugins until a visit says true: the build tree when run from there, else the
 * installed one, then those of the options and of PLEIONE_BACKEND_PATH. */
static bool visit_folders(const pln_runtime *runtime, const char *name, visit_folder *visit, void *context)
{
    char library[PATH_MAX - 300], folder[PATH_MAX];
    if (library_folder(library, sizeof library)) {
        snprintf(folder, sizeof folder, "%s/backends", library);
        if (access(folder, F_OK) == 0) {
            for (uint32_t i = 0; i < N_SHIPPED; i++) {
                snprintf(folder, sizeof folder, "%s/backends/%s", library, shipped[i]);
                if ((!name || strcmp(name, shipped[i]) == 0) && visit(context, folder))
                    return true;
            }
        } else {
            snprintf(folder, sizeof folder, "%s/pleione", library);
            if (visit(context, folder))
                return true;
        }
    }
    return visit_list(runtime->backend_path, visit, context) ||
           visit_list(getenv("PLEIONE_BACKEND_PATH"), visit, context);
}

static struct sched_backend *find_backend(pln_runtime *runtime, const char *name)
{
    for (uint32_t i = 0; i < runtime->n_backends; i++)
        if (strcmp(runtime->backends[i].name, name) == 0)
            return &runtime->backends[i];
    return NULL;
}

static struct sched_backend *add_backend(pln_runtime *runtime, const char *name)
{
    if (runtime->n_backends == SCHED_BACKENDS)
        return NULL;
    struct sched_backend *backend = &runtime->backends[runtime->n_backends++];
    snprintf(backend->name, sizeof backend->name, "%s", name);
    return backend;
}

static void load_file(struct sched_backend *backend, const char *path)
{
    backend->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!backend->library) {
        snprintf(backend->reason, sizeof backend->reason, "%s", dlerror());
        return;
    }
    pln_backend_query_fn *query = NULL;
    void *symbol = dlsym(backend->library, PLN_BACKEND_SYMBOL);
    memcpy(&query, &symbol, sizeof query);
    if (!query) {
        snprintf(backend->reason, sizeof backend->reason, "%.150s exports no %s: not a plugin", path,
                 PLN_BACKEND_SYMBOL);
        return;
    }
    backend->table = query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    if (!backend->table)
        snprintf(backend->reason, sizeof backend->reason,
                 "%.150s speaks another version of the interface than %u: build it again", path, PLN_ABI_VERSION);
}

struct search {
    pln_runtime *runtime;
    const char *name;
    char path[PATH_MAX];
};

static bool find_file(void *context, const char *folder)
{
    struct search *search = context;
    const int n = snprintf(search->path, sizeof search->path, "%s/pleione-%s.so", folder, search->name);
    return n > 0 && (size_t)n < sizeof search->path && access(search->path, R_OK) == 0;
}

pln_status sched_backend_load(pln_runtime *runtime, const char *name, struct sched_backend **backend, pln_error *error)
{
    struct sched_backend *b = find_backend(runtime, name);
    if (!b) {
        struct search search = {.runtime = runtime, .name = name};
        const bool built_in = strcmp(name, "reference") == 0;
        if (strlen(name) >= sizeof b->name || strchr(name, '/') ||
            (!built_in && !visit_folders(runtime, name, find_file, &search)))
            return pln_fail(error, PLN_NO_DEVICE, "no backend %.40s: there is no plugin pleione-%.40s.so", name, name);
        b = add_backend(runtime, name);
        if (!b)
            return pln_fail(error, PLN_NO_DEVICE, "more than %d backends", SCHED_BACKENDS);
        if (built_in)
            b->table = pln_reference_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
        else
            load_file(b, search.path);
    }
    if (!b->table)
        return pln_fail(error, PLN_NO_DEVICE, "backend %s cannot be loaded: %s", name, b->reason);
    *backend = b;
    return PLN_OK;
}

static bool load_folder(void *context, const char *folder)
{
    const struct search *search = context;
    DIR *dir = opendir(folder);
    if (!dir)
        return false;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char name[24];
        int end = 0;
        if (sscanf(entry->d_name, "pleione-%23[^./].so%n", name, &end) == 1 && end && entry->d_name[end] == '\0') {
            struct sched_backend *unused;
            sched_backend_load(search->runtime, name, &unused, NULL);
        }
    }
    closedir(dir);
    return false;
}

void sched_backend_load_all(pln_runtime *runtime)
{
    struct sched_backend *unused;
    for (uint32_t i = 0; i < N_SHIPPED; i++)
        sched_backend_load(runtime, shipped[i], &unused, NULL);
    struct search search = {.runtime = runtime};
    visit_folders(runtime, NULL, load_folder, &search);
    sched_backend_load(runtime, "reference", &unused, NULL);
}

static void describe_backend(const struct sched_backend *backend, uint32_t index, bool several, pln_device_entry *entry)
{
    *entry = (pln_device_entry){.info.size = sizeof entry->info};
    snprintf(entry->name, sizeof entry->name, several ? "%s:%u" : "%s", backend->name, index);
    snprintf(entry->backend, sizeof entry->backend, "%s", backend->name);
    if (backend->table)
        snprintf(entry->backend_version, sizeof entry->backend_version, "%s", backend->table->version);
}

static pln_device_entry *add_entry(pln_runtime *runtime)
{
    pln_device_entry *entries = realloc(runtime->entries, (runtime->n_entries + 1) * sizeof *entries);
    if (!entries)
        return NULL;
    runtime->entries = entries;
    return &entries[runtime->n_entries++];
}

static void mark_unusable(pln_device_entry *entry, const char *reason)
{
    entry->info.flags |= PLN_DEVICE_UNUSABLE;
    snprintf(entry->info.reason, sizeof entry->info.reason, "%.255s", reason);
}

static bool list_backend(pln_runtime *runtime, const struct sched_backend *backend)
{
    pln_error error = {0};
    uint32_t n = 0;
    if (backend->table && backend->table->device_count(&n, &error) != PLN_OK)
        n = 0;
    else if (backend->table && !n)
        snprintf(error.message, sizeof error.message, "it finds no device");
    if (!n) {
        pln_device_entry *entry = add_entry(runtime);
        if (!entry)
            return false;
        describe_backend(backend, 0, false, entry);
        mark_unusable(entry, backend->table ? error.message : backend->reason);
    }
    for (uint32_t i = 0; i < n; i++) {
        pln_device_entry *entry = add_entry(runtime);
        if (!entry)
            return false;
        describe_backend(backend, i, n > 1, entry);
        if (backend->table->device_info(i, NULL, &entry->info, &error) != PLN_OK)
            mark_unusable(entry, error.message);
    }
    return true;
}

/* Once there is a list, it stays as it is. */
static bool list_all(pln_runtime *runtime)
{
    if (runtime->entries)
        return true;
    sched_backend_load_all(runtime);
    bool listed = true;
    for (uint32_t i = 0; listed && i < runtime->n_backends; i++)
        listed = list_backend(runtime, &runtime->backends[i]);
    if (!listed) {
        free(runtime->entries);
        runtime->entries = NULL;
        runtime->n_entries = 0;
    }
    return listed;
}

pln_status pln_runtime_devices(pln_runtime *runtime, const pln_device_entry **entries, uint32_t *count,
                               pln_error *error)
{
    pthread_mutex_lock(&runtime->lock);
    const bool listed = list_all(runtime);
    *entries = runtime->entries;
    *count = runtime->n_entries;
    pthread_mutex_unlock(&runtime->lock);
    return listed ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for the list of devices");
}
