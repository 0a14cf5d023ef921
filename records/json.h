/* SPDX-License-Identifier: Apache-2.0
 *
 * A JSON text of people through jansson, with its numbers as they stand: jansson is given where they stand instead.
 */
#ifndef RECORDS_JSON_H
#define RECORDS_JSON_H

#include <jansson.h>

#include "api/pleione_rows.h"
#include "records/quote.h"

struct records_json { /* zero is empty */
    const char *text; /* borrows; a zero byte stands behind it; numbers point there */
    json_t *tree;
    struct records_text rewritten;
};

/* PLN_INVALID: a sentence about "the row" without its place: broken, nested too deep, too many values, a name that
 * stands twice. PLN_NO_MEMORY. What was there before is freed. */
pln_status records_json_parse(struct records_json *json, const char *text, size_t bytes, pln_error *error);
void records_json_finish(struct records_json *json);

/* A string, number or boolean as text, which lives as long as json; text NULL: it is something else. */
pln_text records_json_text(const struct records_json *json, const json_t *value);
/* Whether it is a list of such texts. */
bool records_json_is_list(const struct records_json *json, const json_t *value);
/* The value as JSON again, its numbers as they stood. False: no memory. */
bool records_json_write(const struct records_json *json, const json_t *value, struct records_text *out);
#endif
