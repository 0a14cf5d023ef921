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

/* The options that the device knows, kept for the next time that it is opened. `named`: only those for this backend by
 * its name. */
static pln_status take_settings(struct sched_device *d, struct options *options, bool named, pln_error *error)
{
    char key[32];
    const char *value;
    size_t bytes = 0;
    for (uint32_t i = 0; i < options->n; i++)
        bytes += sizeof *d->settings + 2 * strlen(options->texts[i]) + 2;
    d->settings = malloc(bytes + 1);
    if (!d->settings)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the options of device %s", d->entry.name);
    char *texts = (char *)(void *)(d->settings + options->n);
    for (uint32_t i = 0; i < options->n; i++) {
        const char *text = options->texts[i], *equals = strchr(text, '=');
        if (!split_option(text, d->backend->name, key, sizeof key, &value) || !knows(&d->entry.info, key) ||
            (named && !memchr(text, '.', (size_t)(equals - text))))
            continue;
        options->known[i] = true;
        const char *kept_key = strcpy(texts, key);
        texts += strlen(texts) + 1;
        const char *kept_value = strcpy(texts, value);
        texts += strlen(texts) + 1;
        d->settings[d->n_settings++] = (pln_setting){.size = sizeof(pln_setting), .key = kept_key, .value = kept_value};
    }
    return PLN_OK;
}

static void finish_device(struct sched_device *d)
{
    sched_open_release(&d->open);
    free(d->settings);
    sched_entry_finish(&d->entry);
}

static pln_status ask_device(struct sched_device *d, pln_error *error)
{
    pln_device_description info;
    pln_status status = seam_device_info(&d->backend->seam, d->index, d->open ? &d->open->seam : NULL, &info, error);
    return status == PLN_OK ? sched_entry_describe(&d->entry, &info, error) : status;
}

static pln_status open_described(pln_devices *devices, struct sched_device *d, struct options *options, bool named,
                                 pln_error *error)
{
    pln_status status = ask_device(d, error);
    if (status == PLN_OK && d->entry.info.flags & PLN_DEVICE_FLAG_UNUSABLE)
        status = pln_fail(error, PLN_NO_DEVICE, "device %s cannot be used: %s", d->entry.name, d->entry.info.reason);
    if (status == PLN_OK)
        status = take_settings(d, options, named, error);
    if (status == PLN_OK)
        status = sched_open_create(devices, d, &d->open, error);
    return status == PLN_OK ? ask_device(d, error) : status;
}

/* Adds the device and opens it with the options that it knows. */
static pln_status open_device(pln_devices *devices, const struct sched_backend *backend, uint32_t index,
                              const char *name, struct options *options, bool named, pln_error *error)
{
    struct sched_device *list = array_reserve(devices->devices, &devices->room, devices->n + 1ul, sizeof *list);
    if (!list)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for device %s", name);
    devices->devices = list;
    struct sched_device *d = &list[devices->n];
    *d = (struct sched_device){.backend = backend, .index = index};
    snprintf(d->entry.name, sizeof d->entry.name, "%s", name);
    snprintf(d->entry.backend, sizeof d->entry.backend, "%s", backend->name);
    snprintf(d->entry.backend_version, sizeof d->entry.backend_version, "%s", backend->seam.table.version);
    const pln_status status = open_described(devices, d, options, named, error);
    if (status != PLN_OK) {
        finish_device(d);
        return status;
    }
    d->open->alone = !(d->entry.info.flags & PLN_DEVICE_FLAG_CONCURRENT);
    d->domain = sched_on_host(d) ? 0 : devices->n_domains++;
    devices->n++;
    return PLN_OK;
}

/* One name of the list: "cpu", "vulkan:1". */
static pln_status open_name(pln_devices *devices, const char *name, struct options *options, bool named,
                            pln_error *error)
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
        status = seam_device_count(&backend->seam, &n, error);
    if (status != PLN_OK)
        return status;
    if (index >= n)
        return pln_fail(error, PLN_NO_DEVICE, "no device %s: backend %s has %u", name, backend_name, n);
    return open_device(devices, backend, (uint32_t)index, name, options, named, error);
}

