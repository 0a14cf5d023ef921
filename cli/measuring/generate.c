/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens a second of a decoder that writes, beside the rate at which its weights could be read: of one sequence each new
 * token reads all of them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/measuring/bench.h"
#include "cli/measuring/roof.h"
#include "cli/measuring/sort.h"

static const struct table_column columns[] = {
    {.key = "device", .title = "device", .width = 9},
    {.key = "dtype", .title = "type"},
    {.key = "shape", .title = "prompts", .width = 9},
    {.key = "new_tokens", .title = "new", .type = TABLE_COUNT},
    {.key = "first_ms", .title = "first", .unit = "ms", .type = TABLE_NUMBER, .digits = 1, .width = 9},
    {.key = "token_ms", .title = "a token", .unit = "ms", .type = TABLE_NUMBER, .digits = 3, .width = 10},
    {.key = "tokens_per_s", .title = "tokens/s", .type = TABLE_NUMBER, .digits = 1, .width = 9},
    {.key = "gbytes_per_s", .title = "weights", .unit = "GB/s", .type = TABLE_NUMBER, .digits = 1, .width = 8},
    {.key = "of_roof_percent", .title = "of roof", .unit = "%", .type = TABLE_NUMBER, .digits = 1},
    {.key = "verdict", .title = "verdict", .judges = true}, /* of a device that was lost */
    {.key = "name", .type = TABLE_TEXT},
    {.key = "threads", .type = TABLE_COUNT},
    {.key = "runs", .type = TABLE_COUNT},
    {.key = "roof_gbytes_per_s", .type = TABLE_NUMBER},
};

enum { MOST_RUNS = 256 };

/* What the row's process is asked, and what it found. */
struct writing {
    uint32_t batch, length, new_tokens;
    double seconds;
    double first, step; /* of the best run: until the first token, then for each */
    double fastest;     /* step of the last run: as short as a reading of the roof */
    double share;       /* of the roof that it has, median of the runs */
    uint32_t runs;
    double weight_bytes; /* that each step reads */
    struct roof roof;
};

struct watch {
    double first, last, fastest;
};

static bool note_time(void *context, uint32_t prompt, uint32_t rank, int32_t token)
{
    struct watch *watch = context;
    (void)rank, (void)token;
    const double now = cli_seconds();
    if (watch->first < 0)
        watch->first = now;
    else if (prompt == 0 && now - watch->last < watch->fastest)
        watch->fastest = now - watch->last;
    if (prompt == 0) /* once a step */
        watch->last = now;
    return !cli_interrupted();
}

/* All prompts have one length: a step is one run. */
static pln_status time_run(pln_generator *generator, const pln_prompt *prompts, struct writing *w, pln_error *error)
{
    struct watch watch = {.first = -1, .fastest = INFINITY};
    const double begin = cli_seconds();
    const pln_status status = pln_generator_run(generator, prompts, w->batch, note_time, &watch, error);
    if (status != PLN_OK || cli_interrupted())
        return status;
    const uint32_t n = pln_generator_result(generator, 0, 0)->n_ids;
    const double step = n > 1 ? (watch.last - watch.first) / (n - 1) : watch.first - begin;
    w->new_tokens = n;
    w->fastest = n > 2 ? watch.fastest : step;
    if (!w->runs || step < w->step) {
        w->step = step;
        w->first = watch.first - begin;
    }
    w->runs++;
    return PLN_OK;
}

/* Beside the encoder the head's two matrices, of which the larger is the table of words. */
static double weight_bytes(const struct measured_device *d)
{
    const double h = (double)pln_model_number(d->model, "hidden_size"),
                 e = (double)pln_model_number(d->model, "embedding_size");
    const double words = (double)pln_model_number(d->model, "vocab_size");
    const double all = cli_weight_bytes(d->model) + sizeof(float) * (words * e + e * h - h * h);
    return all * cli_weight_share(d->facts.dtype);
}

/* A rate that memory cannot have is no result. */
static pln_status check_roof(const struct measured_device *d, struct writing *w, pln_error *error)
{
    const double rate = w->weight_bytes / w->step / 1e9, roof = w->roof.gbytes;
    bool exceeded = false;
    const pln_status status =
        roof > 0 ? roof_exceeded(d, (struct roof_rates){.gbytes = rate}, &w->roof, &exceeded, error) : PLN_OK;
    if (status != PLN_OK || !exceeded)
        return status;
    *error = (pln_error){.status = PLN_FAILED, .node = -1};
    snprintf(error->message, sizeof error->message,
             "%s, writing: %.1f GB/s of weights are more than the %.1f that memory can do: the measurement is wrong",
             d->place.label, rate, roof);
    return PLN_FAILED;
}

/* Memory reads at other rates from one second to the next where others use it too. So each run is held against what was
 * read just before and behind it, and the median of the runs counts. */
