/* SPDX-License-Identifier: Apache-2.0
 *
 * A runtime as every process of the command has it: what it logs is said on stderr.
 */
#define _DEFAULT_SOURCE /* unsetenv */
#include <stdlib.h>
#include <string.h>

#include "cli/worker.h"

void cli_log(void *context, pln_log_level level, const char *message)
{
    (void)context;
    static const char *const names[] = {"", "error: ", "warning: ", "", ""};
    if (level > PLN_LOG_LEVEL_INFO || worker_has_said(message))
        return;
    cli_line_hide();
    fprintf(stderr, "pleione: %s%s\n", names[level], message);
}

/* XDG's specification says that a relative path is to be ignored. Drivers do not: they would write into the working
 * directory. */
static void drop_relative_cache(void)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    if (!cache || !*cache || *cache == '/')
        return;
    cli_log(NULL, PLN_LOG_LEVEL_WARNING, "XDG_CACHE_HOME is no absolute path and is ignored");
    unsetenv("XDG_CACHE_HOME");
}

/* What takes long before anything comes: of a run that is repeated, its steps are no news. */
static bool go_on(void *context, const char *what, uint64_t done, uint64_t total)
{
    (void)context;
    if (strcmp(what, "running") != 0)
        cli_wait_tell(what, done, total);
    return !cli_cancelled();
}

pln_status cli_create_runtime(uint32_t threads, pln_runtime **runtime, pln_error *error)
{
    const pln_runtime_options options = {.size = sizeof options,
                                         .threads = threads,
                                         .log = cli_log,
                                         .progress = go_on,
                                         .faults = getenv("PLEIONE_FAULTS")};
    drop_relative_cache();
    return pln_runtime_create(&options, runtime, error);
}
