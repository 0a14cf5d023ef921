/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime: owns the thread team, lists devices.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/door.h"
#include "common/processors.h"
#include "scheduler/scheduler.h"

enum { PROBE_MS = 20000 };

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
    pln_runtime_options o = {.size = sizeof o};
    NEED(error, runtime);
    *runtime = NULL;
    TAKE(error, pln_runtime_options, o, options);
    if (o.threads > TEAM_MOST)
        return pln_fail(error, PLN_INVALID, "%u threads: expected at most %d", o.threads, TEAM_MOST);
    pln_runtime *r = calloc(1, sizeof *r);
    if (!r)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for a runtime");
    init_lock(r);
    r->log = o.log;
    r->log_context = o.log_context;
    r->progress = o.progress;
    r->progress_context = o.progress_context;
    r->team = team_create(o.threads ? o.threads : processors_usable());
    r->backend_path = o.backend_path ? strdup(o.backend_path) : NULL;
    if (!r->team || (o.backend_path && !r->backend_path)) {
        pln_runtime_destroy(&r);
        return pln_fail(error, PLN_NO_MEMORY, "cannot start a team of %u threads", o.threads);
    }
    r->probe_ms = o.probe_ms ? o.probe_ms : PROBE_MS;
    sched_host_init(r);
    pln_status status = faults_create(o.faults, &r->faults, error);
    if (status == PLN_OK)
        status = sched_backends_look(r, error);
    if (status == PLN_OK)
        *runtime = r;
    else
        pln_runtime_destroy(&r);
    return status;
}

/* Plugins stay loaded: drivers below them do not like to be unloaded. */
void pln_runtime_destroy(pln_runtime **runtime)
{
    pln_runtime *r = runtime ? *runtime : NULL;
    if (!r)
        return;
    team_destroy(&r->team);
    pthread_mutex_destroy(&r->lock);
    free(r->backend_path);
    faults_destroy(&r->faults);
    free(r->cache);
    for (uint32_t i = 0; i < r->n_backends; i++) {
        for (uint32_t j = 0; r->backends[i].entries && j < r->backends[i].n_entries; j++)
            sched_entry_finish(&r->backends[i].entries[j]);
        free(r->backends[i].path);
        free(r->backends[i].entries);
        free(r->backends[i].listed);
    }
    free(r->entries);
    free(r);
    *runtime = NULL;
}

uint32_t pln_runtime_threads(const pln_runtime *runtime)
{
    return runtime ? team_size(runtime->team) : 0;
}

/* Its devices, or one entry that says why there is none. Loads the backend only where it cannot be asked from outside. */
static bool list_backend(pln_runtime *runtime, struct sched_backend *backend)
{
    pln_error error = {0};
    struct sched_backend *loaded;
    uint32_t n = 0;
    sched_backend_probe(runtime, backend);
    if (backend->entries)
        return true;
    if (sched_backend_load(runtime, backend->name, &loaded, NULL) != PLN_OK)
        return sched_entries_none(backend, backend->reason);
    if (seam_device_count(&backend->seam, &n, &error) != PLN_OK || !n)
        return sched_entries_none(backend, *error.message ? error.message : "it finds no device");
    if (!sched_entries_make(backend, n))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        pln_device_description info;
        pln_status status = seam_device_info(&backend->seam, i, NULL, &info, &error);
        if (status == PLN_OK)
            status = sched_entry_describe(&backend->entries[i], &info, &error);
        if (status != PLN_OK)
            sched_entry_unusable(&backend->entries[i], error.message);
    }
    return true;
}

pln_status pln_runtime_backend_devices(pln_runtime *runtime, const char *backend,
                                       const pln_device_entry *const **devices, uint32_t *n_devices, pln_error *error)
{
    NEED(error, runtime, backend, devices, n_devices);
    pthread_mutex_lock(&runtime->lock);
    struct sched_backend *b = sched_backend_find(runtime, backend);
    const bool listed = b && list_backend(runtime, b);
    *devices = listed ? b->listed : NULL;
    *n_devices = listed ? b->n_entries : 0;
    pthread_mutex_unlock(&runtime->lock);
    if (!b)
        return pln_fail(error, PLN_NO_DEVICE, "no backend %.40s: there is no plugin pleione-%.40s.so", backend,
                        backend);
    return listed ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for the list of devices");
}

/* Once there is a list, it stays as it is. */
static bool list_all(pln_runtime *runtime)
{
    uint32_t n = 0;
    if (runtime->entries)
        return true;
    for (uint32_t i = 0; i < runtime->n_backends; i++)
        if (!list_backend(runtime, &runtime->backends[i]))
            return false;
    for (uint32_t i = 0; i < runtime->n_backends; i++)
        n += runtime->backends[i].n_entries;
    runtime->entries = calloc(n + 1, sizeof *runtime->entries);
    for (uint32_t i = 0; runtime->entries && i < runtime->n_backends; i++) {
        const struct sched_backend *b = &runtime->backends[i];
        memcpy(runtime->entries + runtime->n_entries, b->listed, b->n_entries * sizeof *b->listed);
        runtime->n_entries += b->n_entries;
    }
    return runtime->entries != NULL;
}

pln_status pln_runtime_devices(pln_runtime *runtime, const pln_device_entry *const **devices, uint32_t *n_devices,
                               pln_error *error)
{
    NEED(error, runtime, devices, n_devices);
    pthread_mutex_lock(&runtime->lock);
    const bool listed = list_all(runtime);
    *devices = runtime->entries;
    *n_devices = runtime->n_entries;
    pthread_mutex_unlock(&runtime->lock);
    return listed ? PLN_OK : pln_fail(error, PLN_NO_MEMORY, "no memory for the list of devices");
}
