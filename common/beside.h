/* SPDX-License-Identifier: Apache-2.0
 *
 * What is installed beside the library and found at run time: plugins, and programs that it starts.
 */
#ifndef COMMON_BESIDE_H
#define COMMON_BESIDE_H

#include <stdbool.h>
#include <stddef.h>

/* Folders of plugins and programs, separated by ':', beside those that are installed. */
#define BESIDE_PATH "PLEIONE_BACKEND_PATH"

/* The folder of the library itself; false if the system does not tell. */
bool beside_library(char *folder, size_t bytes);

/* Why what lies in a folder that the user names is not run, or NULL: code that others put there would run as the
 * user's. */
const char *beside_refusal(const char *folder);

/* The path of a program: beside the library (in `built`, a folder of the build tree, when run from there), else in the
 * folders of BESIDE_PATH that are not refused. False: there is none. */
bool beside_find(const char *name, const char *built, char *path, size_t bytes);
#endif
