/* SPDX-License-Identifier: Apache-2.0
 *
 * What "auto" is, by its name, for what commands say and for the processes of rows.
 */
#include <string.h>

#include "cli/cli.h"

const char *cli_choose_device(const struct cli_common *common)
{
    static char chosen[sizeof((pln_device_entry *)0)->name];
    pln_runtime *runtime = NULL;
    const char *name = "reference";
    pln_error error;
    if (common->device && strcmp(common->device, "auto") != 0)
        return common->device;
    if (*chosen)
        return chosen;
    if (cli_create_runtime(1, &runtime, &error) == PLN_OK)
        pln_runtime_auto(runtime, &name, &error);
    snprintf(chosen, sizeof chosen, "%s", name);
    pln_runtime_destroy(&runtime);
    return chosen;
}
