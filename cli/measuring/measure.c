/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices take turns, so that what else happens on the machine strikes all alike.
 */
#include "cli/measuring/measure.h"

#include <stdlib.h>
#include <string.h>

/* ---- asking */

bool measure_is_lost(const struct measured_device *d)
{
    return d->lost.status != PLN_OK;
}

void measure_lose(struct measured_device *d, const pln_error *why)
{
    d->lost = *why;
    cli_line_hide();
    fprintf(stderr, "pleione: %s: %s\n", d->place.label, why->message);
    worker_end(&d->worker);
}

pln_status measure_ask(struct measured_device *d, worker_task *task, void *argument, size_t bytes, pln_error *error)
{
    if (measure_is_lost(d))
        return PLN_OK;
    const pln_status status = worker_ask(&d->worker, task, argument, bytes, error);
    if (status == PLN_OK || status == PLN_INVALID || status == PLN_BAD_MODEL || cli_interrupted())
        return status;
    measure_lose(d, error);
    return PLN_OK;
}

int measure_lost_code(const struct measure *m)
{
    for (uint32_t i = 0; i < m->n; i++)
        if (measure_is_lost(&m->devices[i]))
            return cli_exit_code(m->devices[i].lost.status);
    return 0;
}

/* ---- batches */

struct given {
    const struct cli_list *texts;
    struct cli_shape shape;
    struct measured_batch batch;
};

static pln_status take_batch(void *context, void *argument, pln_error *error)
{
    struct measured_device *d = context;
    struct given *given = argument;
    struct cli_batch *b = &d->input;
    cli_batch_finish(b);
    const pln_status status =
        given->texts ? cli_batch_texts(b, d->model, given->texts, error)
                     : cli_batch_random(b, given->shape, d->model, d->measure->options->common.seed, error);
    if (status != PLN_OK)
        return status;
    given->batch = (struct measured_batch){.batch = b->batch,
                                           .length = b->length,
                                           .n_tokens = (uint32_t)cli_batch_tokens(b),
                                           .flops = cli_batch_flops(b, d->model)};
    cli_batch_shape(b, given->batch.shape, sizeof given->batch.shape);
    return PLN_OK;
}

pln_status measure_give_row(struct measure *m, struct measured_device *d, const struct cli_list *texts,
                            struct cli_shape shape, pln_error *error)
{
    struct given given = {.texts = texts && texts->n ? texts : NULL, .shape = shape};
    const pln_status status = measure_ask(d, take_batch, &given, sizeof given, error);
    if (status == PLN_OK && !measure_is_lost(d))
        m->batch = given.batch;
    return status;
}

pln_status measure_give(struct measure *m, const struct cli_list *texts, struct cli_shape shape, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < m->n; i++)
        status = measure_give_row(m, &m->devices[i], texts, shape, error);
    return status;
}

/* ---- times */

static pln_status run_once(void *context, void *argument, pln_error *error)
{
    const struct measured_device *d = context;
    double *seconds = argument;
    const pln_tensor *outputs;
    uint32_t n;
    const double begin = cli_seconds();
    const pln_status status = pln_session_forward(d->session, d->input.tensors, 2, &outputs, &n, error);
    *seconds = cli_seconds() - begin;
    return status;
}

static int by_time(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

pln_status measure_run(struct measure *m, double seconds, pln_error *error)
{
    enum { LEAST = 3 };
    pln_status status = PLN_OK;
    double spent[MEASURE_DEVICES] = {0};
    for (uint32_t i = 0; status == PLN_OK && i < m->n; i++) {
        m->devices[i].n = 0;
        cli_wait_begin(false, "first run of %s, %s", m->devices[i].place.label, m->batch.shape);
        status = measure_ask(&m->devices[i], run_once, &m->devices[i].first, sizeof m->devices[i].first, error);
    }
    cli_wait_begin(false, "timing %s on %u device%s", m->batch.shape, m->n, m->n == 1 ? "" : "s");
    for (bool more = true; status == PLN_OK && more && !cli_interrupted();) {
        more = false;
        for (uint32_t i = 0; status == PLN_OK && i < m->n; i++) {
            struct measured_device *d = &m->devices[i];
            if (measure_is_lost(d) || d->n >= MEASURE_TIMES || (d->n >= LEAST && spent[i] >= seconds))
                continue;
            cli_wait_tick();
            status = measure_ask(d, run_once, &d->times[d->n], sizeof d->times[d->n], error);
            if (status != PLN_OK || measure_is_lost(d))
                continue;
            spent[i] += d->times[d->n++];
            more = true;
        }
    }
    cli_wait_end();
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
        if (!measure_is_lost(&m->devices[i]))
            least = least == 0 || time < least ? time : least;
    }
    return least;
}

/* ---- tables */

void measure_widen(const struct measure *m, struct table *t)
{
    struct table_column *column = &t->columns[table_find(t, "device")];
    for (uint32_t i = 0; i < m->n; i++) {
        const uint32_t width = (uint32_t)strlen(m->devices[i].place.label);
        column->width = width > column->width ? width : column->width;
    }
}

void measure_add_lost(struct table *t, const struct measure *m, const struct measured_device *d)
{
    char why[sizeof d->lost.message + 8];
    snprintf(why, sizeof why, "lost: %s", d->lost.message);
    table_add_row(t);
    table_set_text(t, "device", d->place.label);
    table_set_text(t, "shape", *m->batch.shape ? m->batch.shape : "-");
    table_set_text(t, "verdict", why);
}
