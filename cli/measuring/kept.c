/* SPDX-License-Identifier: Apache-2.0
 *
 * From times to a line of a file, and from two such files to verdicts.
 */
#include "cli/measuring/kept.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/measuring/bench.h"
#include "cli/measuring/energy.h"
#include "cli/measuring/sort.h"

static const struct table_column always[] = {
    {.key = "outliers", .title = "outliers", .type = TABLE_COUNT, .rank = 8},
};
static const struct table_column with_energy[] = {
    {.key = "joules", .title = "energy", .unit = "J", .type = TABLE_NUMBER, .digits = 3, .rank = 7},
};
static const struct table_column with_against[] = {
    {.key = "ratio", .title = "time by before", .type = TABLE_NUMBER, .digits = 3},
    {.key = "ratio_low", .title = "from", .type = TABLE_NUMBER, .digits = 3},
    {.key = "ratio_high", .title = "to", .type = TABLE_NUMBER, .digits = 3},
    {.key = "against", .title = "against", .judges = true},
    {.key = "covers", .title = "interval over", .rank = 9},
};
#define COUNT(list) ((uint32_t)(sizeof(list) / sizeof *(list)))

static pln_status no_memory(pln_error *error)
{
    *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory for the times"};
    return PLN_NO_MEMORY;
}

static pln_status no_row(const struct kept *k, pln_error *error)
{
    *error = (pln_error){.status = PLN_INVALID, .node = -1};
    snprintf(error->message, sizeof error->message,
             "%.200s has none of these rows: same processor, model, settings, device, type, threads and shape",
             k->against);
    return PLN_INVALID;
}

/* ---- options */

void kept_options(struct kept *k, struct cli_options *options)
{
    const struct cli_option own[] = {
        {"--save", CLI_TEXT, &k->save, "FILE.jsonl", "appends a line: machine, versions, options, every time"},
        {"--against", CLI_TEXT, &k->against, "FILE.jsonl",
         "of --save: faster, slower or the same, and how surely; exit code 7 when slower"},
        {"--tolerance", CLI_AMOUNT, &k->percent, "PERCENT",
         "that --against forgives: less than that much slower, it ends with 0 (default 5)"},
        {"--from", CLI_TEXT, &k->from, "FILE.jsonl",
         "measures nothing, and takes no MODEL: the newest call of this file, and those of the same build, --against "
         "another file, or against the build before it in the same file"},
    };
    k->percent = 5;
    cli_add_options(options, own, COUNT(own));
}

const char *kept_wrong(const struct kept *k, bool times)
{
    if ((k->save || k->against || k->from) && !times)
        return "--save, --against and --from are for the times of bench alone";
    return k->from && (!k->against || k->save) ? "--from goes with --against, and not with --save" : NULL;
}

/* ---- times of this call */

pln_status kept_begin(struct kept *k, const struct measure_options *options, const char *directory, double seconds,
                      pln_error *error)
{
    pln_status status = k->against ? history_read(k->against, &k->before, error) : PLN_OK;
    if (status == PLN_OK && k->save)
        status = history_check(k->save, error);
    if (status == PLN_OK && !(k->line = history_line(options, directory, seconds)))
        status = no_memory(error);
    return status;
}

void kept_columns(const struct kept *k, struct table *t)
{
    struct energy energy;
    energy_init(&energy, ENERGY_FOLDER);
    table_add_columns(t, always, COUNT(always));
    if (energy.n)
        table_add_columns(t, with_energy, COUNT(with_energy));
    if (k->against)
        table_add_columns(t, with_against, COUNT(with_against));
}

static void name_outliers(struct table *t, const char *device, const char *shape, const double *taken,
                          const double *sorted, uint32_t n)
{
    const uint32_t outliers = judge_outliers(sorted, n);
    uint32_t worst = 0;
    table_set_number(t, "outliers", outliers);
    while (outliers && taken[worst] < sorted[n - 1])
        worst++;
    if (outliers && t->n_notes < TABLE_NOTES - 1)
        table_add_note(t,
                       "Outliers of %s at %s: %u of %u runs, the worst was run %u with %.3f ms, %.1f times the median.",
                       device, shape, outliers, n, worst + 1, 1e3 * sorted[n - 1], sorted[n - 1] / sorted[n / 2]);
}

/* From the oldest call to the newest of what was last judged against. */
static void note_span(struct kept *k, const struct judge_side *before)
{
    snprintf(k->first, sizeof k->first, "%s", before->rounds[before->n - 1].time);
    snprintf(k->last, sizeof k->last, "%s", before->rounds[0].time);
}

static pln_status judge_row(struct kept *k, const json_t *lines, struct history_want want, struct table *t,
                            pln_error *error)
{
    static struct judge_side now, before;
    double *ours = NULL, *theirs = NULL;
    pln_status status = history_side(lines, &want, &now, &ours, error);
    want.another_build = k->one_file;
    if (status == PLN_OK)
        status = history_side(k->before, &want, &before, &theirs, error);
    if (status == PLN_OK && !before.n)
        table_set_text(t, "against", "no such row");
    else if (status == PLN_OK) {
        const struct judgement j = judge(&now, &before);
        k->judged++;
        k->slower |= j.known && j.low > 1 + k->percent / 100;
        note_span(k, &before);
        if (j.known) {
            table_set_number(t, "ratio", j.ratio);
            table_set_number(t, "ratio_low", j.low);
            table_set_number(t, "ratio_high", j.high);
            table_set_text(t, "covers", j.covers);
        }
        table_set_text(t, "against", j.verdict);
    }
    free(ours);
    free(theirs);
    return status;
}

