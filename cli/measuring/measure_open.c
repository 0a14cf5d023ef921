/* SPDX-License-Identifier: Apache-2.0
 *
 * Opens and closes a row: what happens in its process, and the process itself.
 */
#include "cli/measuring/measure.h"

#include <stdlib.h>
#include <string.h>

/* ---- in the row's process */

/* The options of the row, the last of a key is the one that counts; settings keep what is made of --each. */
static uint32_t join_options(const struct measured_device *d, char settings[MEASURE_EACH][72], uint32_t *threads,
                             const char *options[MEASURE_OPTIONS_GIVEN + MEASURE_EACH])
{
    const struct measure *m = d->measure;
    const struct cli_list *given = &m->options->common.device_options;
    uint32_t n = 0;
    *threads = m->options->common.threads;
    if (d->place.fixed) {
        options[0] = d->place.fixed;
        return 1;
    }
    for (uint32_t i = 0; i < given->n; i++)
        if (d->place.options >> i & 1)
            options[n++] = given->items[i];
    for (uint32_t i = 0; i < m->n_each; i++) {
        const char *key = m->each[i].key, *value = m->each[i].values[d->place.values[i]];
        snprintf(settings[i], sizeof *settings, "%s=%s", key, value);
        if (!(d->place.takes >> i & 1))
            continue;
        if (strcmp(key, "threads") == 0)
            *threads = (uint32_t)strtoul(value, NULL, 10);
        else
            options[n++] = settings[i];
    }
    return n;
}

/* What the options make of the weights of products, as they are read by the device: a constant, since options of a row
 * are not kept. */
static const char *dtype_of(const pln_device_info *info, const char *const *options, uint32_t n)
{
    const char *math = cli_math_of(options, n), *storage = "f32";
    for (uint32_t i = 0; i < n; i++) {
        const char *option = cli_setting_of(options[i]);
        if (strncmp(option, "storage=", 8) == 0 || strcmp(option, "matrix=yes") == 0)
            storage = strcmp(option, "storage=f32") == 0 ? "f32" : "f16";
    }
    if (info->f32_bytes == 8)
        return "f64";
    return strcmp(math, "f32") != 0 ? math : storage;
}

pln_status measure_create_session(const struct measured_device *d, bool trace, pln_session **session, pln_error *error)
{
    const struct cli_common *common = &d->measure->options->common;
    pln_schedule_options schedule = {.size = sizeof schedule, .timed = d->measure->options->timed};
    const pln_session_options options = {
        .size = sizeof options, .trace = trace, .schedule = &schedule, .semantics = common->semantics};
    if (!d->place.fixed) {
        schedule.place = common->place.items;
        schedule.n_place = common->place.n;
        schedule.no_fallback = common->no_fallback;
    }
    return pln_session_create(d->model, d->devices, &options, session, error);
}

static pln_status open_here(void *context, void *argument, pln_error *error)
{
    struct measured_device *d = context;
    struct measured_facts *facts = argument;
    char settings[MEASURE_EACH][72];
    const char *options[MEASURE_OPTIONS_GIVEN + MEASURE_EACH];
    uint32_t threads;
    const uint32_t n = join_options(d, settings, &threads, options);
    const pln_model_options model = cli_model_options(&d->measure->options->common);
    pln_status status = cli_create_runtime(threads, &d->runtime, error);
    if (status == PLN_OK)
        status = pln_model_open(d->runtime, d->measure->directory, &model, &d->model, error);
    if (status == PLN_OK)
        status = pln_devices_open(d->runtime, d->place.device, options, n, &d->devices, error);
    if (status == PLN_OK)
        status = measure_create_session(d, false, &d->session, error);
    if (status != PLN_OK)
        return status;
    const pln_device_info *info = &pln_devices_entry(d->devices, 0)->info;
    facts->dtype = dtype_of(info, options, n);
    facts->kind = info->kind;
    facts->threads = info->flags & PLN_DEVICE_FLAG_HOST_MEMORY ? pln_runtime_threads(d->runtime) : 0;
    facts->weight_bytes = cli_weight_bytes(d->model) * cli_weight_share(facts->dtype);
    snprintf(facts->name, sizeof facts->name, "%s", info->name);
    snprintf(facts->driver, sizeof facts->driver, "%s", info->driver);
    snprintf(facts->version, sizeof facts->version, "%s", info->version);
    d->facts = *facts;
    return PLN_OK;
}

static pln_status close_here(void *context, void *argument, pln_error *error)
{
    (void)argument, (void)error;
    struct measured_device *d = context;
    cli_batch_finish(&d->input);
    pln_session_destroy(&d->session);
    pln_devices_close(&d->devices);
    pln_model_close(&d->model);
    pln_runtime_destroy(&d->runtime);
    return PLN_OK;
}

/* ---- from outside */

pln_status measure_open_row(const struct measure *m, struct measured_device *d, pln_error *error)
{
    d->measure = m;
    if (measure_is_lost(d))
        return PLN_OK;
    cli_wait_begin(false, "opening %s", d->place.label);
    pln_status status = worker_start(&d->worker, d, error);
    if (status == PLN_OK)
        status = measure_ask(d, open_here, &d->facts, sizeof d->facts, error);
    cli_wait_end();
    return status;
}

double measure_close_row(struct measured_device *d)
{
    pln_error error;
    char nothing = 0;
    if (d->worker.pid && !cli_interrupted())
        worker_ask(&d->worker, close_here, &nothing, sizeof nothing, &error);
    return worker_end(&d->worker);
}

pln_status measure_open(struct measure *m, const struct measure_options *options, const char *directory,
                        pln_error *error)
{
    pln_status status = measure_list(m, options, directory, error);
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < m->n; i++)
        status = measure_open_row(m, &m->devices[i], error);
    return status;
}

void measure_close(struct measure *m)
{
    for (uint32_t i = 0; i < m->n; i++)
        measure_close_row(&m->devices[i]);
    free(m->devices);
    *m = (struct measure){0};
}
