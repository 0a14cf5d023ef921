/* SPDX-License-Identifier: Apache-2.0
 *
 * The devices of a backend as entries of a list: of what the plugin said in a process of its own, or made by others.
 */
#include <stdlib.h>
#include <string.h>

#include "scheduler/probe.h"

static void describe_backend(const struct sched_backend *backend, uint32_t index, bool several, pln_device_entry *entry)
{
    *entry = (pln_device_entry){.info.size = sizeof entry->info};
    snprintf(entry->name, sizeof entry->name, several ? "%s:%u" : "%s", backend->name, index);
    snprintf(entry->backend, sizeof entry->backend, "%s", backend->name);
    if (backend->loaded)
        snprintf(entry->backend_version, sizeof entry->backend_version, "%s", backend->seam.table.version);
}

void sched_entry_unusable(pln_device_entry *entry, const char *reason)
{
    entry->info.flags |= PLN_DEVICE_FLAG_UNUSABLE;
    snprintf(entry->info.reason, sizeof entry->info.reason, "%.255s", reason);
}

bool sched_entries_make(struct sched_backend *backend, uint32_t n)
{
    backend->entries = calloc(n, sizeof *backend->entries);
    backend->listed = calloc(n, sizeof *backend->listed);
    if (!backend->entries || !backend->listed) {
        free(backend->entries);
        free(backend->listed);
        backend->entries = NULL;
        backend->listed = NULL;
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        backend->listed[i] = &backend->entries[i];
        describe_backend(backend, i, n > 1, &backend->entries[i]);
    }
    backend->n_entries = n;
    return true;
}

bool sched_entries_none(struct sched_backend *backend, const char *reason)
{
    if (!sched_entries_make(backend, 1))
        return false;
    sched_entry_unusable(&backend->entries[0], reason);
    return true;
}

/* What the plugin said in a process of its own. */
static void list_answer(struct sched_backend *backend, const json_t *answer)
{
    const json_t *devices = json_object_get(answer, "devices");
    const uint32_t n = (uint32_t)json_array_size(devices);
    const char *version = json_string_value(json_object_get(answer, "version"));
    if (!n || !sched_entries_make(backend, n))
        return;
    for (uint32_t i = 0; i < n; i++) {
        pln_device_entry *entry = &backend->entries[i];
        pln_device_description info;
        pln_setting_info settings[PROBE_SETTINGS];
        pln_error error;
        snprintf(entry->backend_version, sizeof entry->backend_version, "%s", version ? version : "");
        if (!probe_device_read(json_array_get(devices, i), &info, settings))
            sched_entry_unusable(entry, "what is remembered of it makes no sense");
        else if (sched_entry_describe(entry, &info, &error) != PLN_OK)
            sched_entry_unusable(entry, error.message);
    }
}

/* Ours has no driver below it, and faults are made here. */
static bool is_known(const pln_runtime *runtime, const struct sched_backend *backend)
{
    return runtime->faults || (backend->shipped && strcmp(backend->name, "cpu") == 0);
}

void sched_backend_probe(pln_runtime *runtime, struct sched_backend *backend)
{
    pln_error error = {.node = -1};
    json_t *answer = NULL;
    if (backend->probed || !backend->path || *backend->reason || backend->loaded)
        return;
    backend->probed = true;
    if (is_known(runtime, backend))
        return;
    if (sched_probe(runtime, backend->path, &answer, &error) == PLN_NO_DEVICE)
        snprintf(backend->reason, sizeof backend->reason, "%.255s", error.message);
    if (answer && !backend->entries)
        list_answer(backend, answer);
    json_decref(answer);
}
