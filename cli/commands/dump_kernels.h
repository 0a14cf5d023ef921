/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione devices --dump-kernels.
 */
#ifndef CLI_COMMANDS_DUMP_KERNELS_H
#define CLI_COMMANDS_DUMP_KERNELS_H

#include "cli/cli.h"

/* Writes the programs that a device can be asked for at the sizes of ELECTRA-small and -base into a folder, which is made:
 * OP-....spv or OP-....cl, with OP-....json beside it. options: of the device. PLN_FAILED names the file. */
pln_status cli_dump_kernels(pln_runtime *runtime, const pln_device_entry *device, const struct cli_list *options,
                            const char *folder, pln_error *error);
#endif
