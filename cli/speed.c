/* SPDX-License-Identifier: Apache-2.0
 *
 * From times to rates, and from rates to a place below the roof.
 */
#include "cli/speed.h"

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

/* Rows with the same threads of the same processor stand under the same roof. */
static bool shares_roof(const struct measured_device *a, const struct measured_device *b)
{
    return a->entry->info.kind == PLN_KIND_CPU && b->entry->info.kind == PLN_KIND_CPU &&
           measure_threads(a) == measure_threads(b) && a->bf16 == b->bf16;
}

pln_status speed_open(struct speed *s, const struct measure_options *options, const char *directory, pln_error *error)
{
    pln_status status = measure_open(&s->measure, options, directory, error);
    for (uint32_t i = 0; status == PLN_OK && i < s->measure.n; i++) {
        uint32_t same = 0;
        while (!shares_roof(&s->measure.devices[same], &s->measure.devices[i]) && same < i)
            same++;
        if (same < i)
            s->roofs[i] = s->roofs[same];
        else
            status = roof_measure(&s->measure.devices[i], &s->roofs[i], error);
    }
    return status;
}

void speed_close(struct speed *s)
{
    measure_close(&s->measure);
}

static void note_roof(struct table *t, const struct measured_device *d, const struct roof *roof)
{
    const uint32_t threads = measure_threads(d);
    if (d->entry->info.kind != PLN_KIND_CPU)
        table_add_note(t, "Roof of %s: %.0f GFLOP/s, a plain product.", d->label, roof->gflops);
    else if (threads)
        table_add_note(t,
                       "Roof of the processor with %u thread%s: %.0f GFLOP/s of multiply-adds%s, weights at %.1f GB/s.",
                       threads, threads == 1 ? "" : "s", roof->gflops, d->bf16 ? " in bf16" : "", roof->gbytes);
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
        if (same == i && t->n_notes < TABLE_NOTES)
            note_roof(t, d, &s->roofs[i]);
    }
}

static pln_status check_roof(struct speed *s, uint32_t i, const struct cli_batch *batch, pln_error *error)
{
    const struct measured_device *d = &s->measure.devices[i];
    const double gflops = cli_batch_flops(batch, d->team->model) / measure_quantile(d, 0) / 1e9;
    char shape[48];
    bool exceeded;
    pln_status status = roof_exceeded(d, gflops, &s->roofs[i], &exceeded, error);
    if (status != PLN_OK || !exceeded)
        return status;
    *error = (pln_error){.status = PLN_FAILED, .node = -1};
    snprintf(error->message, sizeof error->message,
             "%s at %s: %.1f GFLOP/s are more than the %.1f that %s can do: the measurement is wrong", d->label,
             cli_batch_shape(batch, shape, sizeof shape), gflops, s->roofs[i].gflops,
             d->entry->info.kind == PLN_KIND_CPU ? "the processor" : "the device");
    return PLN_FAILED;
}

pln_status speed_set(struct table *t, struct speed *s, uint32_t i, const struct cli_batch *batch, double share,
                     pln_error *error)
{
    const struct measured_device *d = &s->measure.devices[i];
    const double time = measure_quantile(d, share), tokens = (double)cli_batch_tokens(batch);
    char shape[48];
    const char *bound;
    const pln_status status = check_roof(s, i, batch, error);
    if (status != PLN_OK)
        return status;
    table_add_row(t);
    table_set_text(t, "device", d->label);
    table_set_text(t, "shape", cli_batch_shape(batch, shape, sizeof shape));
    table_set_number(t, "tokens_per_s", tokens / time);
    table_set_number(t, "gflops", cli_batch_flops(batch, d->team->model) / time / 1e9);
    table_set_number(t, "of_roof_percent", 100 * roof_share(&s->roofs[i], d, batch, time, &bound));
    table_set_text(t, "bound", bound);
    table_set_number(t, "slower_percent", 100 * (time / measure_fastest(&s->measure, share) - 1));
    table_set_text(t, "name", d->entry->info.name);
    table_set_text(t, "driver", d->entry->info.driver);
    table_set_text(t, "dtype", d->bf16 ? "bf16" : d->entry->info.f32_bytes == 8 ? "f64" : "f32");
    table_set_number(t, "batch", batch->batch);
    table_set_number(t, "seq", batch->length);
    table_set_number(t, "tokens", tokens);
    if (measure_threads(d))
        table_set_number(t, "threads", measure_threads(d));
    table_set_number(t, "runs", d->n);
    table_set_number(t, "roof_gflops", s->roofs[i].gflops);
    if (s->roofs[i].gbytes > 0)
        table_set_number(t, "roof_gbytes_per_s", s->roofs[i].gbytes);
    return PLN_OK;
}
