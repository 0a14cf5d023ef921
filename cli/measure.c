/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices take turns, so that what else happens on the machine strikes all alike.
 */
#include "cli/measure.h"

#include <stdlib.h>
#include <string.h>

static pln_status run_once(struct measured_device *d, const struct cli_batch *batch, double *seconds, pln_error *error)
{
    const pln_tensor *outputs;
    uint32_t n;
    const double begin = cli_seconds();
    const pln_status status = pln_session_forward(d->session, batch->tensors, 2, &outputs, &n, error);
    *seconds = cli_seconds() - begin;
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
    double spent[MEASURE_DEVICES] = {0};
    for (uint32_t i = 0; status == PLN_OK && i < m->n; i++) {
        m->devices[i].n = 0;
        status = run_once(&m->devices[i], batch, &m->devices[i].first, error);
    }
    for (bool more = true; status == PLN_OK && more && !cli_interrupted();) {
        more = false;
        for (uint32_t i = 0; status == PLN_OK && i < m->n; i++) {
            struct measured_device *d = &m->devices[i];
            if (d->n >= MEASURE_TIMES || (d->n >= LEAST && spent[i] >= seconds))
                continue;
            status = run_once(d, batch, &d->times[d->n], error);
            spent[i] += d->times[d->n++];
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

double measure_fastest(const struct measure *m, double share)
{
    double least = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        const double time = measure_quantile(&m->devices[i], share);
        least = i == 0 || time < least ? time : least;
    }
    return least;
}

void measure_widen(const struct measure *m, struct table *t)
{
    struct table_column *column = &t->columns[table_find(t, "device")];
    for (uint32_t i = 0; i < m->n; i++) {
        const uint32_t width = (uint32_t)strlen(m->devices[i].label);
        column->width = width > column->width ? width : column->width;
    }
}

uint32_t measure_threads(const struct measured_device *device)
{
    return device->entry->info.flags & PLN_DEVICE_HOST_MEMORY ? pln_runtime_threads(device->team->runtime) : 0;
}