static pln_status time_runs(const struct measured_device *d, pln_generator *generator, const pln_prompt *prompts,
                            struct writing *w, pln_error *error)
{
    const double end = cli_seconds() + w->seconds;
    double before = w->roof.gbytes, shares[MOST_RUNS];
    do {
        const pln_status status = time_run(generator, prompts, w, error);
        if (status != PLN_OK || cli_interrupted())
            return status;
        const double behind = roof_read_again(d, &w->roof), roof = before > behind ? before : behind;
        shares[w->runs - 1] = roof > 0 ? w->weight_bytes / w->fastest / 1e9 / roof : 0;
        before = behind;
    } while (cli_seconds() < end && w->runs < MOST_RUNS);
    sort_times(shares, w->runs);
    w->share = shares[w->runs / 2];
    return check_roof(d, w, error);
}

static pln_status write_here(void *context, void *argument, pln_error *error)
{
    struct measured_device *d = context;
    struct writing *w = argument;
    pln_generator *generator = NULL;
    pln_generator_options options = PLN_GENERATOR_DEFAULTS;
    options.max_new_tokens = w->new_tokens;
    options.batch = w->batch;
    int32_t *ids = calloc((size_t)w->batch * w->length, sizeof *ids);
    pln_prompt *prompts = calloc(w->batch, sizeof *prompts);
    w->weight_bytes = weight_bytes(d);
    pln_status status = roof_measure(d, &w->roof, error);
    if (!ids || !prompts) {
        *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory for the prompts"};
        status = PLN_NO_MEMORY;
    }
    if (status == PLN_OK)
        status = pln_generator_create(d->session, &options, &generator, error);
    for (uint32_t i = 0; status == PLN_OK && i < w->batch * w->length; i++)
        ids[i] = (int32_t)(i % 7 + 1); /* which ones does not matter */
    for (uint32_t i = 0; status == PLN_OK && i < w->batch; i++)
        prompts[i] = (pln_prompt){.ids = ids + (size_t)i * w->length, .n_ids = w->length, .number = i};
    if (status == PLN_OK)
        status = time_runs(d, generator, prompts, w, error);
    roof_release(&w->roof);
    pln_generator_destroy(&generator);
    free(prompts);
    free(ids);
    return status;
}

static void add_row(struct table *t, const struct measured_device *d, const struct writing *w)
{
    char shape[32];
    snprintf(shape, sizeof shape, "%ux%u", w->batch, w->length);
    const double rate = w->weight_bytes / w->step / 1e9;
    table_add_row(t);
    table_set_text(t, "device", d->place.label);
    table_set_text(t, "dtype", d->facts.dtype);
    table_set_text(t, "shape", shape);
    table_set_number(t, "new_tokens", w->new_tokens);
    table_set_number(t, "first_ms", w->first * 1e3);
    table_set_number(t, "token_ms", w->step * 1e3);
    table_set_number(t, "tokens_per_s", w->batch / w->step);
    table_set_number(t, "gbytes_per_s", rate);
    if (w->roof.gbytes > 0) {
        table_set_number(t, "of_roof_percent", 100 * w->share);
        table_set_number(t, "roof_gbytes_per_s", w->roof.gbytes);
    }
    table_set_text(t, "name", d->facts.name);
    if (d->facts.threads)
        table_set_number(t, "threads", d->facts.threads);
    table_set_number(t, "runs", w->runs);
}

static pln_status write_shape(const struct bench *b, struct measure *m, struct cli_shape shape, struct table *t,
                              pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < m->n; i++) {
        struct measured_device *d = &m->devices[i];
        struct writing w = {
            .batch = shape.batch, .length = shape.length, .new_tokens = b->new_tokens, .seconds = b->seconds};
        cli_wait_begin(false, "writing on %s, %ux%u", d->place.label, shape.batch, shape.length);
        status = measure_ask(d, write_here, &w, sizeof w, error);
        cli_wait_end();
        if (status == PLN_OK && measure_is_lost(d))
            measure_add_lost(t, m, d);
        else if (status == PLN_OK && !cli_interrupted())
            add_row(t, d, &w);
    }
    return status;
}

pln_status bench_generate(void *context, struct table *t, pln_error *error)
{
    struct bench *b = context;
    struct measure m = {0};
    table_add_columns(t, columns, sizeof columns / sizeof *columns);
    t->plot = (struct table_plot){.kind = TABLE_BARS,
                                  .series = "device",
                                  .group = "shape",
                                  .value = "tokens_per_s",
                                  .unit = "tokens/s",
                                  .beside = {"token_ms", "of_roof_percent"},
                                  .value_name = "speed, tokens/s",
                                  .sense = "New tokens a second, best run; longer is faster."};
    snprintf(t->title, sizeof t->title, "Speed of writing");
    table_add_note(t,
                   "The roof is the rate at which weights come from memory, best reading; each token reads all of them "
                   "once. \"of roof\" is the fastest token beside it; the other columns are means of the best run.");
    pln_status status = measure_open(&m, &b->options, b->directory, error);
    if (status == PLN_OK)
        measure_widen(&m, t);
    for (uint32_t i = 0; status == PLN_OK && !cli_interrupted() && i < b->n_shapes; i++) {
        status = write_shape(b, &m, b->shapes[i], t, error);
        if (status == PLN_OK)
            output_print(&b->output, t);
    }
    b->lost = measure_lost_code(&m);
    measure_close(&m);
    return status;
}
