/* SPDX-License-Identifier: Apache-2.0
 *
 * The report for programs.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "conformance/report.h"

static json_t *text(const char *s)
{
    json_t *json = json_string(s);
    return json ? json : json_string("(no UTF-8)");
}

static json_t *count_json(const struct conf_count *c)
{
    const char *state = c->failed ? "failed" : c->passed ? "native" : c->refused ? "refused" : "not tried";
    json_t *json = json_pack("{s:s,s:i,s:i,s:i}", "state", state, "passed", (int)c->passed, "failed", (int)c->failed,
                             "refused", (int)c->refused);
    if (c->reason)
        json_object_set_new(json, "reason", text(c->reason));
    return json;
}

static json_t *rows_json(const struct conf_report *r)
{
    static const char *const types[CONF_TYPES] = {"f32", "f16", "bf16"};
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->n_rows; i++) {
        const struct conf_row *row = &r->rows[i];
        json_t *json = json_pack("{s:s,s:f}", "op", conf_op_name(row->op), "ulp", row->ulp);
        for (uint32_t t = 0; t < CONF_TYPES; t++)
            json_object_set_new(json, types[t], count_json(&row->types[t]));
        if (row->per_s > 0)
            json_object_set_new(json, row->flops ? "gflops" : "gbytes_per_s", json_real(row->per_s * 1e-9));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *levels_json(const struct conf_report *r)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < CONF_LEVELS; i++) {
        json_t *json = count_json(&r->levels[i]);
        json_object_set_new(json, "level", json_integer(i));
        json_object_set_new(json, "name", text(conf_level_names[i]));
        json_object_set_new(json, "reached", json_boolean(conf_report_reached(r, i)));
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *cases_json(const struct conf_report *r, bool done)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->suite->n; i++) {
        const struct conf_outcome *o = &r->suite->outcomes[i];
        if (o->done != done || (done && o->answer.verdict != CONF_FAILED))
            continue;
        json_array_append_new(list, json_pack("{s:i,s:o,s:o}", "level", (int)o->test.level, "name", text(o->test.name),
                                              "why", text(o->answer.why)));
    }
    return list;
}

static json_t *halves_json(const struct conf_report *r)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < r->hello->n_halves; i++)
        json_array_append_new(
            list, json_pack("{s:s,s:s}", "option", r->hello->halves[i].key, "type", r->hello->halves[i].value));
    return list;
}

bool conf_report_print_json(const struct conf_report *r)
{
    json_t *json =
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:i,s:i,s:i,s:o,s:o,s:o,s:o,s:i}", "plugin", text(r->plugin->path), "backend",
                  text(r->hello->backend), "name", text(r->hello->name), "driver", text(r->hello->driver), "version",
                  text(r->hello->version), "passed", (int)r->all.passed, "failed", (int)r->all.failed, "refused",
                  (int)r->all.refused, "levels", levels_json(r), "ops", rows_json(r), "failures", cases_json(r, true),
                  "not_run", cases_json(r, false), "exit", conf_report_code(r));
    json_object_set_new(json, "half_types", halves_json(r));
    char *line = json ? json_dumps(json, JSON_REAL_PRECISION(6)) : NULL;
    if (line)
        puts(line);
    free(line);
    json_decref(json);
    return line != NULL;
}
