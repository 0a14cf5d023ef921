/* SPDX-License-Identifier: Apache-2.0
 *
 * The line that a call of bench leaves.
 */
#include <time.h>

#include "cli/measuring/history.h"
#include "cli/measuring/machine.h"

#include <string.h>

static json_t *text_list(const struct cli_list *list)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < list->n; i++)
        cli_append_json(all, cli_json_text(list->items[i], strlen(list->items[i])));
    return all;
}

static json_t *now(void)
{
    char text[32];
    struct tm parts;
    const time_t seconds = time(NULL);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
    return json_string(text);
}

/* Without the folders that lead to it. */
static json_t *model_name(const char *directory)
{
    size_t end = strlen(directory);
    while (end > 1 && directory[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin && directory[begin - 1] != '/')
        begin--;
    return cli_json_text(directory + begin, end - begin);
}

json_t *history_line(const struct measure_options *o, const char *directory, double seconds)
{
    const struct cli_common *c = &o->common;
    json_t *settings =
        json_pack("{s:o, s:o, s:b, s:b, s:i}", "device_options", text_list(&c->device_options), "place",
                  text_list(&c->place), "no_fallback", c->no_fallback, "pin", o->pin, "semantics", (int)c->semantics);
    json_t *options =
        json_pack("{s:s?, s:i, s:I, s:o, s:f, s:f}", "devices", c->device, "threads", (int)c->threads, "seed",
                  (json_int_t)c->seed, "each", text_list(&o->each), "seconds", seconds, "warm_up", o->warm_up);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:[]}", "time", now(), "versions", machine_versions(), "machine",
                     machine_describe(), "model", model_name(directory), "settings", settings, "options", options,
                     "rows");
}

bool history_add(json_t *line, const struct speed *s, uint32_t i, const struct roof roofs[2])
{
    const struct measured_device *d = &s->measure.devices[i];
    const struct measured_batch *b = &s->measure.batch;
    const char *bound;
    json_t *seconds = json_array();
    roof_share(&s->roofs[i], d, b, 1, &bound);
    for (uint32_t j = 0; j < d->n; j++)
        json_array_append_new(seconds, json_real(d->taken[j]));
    json_t *row = json_pack("{s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:i, s:i, s:f, s:[f, f], s:[f, f], s:f, s:o, s:o}",
                            "device", cli_json_text(d->place.label, strlen(d->place.label)), "name",
                            cli_json_text(d->facts.name, strlen(d->facts.name)), "driver",
                            cli_json_text(d->facts.driver, strlen(d->facts.driver)), "driver_version",
                            cli_json_text(d->facts.version, strlen(d->facts.version)), "dtype", d->facts.dtype, "shape",
                            b->shape, "bound", bound, "threads", (int)d->facts.threads, "tokens", (int)b->n_tokens,
                            "flops", b->flops, "roof_gflops", roofs[0].gflops, roofs[1].gflops, "roof_gbytes_per_s",
                            roofs[0].gbytes, roofs[1].gbytes, "first", d->first, "joules",
                            d->joules > 0 ? json_real(d->joules) : json_null(), "seconds", seconds);
    return row && json_array_size(seconds) == d->n && json_array_append_new(json_object_get(line, "rows"), row) == 0;
}