static bool is_usable(const pln_device_entry *entry)
{
    return !(entry->info.flags & PLN_DEVICE_FLAG_UNUSABLE);
}

/* The first usable device of that kind (0: any) of one of our backends; NULL if there is none. Asks no other backend. */
static const char *find_usable(pln_runtime *runtime, const char *backend, uint32_t kind)
{
    const pln_device_entry *const *entries;
    uint32_t n = 0;
    if (!sched_backend_find(runtime, backend) ||
        pln_runtime_backend_devices(runtime, backend, &entries, &n, NULL) != PLN_OK)
        return NULL;
    for (uint32_t i = 0; i < n; i++)
        if (is_usable(entries[i]) && (!kind || entries[i]->info.kind == kind))
            return entries[i]->name;
    return NULL;
}

/* Only what may come out of it is asked: GPUs of our own backends, then cpu. What others offer, and devices of other
 * kinds, are taken when they are named. */
static const char *choose_auto(pln_runtime *runtime)
{
    static const struct {
        const char *backend;
        uint32_t kind;
    } wanted[] = {{"vulkan", PLN_DEVICE_KIND_DISCRETE},
                  {"opencl", PLN_DEVICE_KIND_DISCRETE},
                  {"vulkan", PLN_DEVICE_KIND_INTEGRATED},
                  {"opencl", PLN_DEVICE_KIND_INTEGRATED},
                  {"cpu", 0}};
    const char *name = NULL;
    for (size_t i = 0; !name && i < sizeof wanted / sizeof *wanted; i++)
        name = find_usable(runtime, wanted[i].backend, wanted[i].kind);
    return name ? name : "reference";
}

pln_status pln_runtime_auto(pln_runtime *runtime, const char **name, pln_error *error)
{
    NEED(error, runtime, name);
    pthread_mutex_lock(&runtime->lock);
    *name = choose_auto(runtime);
    pthread_mutex_unlock(&runtime->lock);
    return PLN_OK;
}

static pln_status open_all(pln_devices *devices, struct options *options, pln_error *error)
{
    const pln_device_entry *const *entries;
    uint32_t n;
    pln_status status = pln_runtime_devices(devices->runtime, &entries, &n, error);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++)
        if (is_usable(entries[i]))
            status = open_name(devices, entries[i]->name, options, false, error);
    return status;
}

static pln_status open_list(pln_devices *devices, const char *list, struct options *options, pln_error *error)
{
    if (strcmp(list, "auto") == 0)
        return open_name(devices, choose_auto(devices->runtime), options, false, error);
    if (strcmp(list, "all") == 0)
        return open_all(devices, options, error);
    char name[64];
    pln_status status = PLN_OK;
    for (const char *s = list; status == PLN_OK; s++) {
        const size_t n = strcspn(s, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, s);
        status = open_name(devices, name, options, false, error);
        s += n;
        if (!*s)
            break;
    }
    return status;
}

static bool has_backend(const pln_devices *devices, const char *backend)
{
    for (uint32_t i = 0; i < devices->n; i++)
        if (strcmp(devices->devices[i].entry.backend, backend) == 0)
            return true;
    return false;
}

/* What no chosen device takes goes to cpu if it is there, else to reference. Options are for cpu only by its name. */
static pln_status open_fallbacks(pln_devices *devices, struct options *options, pln_error *error)
{
    pln_status status = PLN_OK;
    if (!has_backend(devices, "cpu") && find_usable(devices->runtime, "cpu", 0))
        status = open_name(devices, "cpu", options, true, error);
    return status == PLN_OK ? open_name(devices, "reference", options, false, error) : status;
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
    pthread_mutex_init(&d->open_lock, NULL);
    d->n_domains = 1;
    struct options o = {.texts = options, .n = n_options};
    pln_status status = open_list(d, list ? list : "auto", &o, error);
    d->n_listed = d->n;
    if (status == PLN_OK && !has_backend(d, "reference"))
        status = open_fallbacks(d, &o, error);
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
    for (uint32_t i = 0; i < d->n; i++)
        finish_device(&d->devices[i]);
    pthread_mutex_destroy(&d->constants_lock);
    pthread_mutex_destroy(&d->open_lock);
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
