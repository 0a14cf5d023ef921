/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON texts through jansson, with an honest answer when memory runs out.
 */
#ifndef COMMON_JSONTEXT_H
#define COMMON_JSONTEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "api/pleione_types.h"

/* As json_loadb: returns new, or NULL with *problem filled in. By itself jansson calls a text broken where it had no
 * memory for a string, and drops a byte of a string or a number, without a word, where it had none to read it. */
json_t *jsontext_load(const char *text, size_t bytes, size_t flags, json_error_t *problem);

/* As json_dumps: returns new (free), or NULL if there is no memory; jansson's own leaves out a key that it has no
 * memory for and goes on. */
char *jsontext_dump(const json_t *json, size_t flags);

/* Fills it in for a caller who had no memory himself. */
void jsontext_note_no_memory(json_error_t *problem);

/* Whether json_string takes a text: without this nobody could tell a text that is not UTF-8 from a lack of memory. */
bool jsontext_is_utf8(const char *text);

/* Whether a value is a whole number. One that has a fraction of zero is, however it is written. */
bool jsontext_is_whole(const json_t *value);

/* What a call that was refused with this problem comes to: PLN_NO_MEMORY, or PLN_BAD_MODEL for a broken text. */
pln_status jsontext_status(const json_error_t *problem);
#endif