pln_status kept_row(struct kept *k, struct speed *s, uint32_t i, struct table *t, pln_error *error)
{
    struct measured_device *d = &s->measure.devices[i];
    struct roof roofs[2] = {k->roofs[i].gflops > 0 ? k->roofs[i] : s->roofs[i], s->roofs[i]};
    name_outliers(t, d->place.label, s->measure.batch.shape, d->taken, d->times, d->n);
    if (table_find(t, "joules") >= 0 && d->facts.kind == PLN_DEVICE_KIND_CPU && d->joules > 0)
        table_set_number(t, "joules", d->joules);
    if (!k->save && !k->against)
        return PLN_OK;
    const pln_status status = speed_measure_roof(s, i, &roofs[1], error);
    if (status != PLN_OK)
        return status;
    k->roofs[i] = roofs[1];
    if (!history_add(k->line, s, i, roofs))
        return no_memory(error);
    if (!k->against)
        return PLN_OK;
    const json_t *rows = json_object_get(k->line, "rows");
    json_t *lines = json_pack("[O]", k->line);
    const struct history_want want = {.line = k->line, .row = json_array_get(rows, json_array_size(rows) - 1)};
    const pln_status judged = lines ? judge_row(k, lines, want, t, error) : no_memory(error);
    json_decref(lines);
    return judged;
}

static void note_against(const struct kept *k, struct table *t)
{
    if (t->n_notes < TABLE_NOTES && k->judged)
        table_add_note(t,
                       "Against %.60s, calls of %s to %s: ratio of medians at the measured roof of both, and where it "
                       "lies in 95 of 100 cases; over runs alone it misses what differs from call to call.",
                       k->against, k->first, k->last);
}

pln_status kept_end(struct kept *k, struct table *t, pln_error *error)
{
    const pln_status status = k->save ? history_append(k->save, k->line, error) : PLN_OK;
    if (status != PLN_OK || !k->against)
        return status;
    note_against(k, t);
    return k->judged ? PLN_OK : no_row(k, error);
}

void kept_finish(struct kept *k)
{
    json_decref(k->line);
    json_decref(k->before);
    k->line = k->before = NULL;
}

/* ---- times of a file */

static const struct table_column of_file[] = {
    {.key = "device", .title = "device", .width = 9, .fitted = true},
    {.key = "dtype", .title = "type", .rank = 3},
    {.key = "shape", .title = "shape", .width = 9},
    {.key = "threads", .title = "threads", .type = TABLE_COUNT, .rank = 4},
    {.key = "best_ms", .title = "best", .unit = "ms", .type = TABLE_NUMBER, .digits = 3, .rank = 2},
    {.key = "median_ms", .title = "median", .unit = "ms", .type = TABLE_NUMBER, .digits = 3, .rank = 1},
    {.key = "outliers", .title = "outliers", .type = TABLE_COUNT, .rank = 8},
};

static pln_status add_of_file(struct kept *k, const json_t *lines, const struct history_want *want, struct table *t,
                              pln_error *error)
{
    static double taken[MEASURE_TIMES], sorted[MEASURE_TIMES];
    const json_t *row = want->row, *seconds = json_object_get(row, "seconds");
    const uint32_t n = (uint32_t)json_array_size(seconds);
    const char *device = json_string_value(json_object_get(row, "device"));
    const char *shape = json_string_value(json_object_get(row, "shape"));
    for (uint32_t i = 0; i < n; i++)
        taken[i] = sorted[i] = json_number_value(json_array_get(seconds, i));
    sort_times(sorted, n);
    table_add_row(t);
    table_set_text(t, "device", device);
    table_set_text(t, "dtype", json_string_value(json_object_get(row, "dtype")));
    table_set_text(t, "shape", shape);
    table_set_number(t, "threads", json_number_value(json_object_get(row, "threads")));
    table_set_number(t, "best_ms", 1e3 * sorted[0]);
    table_set_number(t, "median_ms", 1e3 * sorted[(n - 1) / 2]);
    name_outliers(t, device, shape, taken, sorted, n);
    return judge_row(k, lines, *want, t, error);
}

static bool is_one_file(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

pln_status bench_kept(void *context, struct table *t, pln_error *error)
{
    struct bench *b = context;
    struct kept *k = &b->kept;
    json_t *lines = NULL;
    pln_status status = history_read(k->from, &lines, error);
    if (status == PLN_OK)
        status = history_read(k->against, &k->before, error);
    k->one_file = is_one_file(k->from, k->against);
    table_add_columns(t, of_file, COUNT(of_file));
    table_add_columns(t, with_against, COUNT(with_against));
    snprintf(t->title, sizeof t->title, "%.90s against %.90s", k->from, k->against);
    const json_t *line = json_array_get(lines, json_array_size(lines) - 1);
    const json_t *rows = json_object_get(line, "rows");
    for (size_t i = 0; status == PLN_OK && i < json_array_size(rows); i++)
        status = add_of_file(k, lines, &(struct history_want){.line = line, .row = json_array_get(rows, i)}, t, error);
    if (status == PLN_OK) {
        note_against(k, t);
        output_print(&b->output, t);
        status = k->judged ? PLN_OK : no_row(k, error);
    }
    json_decref(lines);
    return status;
}
