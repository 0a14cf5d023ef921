/* SPDX-License-Identifier: Apache-2.0
 *
 * From times to rates, and from rates to a place below the roof.
 */
#include "cli/measuring/speed.h"

#include <string.h>

const struct table_column speed_hidden_columns[SPEED_HIDDEN_COLUMNS] = {
    {.key = "name", .type = TABLE_TEXT},
    {.key = "driver", .type = TABLE_TEXT},
    {.key = "batch", .type = TABLE_COUNT},
    {.key = "seq", .type = TABLE_COUNT},
    {.key = "tokens", .type = TABLE_COUNT},
    {.key = "threads", .type = TABLE_COUNT},
    {.key = "runs", .type = TABLE_COUNT},
    {.key = "roof_gflops", .type = TABLE_NUMBER},
    {.key = "roof_gbytes_per_s", .type = TABLE_NUMBER},
};

/* Rows with the same threads of the same processor stand under the same roof, also of weights of the same width. */
static bool shares_roof(const struct measured_device *a, const struct measured_device *b)
{
    return a->facts.kind == PLN_DEVICE_KIND_CPU && b->facts.kind == PLN_DEVICE_KIND_CPU &&
           a->facts.threads == b->facts.threads && strcmp(a->facts.dtype, b->facts.dtype) == 0 &&
           strcmp(roof_instruction(a), roof_instruction(b)) == 0 && !measure_is_lost(a);
}

static pln_status measure_roof(void *context, void *argument, pln_error *error)
{
    const pln_status status = roof_measure(context, argument, error);
    roof_release(argument); /* the answer leaves this process */
    return status;
}

pln_status speed_open(struct speed *s, const struct measure_options *options, const char *directory, pln_error *error)
{
    struct measure *m = &s->measure;
    pln_status status = measure_open(m, options, directory, error);
    for (uint32_t i = 0; status == PLN_OK && i < m->n; i++) {
        uint32_t same = 0;
        while (same < i && !shares_roof(&m->devices[same], &m->devices[i]))
            same++;
        if (same < i)
            s->roofs[i] = s->roofs[same];
        else {
            cli_wait_begin(false, "measuring the roof of %s", m->devices[i].place.label);
            status = measure_ask(&m->devices[i], measure_roof, &s->roofs[i], sizeof s->roofs[i], error);
            cli_wait_end();
        }
    }
    return status;
}

pln_status speed_measure_roof(struct speed *s, uint32_t i, struct roof *roof, pln_error *error)
{
    return measure_ask(&s->measure.devices[i], measure_roof, roof, sizeof *roof, error);
}

void speed_close(struct speed *s)
{
    measure_close(&s->measure);
}

static void note_roof(struct table *t, const struct measured_device *d, const struct roof *roof)
{
    const uint32_t threads = d->facts.threads;
    const char *instruction = roof_instruction(d), *by = *instruction ? " by " : "";
    if (d->facts.kind != PLN_DEVICE_KIND_CPU)
        table_add_note(t, "Roof of %s: %.0f GFLOP/s, a plain product.", d->place.label, roof->gflops);
    else if (threads)
        table_add_note(
            t, "Roof of the processor with %u thread%s: %.0f GFLOP/s of multiply-adds%s%s, weights at %.1f GB/s.",
            threads, threads == 1 ? "" : "s", roof->gflops, by, instruction, roof->gbytes);
    else
        table_add_note(t, "Roof of the whole processor: %.0f GFLOP/s of multiply-adds, weights at %.1f GB/s.",
                       roof->gflops, roof->gbytes);
}

