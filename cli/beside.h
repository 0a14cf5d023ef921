/* SPDX-License-Identifier: Apache-2.0
 *
 * What comes with the command: beside it in the build folder, or where it was installed.
 */
#ifndef CLI_BESIDE_H
#define CLI_BESIDE_H

#include "cli/cli.h"

enum { CLI_BESIDE_BYTES = 8192 };

/* Writes the path of the first that can be accessed so (R_OK, X_OK) of FOLDER/NAME, folders being seen from the
 * command's own; else that of the last. False: there is none. */
bool cli_find_beside(const char *const *folders, size_t n_folders, const char *name, int access_mode,
                     char path[CLI_BESIDE_BYTES]);
#endif
