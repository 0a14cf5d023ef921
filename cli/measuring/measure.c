/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices take turns, so that what else happens on the machine strikes all alike.
 */
#include "cli/measuring/measure.h"

#include <stdlib.h>
#include <string.h>

#include "cli/measuring/energy.h"
#include "cli/measuring/pin.h"
#include "cli/measuring/sort.h"

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

static pln_status warm_up(void *context, void *argument, pln_error *error)
{
    const double *seconds = argument, end = cli_seconds() + *seconds;
    double taken;
    pln_status status = PLN_OK;
    while (status == PLN_OK && cli_seconds() < end)
        status = run_once(context, &taken, error);
    return status;
}

static pln_status pin_or_release(void *context, void *argument, pln_error *error)
{
    (void)context;
    const bool *pin = argument;
    return *pin ? pin_threads(error) : pin_release(error);
}

/* Drivers bring threads of their own, which are theirs. */
static pln_status pin_all(struct measure *m, bool pin, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; m->options->pin && status == PLN_OK && i < m->n; i++)
        if (m->devices[i].facts.threads)
            status = measure_ask(&m->devices[i], pin_or_release, &pin, sizeof pin, error);
    return status;
}

/* Once, which makes threads and compiles kernels, then again and again. */
static pln_status run_before(struct measure *m, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < m->n; i++) {
        struct measured_device *d = &m->devices[i];
        d->n = 0;
        d->joules = 0;
        cli_wait_begin(false, "first run of %s, %s", d->place.label, m->batch.shape);
        status = measure_ask(d, run_once, &d->first, sizeof d->first, error);
    }
    if (status == PLN_OK)
        status = pin_all(m, true, error);
    double seconds = m->options->warm_up;
    for (uint32_t i = 0; seconds > 0 && status == PLN_OK && !cli_interrupted() && i < m->n; i++) {
        cli_wait_begin(false, "warming up %s", m->devices[i].place.label);
        status = measure_ask(&m->devices[i], warm_up, &seconds, sizeof seconds, error);
    }
    return status;
}

pln_status measure_run(struct measure *m, double seconds, pln_error *error)
{
    const uint32_t least = m->options->least ? m->options->least : 3;
    struct energy energy;
    double spent[MEASURE_DEVICES] = {0};
    energy_init(&energy, ENERGY_FOLDER);
    pln_status status = run_before(m, error);
    cli_wait_begin(false, "timing %s on %u device%s", m->batch.shape, m->n, m->n == 1 ? "" : "s");
    for (bool more = true; status == PLN_OK && more && !cli_interrupted();) {
        more = false;
        for (uint32_t i = 0; status == PLN_OK && i < m->n; i++) {
            struct measured_device *d = &m->devices[i];
            if (measure_is_lost(d) || d->n >= MEASURE_TIMES || (d->n >= least && spent[i] >= seconds))
                continue;
            cli_wait_tick();
            energy_since(&energy);
            status = measure_ask(d, run_once, &d->times[d->n], sizeof d->times[d->n], error);
            if (status != PLN_OK || measure_is_lost(d))
                continue;
            d->joules += energy_since(&energy);
            spent[i] += d->times[d->n++];
            more = true;
        }
    }
    cli_wait_end();
    for (uint32_t i = 0; i < m->n; i++) {
        struct measured_device *d = &m->devices[i];
        memcpy(d->taken, d->times, d->n * sizeof *d->times);
        sort_times(d->times, d->n);
        d->joules /= d->n ? d->n : 1;
    }
    return status == PLN_OK && !cli_interrupted() ? pin_all(m, false, error) : status;
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