void speed_describe(struct table *t, const struct speed *s, const char *title, const char *directory)
{
    size_t length = strlen(directory);
    while (length > 1 && directory[length - 1] == '/')
        length--;
    size_t begin = length;
    while (begin && directory[begin - 1] != '/')
        begin--;
    snprintf(t->title, sizeof t->title, "%.*s: %s", (int)(length - begin), directory + begin, title);
    measure_widen(&s->measure, t);
    for (uint32_t i = 0; i < s->measure.n; i++) {
        const struct measured_device *d = &s->measure.devices[i];
        uint32_t same = 0;
        while (same < i && !shares_roof(&s->measure.devices[same], d))
            same++;
        if (same == i && !measure_is_lost(d) && t->n_notes < TABLE_NOTES)
            note_roof(t, d, &s->roofs[i]);
    }
}

/* A roof, and what is held against it. */
struct check {
    struct roof roof;
    struct roof_rates rates;
    bool exceeded;
};

static pln_status check_rates(void *context, void *argument, pln_error *error)
{
    struct check *check = argument;
    const pln_status status = roof_exceeded(context, check->rates, &check->roof, &check->exceeded, error);
    roof_release(&check->roof);
    return status;
}

static pln_status check_roof(struct speed *s, uint32_t i, pln_error *error)
{
    struct measured_device *d = &s->measure.devices[i];
    const double best = 1e9 * measure_quantile(d, 0);
    struct check check = {.roof = s->roofs[i], .rates = {s->measure.batch.flops / best, d->facts.weight_bytes / best}};
    const pln_status status = measure_ask(d, check_rates, &check, sizeof check, error);
    if (status != PLN_OK || measure_is_lost(d))
        return status;
    const struct roof *roof = &s->roofs[i];
    const bool memory = check.rates.gflops <= (1 + roof->slack) * check.roof.gflops;
    s->roofs[i] = check.roof;
    if (!check.exceeded)
        return PLN_OK;
    const double rate = memory ? check.rates.gbytes : check.rates.gflops;
    const double most = memory ? roof->gbytes : roof->gflops;
    *error = (pln_error){.status = PLN_FAILED, .node = -1};
    snprintf(error->message, sizeof error->message,
             "%s at %s: %.1f %s are more than the %.1f that %s can do: the measurement is wrong", d->place.label,
             s->measure.batch.shape, rate, memory ? "GB/s of weights" : "GFLOP/s", most,
             d->facts.kind == PLN_DEVICE_KIND_CPU ? "the processor" : "the device");
    return PLN_FAILED;
}

pln_status speed_set(struct table *t, struct speed *s, uint32_t i, double share, pln_error *error)
{
    struct measured_device *d = &s->measure.devices[i];
    const struct measured_batch *batch = &s->measure.batch;
    const double time = measure_quantile(d, share);
    const char *bound;
    const pln_status status = check_roof(s, i, error);
    if (status != PLN_OK)
        return status;
    if (measure_is_lost(d)) {
        measure_add_lost(t, &s->measure, d);
        return PLN_OK;
    }
    table_add_row(t);
    table_set_text(t, "device", d->place.label);
    table_set_text(t, "shape", batch->shape);
    table_set_number(t, "tokens_per_s", batch->n_tokens / time);
    table_set_number(t, "gflops", batch->flops / time / 1e9);
    table_set_number(t, "of_roof_percent", 100 * roof_share(&s->roofs[i], d, batch, time, &bound));
    table_set_text(t, "bound", bound);
    table_set_number(t, "slower_percent", 100 * (time / measure_fastest(&s->measure, share) - 1));
    table_set_text(t, "name", d->facts.name);
    table_set_text(t, "driver", d->facts.driver);
    table_set_text(t, "dtype", d->facts.dtype);
    table_set_number(t, "batch", batch->batch);
    table_set_number(t, "seq", batch->length);
    table_set_number(t, "tokens", batch->n_tokens);
    if (d->facts.threads)
        table_set_number(t, "threads", d->facts.threads);
    table_set_number(t, "runs", d->n);
    table_set_number(t, "roof_gflops", s->roofs[i].gflops);
    if (s->roofs[i].gbytes > 0)
        table_set_number(t, "roof_gbytes_per_s", s->roofs[i].gbytes);
    return PLN_OK;
}
