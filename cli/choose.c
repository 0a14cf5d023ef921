/* SPDX-License-Identifier: Apache-2.0
 *
 * What "auto" is. Each backend is asked in a process of its own: one whose driver ends the process is passed over, and
 * the command itself loads what it uses only.
 */
#include <string.h>

#include "cli/worker.h"

/* How much a device is preferred: the first discrete GPU, else an integrated one, else cpu, else reference. */
enum { NOT_AT_ALL, REFERENCE, PROCESSOR, INTEGRATED, DISCRETE };

struct choice {
    const char *backend;
    int rank;
    char device[sizeof((pln_device_entry *)0)->name];
};

static int rank_of(const pln_device_entry *e)
{
    if (e->info.flags & PLN_DEVICE_FLAG_UNUSABLE)
        return NOT_AT_ALL;
    if (e->info.kind == PLN_DEVICE_KIND_DISCRETE || e->info.kind == PLN_DEVICE_KIND_INTEGRATED)
        return e->info.kind == PLN_DEVICE_KIND_DISCRETE ? DISCRETE : INTEGRATED;
    if (strcmp(e->name, "cpu") == 0)
        return PROCESSOR;
    return strcmp(e->name, "reference") == 0 ? REFERENCE : NOT_AT_ALL;
}

static pln_status choose_in_backend(void *context, void *argument, pln_error *error)
{
    struct choice *choice = argument;
    const pln_device_entry *const *entries;
    uint32_t n;
    pln_runtime *runtime = NULL;
    (void)context;
    pln_status status = cli_create_runtime(1, &runtime, error);
    if (status == PLN_OK)
        status = pln_runtime_backend_devices(runtime, choice->backend, &entries, &n, error);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++)
        if (rank_of(entries[i]) > choice->rank) {
            choice->rank = rank_of(entries[i]);
            snprintf(choice->device, sizeof choice->device, "%s", entries[i]->name);
        }
    return status;
}

const char *cli_choose_device(const struct cli_common *common)
{
    static struct choice best = {.device = "reference"};
    const char *name;
    const pln_runtime_options alone = {.size = sizeof alone, .threads = 1};
    pln_runtime *runtime = NULL; /* for names only: it loads nothing and says nothing */
    pln_error error;
    if (common->device && strcmp(common->device, "auto") != 0)
        return common->device;
    if (best.rank != NOT_AT_ALL)
        return best.device;
    pln_status status = pln_runtime_create(&alone, &runtime, &error);
    for (uint32_t i = 0; status == PLN_OK && (name = pln_runtime_backend(runtime, i)); i++) {
        struct choice choice = {.backend = name};
        struct worker w = {0};
        status = worker_start(&w, NULL, &error);
        if (status == PLN_OK && worker_ask(&w, choose_in_backend, &choice, sizeof choice, &error) == PLN_OK &&
            choice.rank > best.rank)
            best = choice;
        worker_end(&w);
    }
    pln_runtime_destroy(&runtime);
    return best.device;
}
