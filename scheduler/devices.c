/* SPDX-License-Identifier: Apache-2.0
 *
 * "vulkan:1,cpu" and "KEY=VALUE" texts in, open devices out.
 */
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/door.h"
#include "scheduler/scheduler.h"

enum { MAX_OPTIONS = 64 };

/* Options of the user, and which of them some device knew. */
struct options {
    const char *const *texts;
    uint32_t n;
    bool known[MAX_OPTIONS];
};

/* Splits "cpu.level=c" for a backend: the key begins in key, the value after it; false if it is for another backend. */
static bool split_option(const char *text, const char *backend, char *key, size_t key_bytes, const char **value)
{
    const char *equals = strchr(text, '=');
    if (!equals)
        return false;
    const char *dot = memchr(text, '.', (size_t)(equals - text));
    if (dot && ((size_t)(dot - text) != strlen(backend) || strncmp(text, backend, strlen(backend)) != 0))
        return false;
    const char *begin = dot ? dot + 1 : text;
    const int n = snprintf(key, key_bytes, "%.*s", (int)(equals - begin), begin);
    *value = equals + 1;
    return n > 0 && (size_t)n < key_bytes;
}

static bool knows(const pln_device_info *info, const char *key)
{
    for (const pln_option_info *o = info->options; o && o->key; o++)
        if (strcmp(o->key, key) == 0)
            return true;
    return false;
}

static pln_status create_lock(struct sched_device *device, pln_error *error)
{
    device->lock = malloc(sizeof *device->lock);
    if (!device->lock)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for device %s", device->entry.name);
    pthread_mutex_init(device->lock, NULL);
    return PLN_OK;
}

static void destroy_lock(struct sched_device *device)
{
    if (device->lock)
        pthread_mutex_destroy(device->lock);
    free(device->lock);
}

/* Adds the device and opens it with the options that it knows. */
static pln_status open_device(pln_devices *devices, const struct sched_backend *backend, uint32_t index,
                              const char *name, struct options *options, pln_error *error)
{
    struct sched_device *list = array_reserve(devices->devices, &devices->room, devices->n + 1ul, sizeof *list);
    if (!list)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for device %s", name);
    devices->devices = list;
    struct sched_device *d = &list[devices->n];
    *d = (struct sched_device){.backend = backend->table, .entry.info.size = sizeof d->entry.info};
    snprintf(d->entry.name, sizeof d->entry.name, "%s", name);
    snprintf(d->entry.backend, sizeof d->entry.backend, "%s", backend->name);
    snprintf(d->entry.backend_version, sizeof d->entry.backend_version, "%s", backend->table->version);
    pln_status status = d->backend->device_info(index, NULL, &d->entry.info, error);
    if (status == PLN_OK && d->entry.info.flags & PLN_DEVICE_FLAG_UNUSABLE)
        return pln_fail(error, PLN_NO_DEVICE, "device %s cannot be used: %s", name, d->entry.info.reason);

    char keys[MAX_OPTIONS][32];
    pln_option chosen[MAX_OPTIONS];
    uint32_t n = 0;
    for (uint32_t i = 0; status == PLN_OK && i < options->n; i++) {
        const char *value;
        if (!split_option(options->texts[i], backend->name, keys[n], sizeof keys[n], &value) ||
            !knows(&d->entry.info, keys[n]))
            continue;
        options->known[i] = true;
        chosen[n] = (pln_option){keys[n], value};
        n++;
    }
    if (status == PLN_OK)
        status = d->backend->device_open(index, &devices->runtime->host, chosen, n, &d->device, error);
    if (status != PLN_OK)
        return status;
    devices->n++;
    status = d->backend->device_info(index, d->device, &d->entry.info, error);
    d->domain = sched_on_host(d) ? 0 : devices->n_domains++;
    return status == PLN_OK && !(d->entry.info.flags & PLN_DEVICE_FLAG_CONCURRENT) ? create_lock(d, error) : status;
}

/* One name of the list: "cpu", "vulkan:1". */
static pln_status open_name(pln_devices *devices, const char *name, struct options *options, pln_error *error)
{
    char backend_name[32], *end = NULL;
    const char *colon = strchr(name, ':');
    const size_t length = colon ? (size_t)(colon - name) : strlen(name);
    snprintf(backend_name, sizeof backend_name, "%.*s", (int)length, name);
    const unsigned long index = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (!length || length >= sizeof backend_name || (colon && (!colon[1] || *end || colon[1] == '-')))
        return pln_fail(error, PLN_NO_DEVICE, "\"%s\" is no device name; `pleione devices` lists them", name);
    for (uint32_t i = 0; i < devices->n; i++)
        if (strcmp(devices->devices[i].entry.name, name) == 0)
            return pln_fail(error, PLN_INVALID, "device %s is named twice", name);
    struct sched_backend *backend;
    pln_status status = sched_backend_load(devices->runtime, backend_name, &backend, error);
    uint32_t n = 0;
    if (status == PLN_OK)
        status = backend->table->device_count(&n, error);
    if (status != PLN_OK)
        return status;
    if (index >= n)
        return pln_fail(error, PLN_NO_DEVICE, "no device %s: backend %s has %u", name, backend_name, n);
    return open_device(devices, backend, (uint32_t)index, name, options, error);
}

