/* SPDX-License-Identifier: Apache-2.0
 *
 * Paths, folders that commands make, and files in them that are copied or looked at as bytes.
 */
#ifndef CLI_FOLDERS_H
#define CLI_FOLDERS_H

#include <limits.h>

#include "cli/cli.h"

/* PLN_FAILED: "path: what". */
pln_status cli_path_fail(pln_error *error, const char *path, const char *what);
/* folder/name; PLN_FAILED: it is too long. */
pln_status cli_path_join(const char *folder, const char *name, char path[PATH_MAX], pln_error *error);

/* With all folders above it that are not there. One that is there is left as it is; PLN_FAILED names what cannot be
 * made, or is no folder. */
pln_status cli_make_folder(const char *path, pln_error *error);
/* The folders above a path, for one who makes the last by himself. */
pln_status cli_make_parents(const char *path, pln_error *error);
void cli_remove_folder(const char *path); /* with all that is in it */
/* Folders that this process made by the two functions above, since it last kept them, are taken back: those that were
 * asked for with the files in them, those above only if they are empty. For a run that is refused after all. One
 * thread. */
void cli_undo_folders(void);
void cli_keep_folders(void);
/* PLN_FAILED if the file cannot be written, "path: what"; it is left as it is, or not there. */
pln_status cli_try_file(const char *path, pln_error *error);
/* Both are there and have the same bytes. */
bool cli_same_bytes(const char *a, const char *b);
/* Whole or not at all; one that has these bytes already is not touched. 0, or an exit code after a sentence. */
int cli_copy_file(const char *from, const char *to);
#endif
