/* SPDX-License-Identifier: Apache-2.0
 *
 * Opens what a command runs on.
 */
#include "cli/cli.h"

pln_status cli_open_runtime(const struct cli_common *common, pln_runtime **runtime, pln_error *error)
{
    cli_wait_begin(false, "looking for devices");
    cli_choose_device(common); /* while there is one thread */
    cli_wait_end();
    return cli_create_runtime(common->threads, runtime, error);
}

pln_status cli_open_devices(const struct cli_common *common, struct cli_model *m, pln_error *error)
{
    pln_status status = m->runtime ? PLN_OK : cli_open_runtime(common, &m->runtime, error);
    if (status == PLN_OK && !m->devices) {
        const char *list = cli_choose_device(common); /* before there is a thread that draws */
        cli_wait_begin(true, "opening %s", list);
        status = pln_devices_open(m->runtime, list, common->device_options.items, common->device_options.n, &m->devices,
                                  error);
        cli_wait_end();
    }
    return status;
}

pln_schedule_options cli_placement(const struct cli_common *common)
{
    return (pln_schedule_options){.size = sizeof(pln_schedule_options),
                                  .place = common->place.items,
                                  .n_place = common->place.n,
                                  .no_fallback = common->no_fallback,
                                  .on_loss = common->on_loss};
}

pln_model_options cli_model_options(const struct cli_common *common)
{
    return (pln_model_options){.size = sizeof(pln_model_options),
                               .seed = common->seed,
                               .weights = common->weights,
                               .part = common->part,
                               .heads = common->heads};
}

pln_status cli_open_model(const struct cli_common *common, const char *directory, bool without_weights,
                          struct cli_model *m, pln_error *error)
{
    pln_model_options options = cli_model_options(common);
    options.without_weights = without_weights;
    pln_status status = m->runtime ? PLN_OK : cli_open_runtime(common, &m->runtime, error);
    if (status == PLN_OK && !m->model) {
        cli_wait_begin(true, "reading %s", directory);
        status = pln_model_open(m->runtime, directory, &options, &m->model, error);
        cli_wait_end();
    }
    return status;
}

pln_status cli_open(const struct cli_common *common, const char *directory, const pln_session_options *options,
                    struct cli_model *m, pln_error *error)
{
    pln_schedule_options schedule = cli_placement(common);
    schedule.timed = options->schedule && options->schedule->timed;
    pln_session_options placed = *options;
    placed.schedule = &schedule;
    placed.semantics = common->semantics;
    pln_status status = cli_open_devices(common, m, error);
    if (status == PLN_OK)
        status = cli_open_model(common, directory, false, m, error);
    if (status == PLN_OK) {
        cli_wait_begin(true, "placing the model on %s", cli_choose_device(common));
        status = pln_session_create(m->model, m->devices, &placed, &m->session, error);
        cli_wait_end();
    }
    return status;
}

void cli_close(struct cli_model *m)
{
    pln_session_destroy(&m->session);
    pln_model_close(&m->model);
    pln_devices_close(&m->devices);
    pln_runtime_destroy(&m->runtime);
}
