/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices take turns, so that what else happens on the machine strikes all alike.
 */
#include "cli/measure.h"

#include <stdlib.h>
#include <string.h>

static pln_status open_device(struct measure *m, const struct cli_common *common, const char *name,
                              const char *directory, pln_session_options options, pln_error *error)
{
    if (m->n == MEASURE_DEVICES) {
        *error = (pln_error){.status = PLN_INVALID, .message = "too many devices side by side"};
        return PLN_INVALID;
    }
    struct measured_device *d = &m->devices[m->n++];
    struct cli_model one = {.runtime = m->runtime, .model = m->model};
    struct cli_common own = *common;
    own.device = name;
    const pln_status status = cli_open(&own, directory, options, &one, error);
    d->devices = one.devices;
    d->session = one.session;
    m->model = one.model;
    d->entry = status == PLN_OK ? pln_devices_entry(d->devices, 0) : NULL;
    return status;
}

/* An option for one backend must not be an error on the device beside it: each gets what it knows. */
static bool for_device(const char *option, const char *device)
{
    const char *dot = strchr(option, '.'), *equals = strchr(option, '=');
    const size_t n = strcspn(device, ":");
    return !dot || !equals || dot > equals || ((size_t)(dot - option) == n && strncmp(option, device, n) == 0);
}

static bool knows(const pln_device_info *info, const char *option)
{
    const char *dot = strchr(option, '.'), *equals = strchr(option, '=');
    const char *key = dot && equals && dot < equals ? dot + 1 : option;
    for (const pln_option_info *o = info->options; o && o->key; o++)
        if (equals && strlen(o->key) == (size_t)(equals - key) && strncmp(o->key, key, strlen(o->key)) == 0)
            return true;
    return false;
}

/* What of the options is for the device, which is opened to ask what it knows. */
static pln_status options_for(const struct measure *m, const struct cli_common *common, const char *name,
                              struct cli_common *own, bool *used, pln_error *error)
{
    *own = *common;
    own->device_options.n = 0;
    if (!common->device_options.n)
        return PLN_OK;
    pln_devices *devices;
    const pln_status status = pln_devices_open(m->runtime, name, NULL, 0, &devices, error);
    for (uint32_t i = 0; status == PLN_OK && i < common->device_options.n; i++) {
        const char *option = common->device_options.items[i];
        if (!for_device(option, name) || !knows(&pln_devices_entry(devices, 0)->info, option))
            continue;
        own->device_options.items[own->device_options.n++] = option;
        used[i] = true;
    }
    pln_devices_close(&devices);
    return status;
}

static pln_status open_name(struct measure *m, const struct cli_common *common, const char *name, const char *directory,
                            pln_session_options options, bool *used, pln_error *error)
{
    struct cli_common own;
    const pln_status status = options_for(m, common, name, &own, used, error);
    return status == PLN_OK ? open_device(m, &own, name, directory, options, error) : status;
}

static pln_status open_all(struct measure *m, const struct cli_common *common, const char *directory,
                           pln_session_options options, bool *used, pln_error *error)
{
    const pln_device_entry *entries;
    uint32_t n;
    pln_status status = pln_runtime_devices(m->runtime, &entries, &n, error);
    for (uint32_t i = 0; status == PLN_OK && i < n; i++)
        if (!(entries[i].info.flags & PLN_DEVICE_UNUSABLE))
            status = open_name(m, common, entries[i].name, directory, options, used, error);
    return status;
}

static pln_status open_list(struct measure *m, const struct cli_common *common, const char *directory,
                            pln_session_options options, bool *used, pln_error *error)
{
    if (!common->device || strcmp(common->device, "all") == 0)
        return open_all(m, common, directory, options, used, error);
    pln_status status = PLN_OK;
    for (const char *s = common->device; status == PLN_OK; s++) {
        char name[64];
        const size_t length = strcspn(s, ",");
        snprintf(name, sizeof name, "%.*s", (int)length, s);
        status = open_name(m, common, name, directory, options, used, error);
        s += length;
        if (!*s)
            break;
    }
    return status;
}

pln_status measure_open(struct measure *m, const struct cli_common *common, const char *directory,
                        pln_session_options options, pln_error *error)
{
    bool used[CLI_LIST] = {false};
    const pln_model_options model_options = {.seed = common->seed};
    pln_status status = cli_open_runtime(common, &m->runtime, error);
    m->devices = calloc(MEASURE_DEVICES, sizeof *m->devices);
    if (status == PLN_OK && !m->devices) {
        *error = (pln_error){.status = PLN_NO_MEMORY, .message = "no memory for the list of devices"};
        status = PLN_NO_MEMORY;
    }
    if (status == PLN_OK)
        status = pln_model_open(m->runtime, directory, &model_options, &m->model, error);
    if (status == PLN_OK)
        status = open_list(m, common, directory, options, used, error);
    for (uint32_t i = 0; status == PLN_OK && i < common->device_options.n; i++)
        if (!used[i]) {
            status = PLN_INVALID;
            error->status = status;
            snprintf(error->message, sizeof error->message, "no chosen device knows the option \"%s\"",
                     common->device_options.items[i]);
        }
    return status;
}

void measure_close(struct measure *m)
{
    for (uint32_t i = 0; i < m->n; i++) {
        pln_session_destroy(&m->devices[i].session);
        pln_devices_close(&m->devices[i].devices);
    }
    pln_model_close(&m->model);
    pln_runtime_destroy(&m->runtime);
    free(m->devices);
    *m = (struct measure){0};
}

static pln_status run_once(struct measured_device *d, const struct cli_batch *batch, pln_error *error)
{
    const pln_tensor *outputs;
    uint32_t n;
    const double begin = cli_seconds();
    const pln_status status = pln_session_forward(d->session, batch->tensors, 2, &outputs, &n, error);
    if (d->n < MEASURE_TIMES)
        d->times[d->n++] = cli_seconds() - begin;
    return status;
}

static int by_time(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

pln_status measure_run(struct measure *m, const struct cli_batch *batch, double seconds, pln_error *error)
{
    enum { LEAST = 3 };
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < m->n; i++) {
        m->devices[i].n = 0;
        status = run_once(&m->devices[i], batch, error); /* plans are made, weights packed, kernels compiled */
        m->devices[i].n = 0;
    }
    double spent[MEASURE_DEVICES] = {0};
    for (bool more = true; status == PLN_OK && more && !cli_interrupted();) {
        more = false;
        for (uint32_t i = 0; status == PLN_OK && i < m->n; i++) {
            struct measured_device *d = &m->devices[i];
            if (d->n >= MEASURE_TIMES || (d->n >= LEAST && spent[i] >= seconds))
                continue;
            status = run_once(d, batch, error);
            spent[i] += d->times[d->n - 1];
            more = true;
        }
    }
    for (uint32_t i = 0; i < m->n; i++)
        qsort(m->devices[i].times, m->devices[i].n, sizeof *m->devices[i].times, by_time);
    return status;
}

double measure_quantile(const struct measured_device *device, double share)
{
    return device->n ? device->times[(uint32_t)(share * (device->n - 1) + 0.5)] : 0;
}
