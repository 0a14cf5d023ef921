/* SPDX-License-Identifier: Apache-2.0
 *
 * What the program pleione-probe (probe_program.c) says of a plugin, as lines of JSON: {"at": ENTRY} before each entry that
 * it calls, at last {"answer": {...}} or {"refused": SENTENCE}.
 */
#ifndef SCHEDULER_PROBE_H
#define SCHEDULER_PROBE_H

#include <jansson.h>

#include "scheduler/scheduler.h"

#define PROBE_PROGRAM "pleione-probe"

/* Asks a plugin in a process of its own, or what is remembered of it. PLN_OK: *answer is new, {"name", "version",
 * "devices": [...], "files": [...]}; PLN_NO_DEVICE: the plugin is not to be loaded, the sentence says why; PLN_UNSUPPORTED:
 * there is no such program here, nobody knows. */
pln_status sched_probe(pln_runtime *runtime, const char *path, json_t **answer, pln_error *error);

/* ---- probe_memory.c */

/* What was remembered of a plugin that has not changed since, nor its drivers: new, {"answer"} or {"refused"}; NULL if
 * nothing is. */
json_t *probe_recall(const char *folder, const char *path);
void probe_remember(const char *folder, const char *path, const json_t *said);

/* ---- probe_text.c: a device as JSON and back, without free_bytes: what was free then is not what is free now */

json_t *probe_device_json(const pln_device_description *info);
/* settings: room for so many as the description has at most; texts are borrowed from the object. False: it is none. */
enum { PROBE_SETTINGS = 64 };
bool probe_device_read(const json_t *object, pln_device_description *info, pln_setting_info *settings);
#endif