static const char *find_kind(const pln_device_entry *const *entries, uint32_t n, pln_device_kind kind)
{
    for (uint32_t i = 0; i < n; i++)
        if (entries[i]->info.kind == (uint32_t)kind && !(entries[i]->info.flags & PLN_DEVICE_FLAG_UNUSABLE))
            return entries[i]->name;
    return NULL;
}

static const char *find_name(const pln_device_entry *const *entries, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(entries[i]->name, name) == 0 && !(entries[i]->info.flags & PLN_DEVICE_FLAG_UNUSABLE))
            return entries[i]->name;
    return NULL;
}

static pln_status open_auto(pln_devices *devices, struct options *options, pln_error *error)
{
    const pln_device_entry *const *entries;
    uint32_t n;
    const pln_status status = pln_runtime_devices(devices->runtime, &entries, &n, error);
    if (status != PLN_OK)
        return status;
    const char *name = find_kind(entries, n, PLN_DEVICE_KIND_DISCRETE);
    if (!name)
        name = find_kind(entries, n, PLN_DEVICE_KIND_INTEGRATED);
    if (!name)
        name = find_name(entries, n, "cpu");
    return open_name(devices, name ? name : "reference", options, error);
}

static pln_status open_all(pln_devices *devices, struct options *options, pln_error *error)
{
    const pln_device_entry *const *entries;
    uint32_t n;
    pln_status status = pln_runtime_devices(devices->runtime, &entries, &n, error);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++)
        if (!(entries[i]->info.flags & PLN_DEVICE_FLAG_UNUSABLE))
            status = open_name(devices, entries[i]->name, options, error);
    return status;
}

static pln_status open_list(pln_devices *devices, const char *list, struct options *options, pln_error *error)
{
    if (strcmp(list, "auto") == 0)
        return open_auto(devices, options, error);
    if (strcmp(list, "all") == 0)
        return open_all(devices, options, error);
    char name[64];
    pln_status status = PLN_OK;
    for (const char *s = list; status == PLN_OK; s++) {
        const size_t n = strcspn(s, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, s);
        status = open_name(devices, name, options, error);
        s += n;
        if (!*s)
            break;
    }
    return status;
}

static pln_status check_options(const struct options *options, pln_error *error)
{
    for (uint32_t i = 0; i < options->n; i++) {
        if (!strchr(options->texts[i], '='))
            return pln_fail(error, PLN_INVALID, "device option \"%s\" is not KEY=VALUE", options->texts[i]);
        if (!options->known[i])
            return pln_fail(error, PLN_INVALID, "no chosen device knows the option \"%s\"", options->texts[i]);
    }
    return PLN_OK;
}

static pln_status open_devices(pln_runtime *runtime, const char *list, const char *const *options, uint32_t n_options,
                               pln_devices **devices, pln_error *error)
{
    pln_devices *d = calloc(1, sizeof *d);
    if (!d)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the devices");
    d->runtime = runtime;
    pthread_mutex_init(&d->constants_lock, NULL);
    d->n_domains = 1;
    struct options o = {.texts = options, .n = n_options};
    pln_status status = open_list(d, list ? list : "auto", &o, error);
    d->n_listed = d->n;
    bool has_reference = false;
    for (uint32_t i = 0; i < d->n; i++)
        has_reference |= strcmp(d->devices[i].entry.backend, "reference") == 0;
    if (status == PLN_OK && !has_reference)
        status = open_name(d, "reference", &o, error);
    if (status == PLN_OK)
        status = check_options(&o, error);
    if (status != PLN_OK)
        pln_devices_close(&d);
    *devices = d;
    return status;
}

pln_status pln_devices_open(pln_runtime *runtime, const char *list, const char *const *options, uint32_t n_options,
                            pln_devices **devices, pln_error *error)
{
    NEED(error, devices);
    *devices = NULL;
    NEED(error, runtime);
    NEED_LIST(error, options, n_options);
    for (uint32_t i = 0; i < n_options; i++)
        if (!options[i])
            return pln_fail(error, PLN_INVALID, "device option %u is NULL", i);
    if (n_options > MAX_OPTIONS)
        return pln_fail(error, PLN_INVALID, "more than %d device options", MAX_OPTIONS);
    pthread_mutex_lock(&runtime->lock);
    const pln_status status = open_devices(runtime, list, options, n_options, devices, error);
    pthread_mutex_unlock(&runtime->lock);
    return status;
}

void pln_devices_close(pln_devices **devices)
{
    pln_devices *d = devices ? *devices : NULL;
    if (!d)
        return;
    for (uint32_t i = 0; i < d->n; i++) {
        d->devices[i].backend->device_close(&d->devices[i].device);
        destroy_lock(&d->devices[i]);
    }
    pthread_mutex_destroy(&d->constants_lock);
    free(d->devices);
    free(d);
    *devices = NULL;
}

uint32_t pln_devices_count(const pln_devices *devices)
{
    return devices ? devices->n_listed : 0;
}

const pln_device_entry *pln_devices_entry(const pln_devices *devices, uint32_t index)
{
    return devices && index < devices->n ? &devices->devices[index].entry : NULL;
}
