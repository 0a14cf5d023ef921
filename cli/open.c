/* SPDX-License-Identifier: Apache-2.0
 *
 * Opens what a command runs on, and says on stderr what the library logs.
 */
#define _DEFAULT_SOURCE /* unsetenv */
#include <stdlib.h>

#include "cli/worker.h"

void cli_log(void *context, pln_log_level level, const char *message)
{
    (void)context;
    static const char *const names[] = {"", "error: ", "warning: ", "", ""};
    if (level <= PLN_LOG_INFO && !worker_has_said(message))
        fprintf(stderr, "pleione: %s%s\n", names[level], message);
}

int cli_exit_code(pln_status status)
{
    switch (status) {
    case PLN_UNSUPPORTED:
        return PLN_NO_DEVICE; /* no chosen device takes the node */
    case PLN_DEVICE_LOST:
        return PLN_FAILED;
    default:
        return (int)status;
    }
}

pln_status cli_misfit(pln_error *error)
{
    if (error->status == PLN_UNSUPPORTED)
        error->status = PLN_BAD_MODEL;
    return error->status;
}

int cli_fail(const pln_error *error)
{
    fprintf(stderr, "pleione: %s\n", error->message);
    return cli_exit_code(error->status);
}

/* XDG's specification says that a relative path is to be ignored. Drivers do not: they would write into the working
 * directory. */
static void drop_relative_cache(void)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    if (!cache || !*cache || *cache == '/')
        return;
    cli_log(NULL, PLN_LOG_WARNING, "XDG_CACHE_HOME is no absolute path and is ignored");
    unsetenv("XDG_CACHE_HOME");
}

pln_status cli_create_runtime(uint32_t threads, pln_runtime **runtime, pln_error *error)
{
    const pln_runtime_options options = {.threads = threads, .log = cli_log};
    drop_relative_cache();
    return pln_runtime_create(&options, runtime, error);
}

pln_status cli_open_runtime(const struct cli_common *common, pln_runtime **runtime, pln_error *error)
{
    cli_choose_device(common); /* while there is one thread */
    return cli_create_runtime(common->threads, runtime, error);
}

pln_status cli_open_devices(const struct cli_common *common, struct cli_model *m, pln_error *error)
{
    pln_status status = m->runtime ? PLN_OK : cli_open_runtime(common, &m->runtime, error);
    if (status == PLN_OK && !m->devices)
        status = pln_devices_open(m->runtime, cli_choose_device(common), common->device_options.items,
                                  common->device_options.n, &m->devices, error);
    return status;
}

pln_status cli_open_model(const struct cli_common *common, const char *directory, bool without_weights,
                          struct cli_model *m, pln_error *error)
{
    const pln_model_options options = {.seed = common->seed, .without_weights = without_weights};
    pln_status status = m->runtime ? PLN_OK : cli_open_runtime(common, &m->runtime, error);
    if (status == PLN_OK && !m->model)
        status = pln_model_open(m->runtime, directory, &options, &m->model, error);
    return status;
}

pln_status cli_open(const struct cli_common *common, const char *directory, pln_session_options options,
                    struct cli_model *m, pln_error *error)
{
    options.schedule.place = common->place.items;
    options.schedule.n_place = common->place.n;
    options.schedule.no_fallback = common->no_fallback;
    pln_status status = cli_open_devices(common, m, error);
    if (status == PLN_OK)
        status = cli_open_model(common, directory, false, m, error);
    if (status == PLN_OK)
        status = pln_session_create(m->model, m->devices, &options, &m->session, error);
    return status;
}

void cli_close(struct cli_model *m)
{
    pln_session_destroy(&m->session);
    pln_model_close(&m->model);
    pln_devices_close(&m->devices);
    pln_runtime_destroy(&m->runtime);
}
